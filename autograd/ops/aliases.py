"""Second names that PyTorch has for one function. Each is the same function."""

from .compare import clamp, ge, gt, le, lt, ne
from .elementwise import div, mul, neg, sub
from .join import cat
from .pieces import abs, trunc
from .trigonometry import acos, acosh, asin, asinh, atan, atan2, atanh

absolute = abs
arccos, arcsin, arctan, arctan2 = acos, asin, atan, atan2
arccosh, arcsinh, arctanh = acosh, asinh, atanh
clip = clamp
concat = concatenate = cat
divide = true_divide = div
fix = trunc
greater, greater_equal, less, less_equal, not_equal = gt, ge, lt, le, ne
multiply, negative, subtract = mul, neg, sub

# fmt: off
METHODS = (  # concat and concatenate are none
    "absolute", "arccos", "arcsin", "arctan", "arctan2", "arccosh", "arcsinh", "arctanh", "clip", "divide",
    "true_divide", "fix", "greater", "greater_equal", "less", "less_equal", "not_equal", "multiply", "negative",
    "subtract",
)
