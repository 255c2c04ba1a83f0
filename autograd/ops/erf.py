"""The error function: the Gaussian's integral."""

from __future__ import annotations

import math

import numpy as np

from .. import kernels
from ..primitive import primitive
from .elementwise import exp


@primitive(elementwise=True, promote="float")
def erf(input):
    """``2/√π · ∫₀^input e^(−t²) dt``"""
    return kernels.erf.erf(np.asarray(input))


erf.vjp(input=lambda g, input: g * (2 / math.sqrt(math.pi)) * exp(-(input * input)))
