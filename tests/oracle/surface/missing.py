"""What is not there yet, and what does not agree yet. Both lists only get shorter.

A test fails when an entry is no longer true: its line then goes. ``python -m tests.oracle.surface NAME`` shows what.
"""

# functions, or their methods, that do not exist
MISSING = {
    "method bernoulli_",
}

# functions that do not agree with PyTorch everywhere: the first thing that differs
FAULTY: dict[str, str] = {
    "combinations": "refuses what PyTorch accepts: ValueError: cannot reshape array of size 0 into shape (0)",
    "cumprod": "accepts what PyTorch refuses: NotImplementedError: 'cumprod_out_cpu' not implemented for 'Bool'",
    "cumsum": "accepts what PyTorch refuses: NotImplementedError: 'cumsum_out_cpu' not implemented for 'Bool'",
    "lerp": "accepts what PyTorch refuses: NotImplementedError: 'lerp_kernel_scalar' not implemented for 'Long'",
    "linalg.vecdot": "accepts what PyTorch refuses: RuntimeError: inconsistent tensor size, expected tensor [1] and",
    "logcumsumexp": "accepts what PyTorch refuses: NotImplementedError: 'logcumsumexp_out_cpu' not implemented for ",
    "logsumexp": "accepts what PyTorch refuses: RuntimeError: output with shape [] doesn't match the broadcast shap",
    "median[all]": "accepts what PyTorch refuses: NotImplementedError: 'median_cpu' not implemented for 'Bool'",
    "method add_": "refuses what PyTorch accepts: RuntimeError: add_: the result is int64, which cannot be put into",
    "nanmean": "accepts what PyTorch refuses: RuntimeError: nanmean(): could not infer output dtype. Optional dtype",
    "nanmedian[all]": "accepts what PyTorch refuses: NotImplementedError: 'median_cpu' not implemented for 'Bool'",
    "setitem[a number]": "refuses what PyTorch accepts: IndexError: an index can only have a single ellipsis ('...'",
    "setitem[mask]": "accepts what PyTorch refuses: RuntimeError: Index put requires the source and destination dty",
    "setitem[positions]": "accepts what PyTorch refuses: RuntimeError: Index put requires the source and destinatio",
    "subtract": "accepts what PyTorch refuses: RuntimeError: Subtraction, the `-` operator, with two bool tensors i",
    "topk[values of ties]": "accepts what PyTorch refuses: RuntimeError: topk does not support bool dtypes on CPU",
    "tril_indices": "accepts what PyTorch refuses: RuntimeError: row must be non-negative, got-1",
    "triu_indices": "accepts what PyTorch refuses: RuntimeError: row must be non-negative, got-1",
    "unique": "accepts what PyTorch refuses: RuntimeError: There are 0 sized dimensions, and they aren't selected, ",
    "unique_consecutive": "shape: (), PyTorch (0,)",
    "unravel_index": "refuses what PyTorch accepts: ValueError: unravel_index: an index is out of range for 4 eleme",
}
