"""What is written on a node: short on its face, everything in its details."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from .form import ModuleForm, NodeForm

_SIZES_OF_THE_OUTPUT = {"shape", "size", "output_size", "dtype", "scales"}  # the shape line says it already
_ONE_BY_DEFAULT = {"stride", "dilation", "groups"}
_FACE_SETTINGS = 3
_FACE_WIDTH = 36
_NEVER_ON_THE_FACE = {"kernel_size", "eps", "ends"}

# Where an op belongs, by its name where its file (``NodeForm.family``) says too little.
_ACTIVATIONS = {
    "relu", "relu6", "leaky_relu", "prelu", "elu", "selu", "celu", "gelu", "silu", "mish", "sigmoid", "logsigmoid",
    "tanh", "hardsigmoid", "hardswish", "hardtanh", "softplus", "softsign", "threshold",
}  # fmt: skip
_BY_FAMILY = {
    "conv": "convolution",
    "linalg": "linear",
    "matmul": "linear",
    "norm": "normalisation",
    "pool": "pooling, resizing",
    "resize": "pooling, resizing",
    "reduce": "reduction, loss",
    "loss": "reduction, loss",
    "softmax": "activation",
    "activation": "activation",
    "layout": "shape, index",
    "index": "shape, index",
    "join": "shape, index",
    "elementwise": "arithmetic",
}
CATEGORIES = ("convolution", "linear", "normalisation", "activation", "pooling, resizing", "reduction, loss",
              "shape, index", "arithmetic", "other op", "input, output", "parameter")  # fmt: skip


def category(node: NodeForm) -> str:
    """The colour group of a node."""
    if node.kind != "op":
        return "parameter" if node.kind == "parameter" else "input, output"
    if node.name in _ACTIVATIONS:
        return "activation"
    return _BY_FAMILY.get(node.family, "other op")


def shape(node: NodeForm) -> str:
    """``(8, 3, 64, 64)``, with the dtype where it is not the usual float32."""
    sizes = f"({', '.join(map(str, node.shape))}{',' if len(node.shape) == 1 else ''})"
    return sizes if node.dtype == "float32" else f"{sizes} {node.dtype}"


def shapes(nodes: Iterable[NodeForm]) -> str:
    """Several shapes in one line, at most three of them."""
    texts = [shape(node) for node in nodes]
    return ", ".join(texts[:3]) + (f", … ({len(texts)})" if len(texts) > 3 else "")


def op_title(node: NodeForm, sources: Sequence[tuple[str, NodeForm]]) -> str:
    """The op's name, with the kernel's size where it has a kernel. ``sources``: (role, node) per edge into it."""
    kernel = next((_sizes(v) for k, v in node.settings if k == "kernel_size"), None)
    if kernel is None and node.family == "conv":
        weight = next((s for role, s in sources if role in ("w", "weight")), None)
        kernel = weight.shape[2:] if weight is not None else None
    return f"{node.name} {'×'.join(map(str, kernel))}" if kernel else node.name


def face_settings(node: NodeForm) -> str:
    """The settings that differ from what everybody expects, in a few words."""
    words = []
    for key, text in node.settings:
        sizes = _sizes(text)
        expected = {1} if key in _ONE_BY_DEFAULT else {0} if key == "padding" else None
        if key in _SIZES_OF_THE_OUTPUT or key in _NEVER_ON_THE_FACE or text.startswith("array"):
            continue
        if text in ("None", "False") or (sizes and expected == set(sizes)):
            continue
        if sizes and len(set(sizes)) == 1 and expected is not None:
            text = str(sizes[0])
        words.append(f"{key.replace('_', ' ')} {text}" if text != "True" else key)
    more = f" · +{len(words) - _FACE_SETTINGS}" if len(words) > _FACE_SETTINGS else ""
    return _cut(" · ".join(words[:_FACE_SETTINGS]) + more, 44)


def _sizes(text: str) -> tuple[int, ...] | None:
    """The whole numbers of a setting that is a number or a tuple of them."""
    return tuple(map(int, re.findall(r"-?\d+", text))) if re.fullmatch(r"[-\d,() ]*\d[-\d,() ]*", text) else None


def short_name(node: NodeForm, module: str) -> str:
    """A parameter's name as seen from inside ``module``."""
    return _cut(node.name.removeprefix(re.sub(r"%\d+", "", module) + ".") if module else node.name, 40)


def parameter(node: NodeForm, module: str) -> str:
    """``weight (16, 3, 3, 3)``."""
    return f"{short_name(node, module)} {shape(node)}"


def joined(texts: Sequence[str]) -> list[str]:
    """Short texts in as few lines as hold them without making the node wide."""
    lines: list[str] = []
    for text in texts:
        if lines and len(lines[-1]) + len(text) < _FACE_WIDTH:
            lines[-1] += f" · {text}"
        else:
            lines.append(text)
    return lines


def module_title(name: str, kind: str) -> str:
    return _cut(kind if name == kind else f"{name}: {kind}" if kind else name, 44)


def count(number: int, noun: str) -> str:
    """``1 op``, ``31,042 parameters``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def size(number: int | None) -> str:
    """Bytes for people."""
    if number is None:
        return "freed by backward"
    value = float(number)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if value < 1024 or unit == "GiB":
            break
        value /= 1024
    return f"{value:,.0f} {unit}" if unit == "bytes" else f"{value:,.1f} {unit}"


def node_details(node: NodeForm, sources: Sequence[tuple[str, NodeForm]]) -> tuple[str, ...]:
    """Everything known about a node, a line each."""
    lines = [node.id, f"{node.name}: {shape(node)} {node.dtype if node.dtype == 'float32' else ''}".rstrip()]
    lines += [f"{role} = {source.id} {shape(source)}" for role, source in sources]
    lines += [f"{key}: {value}" for key, value in node.settings]
    if node.kind == "op":
        lines.append(f"saved for backward: {size(node.saved_bytes)}")
    if node.where:
        lines.append(f"recorded at {node.where}")
    return tuple(lines)


def module_details(module: ModuleForm, ops: Sequence[NodeForm]) -> tuple[str, ...]:
    """What is known about a module call and the ops inside it."""
    kinds: dict[str, int] = {}
    for node in ops:
        kinds[node.name] = kinds.get(node.name, 0) + 1
    often = sorted(kinds.items(), key=lambda item: -item[1])[:6]
    saved = [node.saved_bytes for node in ops]
    lines = [module.id, f"{module.kind or 'group'}: {count(len(ops), 'op')}, {count(module.parameters, 'parameter')}"]
    if often:
        lines.append(", ".join(f"{n} {name}" for name, n in often) + (", …" if len(kinds) > 6 else ""))
    lines.append(f"saved for backward: {size(None if None in saved else sum(s for s in saved if s is not None))}")
    return tuple(lines)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
