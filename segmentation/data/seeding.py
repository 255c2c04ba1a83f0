"""Random generators that depend on a key and on nothing else.

Every random choice about data has a key such as ("augment", seed, epoch, index). The same key gives the same stream
whatever was drawn before it, by whom, and in what order: that makes a resumed run see the bits of an unbroken one.
"""

import hashlib
import operator

import numpy as np


def generator(purpose: str, *numbers: int) -> np.random.Generator:
    """Return the random generator of the key (purpose, *numbers).

    The key is hashed first. ``SeedSequence`` alone pads its input with zeros and cuts large numbers into 32-bit words,
    so that (seed, epoch) and (seed, epoch, 0), or (2**32, 1) and (0, 1, 1), would share one stream.

    purpose : str, keeps apart uses that happen to have the same numbers ("order", "augment", ...)
    numbers : int, each may be any integer, negative ones too

    Raises TypeError where a number is not an integer.
    """
    key = repr((purpose, *(operator.index(n) for n in numbers))).encode()
    return np.random.default_rng(int.from_bytes(hashlib.blake2b(key, digest_size=16).digest(), "little"))
