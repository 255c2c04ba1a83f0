from .ops import methods
from .tensor import Tensor, tensor
from .engine import grad
