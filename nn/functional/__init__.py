"""The functions behind the layers, with PyTorch's names and arguments."""

from autograd.ops.index import one_hot
from autograd.ops.join import pad
from autograd.ops.windows import fold
from autograd.ops.windows import image_columns as unfold

from .activation import elu, gelu, leaky_relu, log_softmax, relu, sigmoid, silu, softmax, softplus, tanh
from .conv import conv1d, conv2d, conv3d, conv_transpose1d, conv_transpose2d, conv_transpose3d
from .cross_entropy import cross_entropy, nll_loss
from .dropout import dropout, dropout2d
from .linear import linear
from .loss import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    categorical_cross_entropy,
    cross_entropy_on_probabilities,
    l1_loss,
    mse_loss,
    smooth_l1_loss,
    sparse_categorical_cross_entropy,
)
from .normalization import batch_norm, group_norm, instance_norm, layer_norm
from .pooling import adaptive_avg_pool2d, avg_pool2d, avg_unpool2d, bed_of_nails, max_pool2d, max_unpool2d
from .resizing import interpolate

__all__ = [
    "adaptive_avg_pool2d",
    "avg_pool2d",
    "avg_unpool2d",
    "batch_norm",
    "bed_of_nails",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "categorical_cross_entropy",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "cross_entropy",
    "cross_entropy_on_probabilities",
    "dropout",
    "dropout2d",
    "elu",
    "fold",
    "gelu",
    "group_norm",
    "instance_norm",
    "interpolate",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log_softmax",
    "max_pool2d",
    "max_unpool2d",
    "mse_loss",
    "nll_loss",
    "one_hot",
    "pad",
    "relu",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "softmax",
    "softplus",
    "sparse_categorical_cross_entropy",
    "tanh",
    "unfold",
]
