"""Products of vectors, matrices and batches of them."""

from __future__ import annotations

import math
import string
from typing import Any

import numpy as np

from .. import kernels
from ..primitive import primitive
from .diagonals import _diagonal
from .layout import _permute, _reshape, matrix_transpose, sum_to


@primitive
def _matmul(input, other):
    """Of batches of matrices (each at least 2-d) whose leading dimensions broadcast."""
    if other.ndim == 2 and input.ndim > 2:  # one large product instead of a small one for each of the batch
        rows = np.ascontiguousarray(input).reshape(math.prod(input.shape[:-1]), input.shape[-1])  # −1 cannot tell 0/0
        return kernels.matmul.matmul(rows, other).reshape(*input.shape[:-1], other.shape[-1])
    return kernels.matmul.matmul(input, other)


def _times(a, b):
    """``a @ b`` in a rule: of arrays at once, without the door of an op."""
    return _matmul.forward(a, b) if type(a) is np.ndarray is type(b) else _matmul(a, b)


def _matmul_input_rule(g, other, input_shape):
    gx = _times(g, matrix_transpose(other))
    return gx if gx.shape == input_shape else sum_to(gx, shape=input_shape)


def _matmul_other_rule(g, input, other_shape):
    if len(other_shape) == 2 and input.ndim > 2:  # again one product, which sums over the batch as well
        rows = math.prod(input.shape[:-1])
        input = _reshape(input, shape=(rows, input.shape[-1]))
        g = _reshape(g, shape=(rows, g.shape[-1]))
    gx = _times(matrix_transpose(input), g)
    return gx if gx.shape == other_shape else sum_to(gx, shape=other_shape)


_matmul.vjp(input=_matmul_input_rule, other=_matmul_other_rule)


@primitive
def _dot(input, other):
    return kernels.matmul.dot(input, other)


_dot.vjp(input=lambda g, other: g * other, other=lambda g, input: g * input)


def _check(op: str, input: Any, other: Any) -> None:
    for x in (input, other):
        if not hasattr(x, "ndim"):
            raise TypeError(f"{op}: both are Tensors or arrays, not {type(x).__name__}")
    if input.dtype != other.dtype:
        raise TypeError(f"{op}: input is {input.dtype} but other is {other.dtype}; convert one with .to(dtype)")
    if input.dtype.kind == "b" and all(input.shape) and all(other.shape):
        raise TypeError(f"{op}: booleans are not multiplied and added; convert them with .to(dtype)")


def matmul(input: Any, other: Any) -> Any:
    """The matrix product: ``(..., n, k) @ (..., k, m) → (..., n, m)``; leading dimensions broadcast.

    A vector on the left is a row, on the right a column, and its dimension does not appear in the result.
    """
    _check("matmul", input, other)
    left, right = input.ndim, other.ndim
    if not left or not right:
        raise ValueError("matmul: a 0-d tensor has no rows or columns; use * to scale")
    inner, expected = input.shape[-1], other.shape[-2 if right > 1 else -1]
    if inner != expected:
        raise ValueError(
            f"matmul: input has {inner} columns but other has {expected} rows; "
            f"input.shape={tuple(input.shape)}, other.shape={tuple(other.shape)}"
        )
    if left > 1 and right > 1:
        return _matmul(input, other)
    if left == 1 and right == 1:
        return _dot(input, other)
    if left == 1:
        out = _matmul(_reshape(input, shape=(1, inner)), other)
        return _reshape(out, shape=(*out.shape[:-2], out.shape[-1]))
    out = _matmul(input, _reshape(other, shape=(inner, 1)))
    return _reshape(out, shape=out.shape[:-1])


def _product(name: str, ndims: tuple[int, int], input: Any, other: Any) -> Any:
    if (input.ndim, other.ndim) != ndims:
        raise ValueError(
            f"{name}: expected {ndims[0]} and {ndims[1]} dimensions, "
            f"not shapes {tuple(input.shape)} and {tuple(other.shape)}; matmul takes any"
        )
    if name == "bmm" and input.shape[0] != other.shape[0]:
        raise ValueError(f"bmm: {input.shape[0]} matrices on the left, {other.shape[0]} on the right")
    return matmul(input, other)


def mm(input: Any, mat2: Any) -> Any:
    """The product of two matrices, without broadcasting."""
    return _product("mm", (2, 2), input, mat2)


def mv(input: Any, vec: Any) -> Any:
    """The product of a matrix and a vector."""
    return _product("mv", (2, 1), input, vec)


def bmm(input: Any, mat2: Any) -> Any:
    """The products of two equally long stacks of matrices, without broadcasting."""
    return _product("bmm", (3, 3), input, mat2)


def dot(input: Any, tensor: Any) -> Any:
    """The inner product of two vectors of numbers."""
    if input.dtype == np.bool_:
        raise TypeError("dot: booleans are not multiplied and added; convert them with .to(dtype)")
    return _product("dot", (1, 1), input, tensor)


def vdot(input: Any, other: Any) -> Any:
    """:func:`dot`, whose conjugate numbers are real here."""
    return dot(input, other)


def outer(input: Any, vec2: Any) -> Any:
    """``out[i, j] = input[i] · vec2[j]``"""
    if (input.ndim, vec2.ndim) != (1, 1):
        raise ValueError(f"outer: expected two vectors, not shapes {tuple(input.shape)} and {tuple(vec2.shape)}")
    return _reshape(input, shape=(-1, 1)) * _reshape(vec2, shape=(1, -1))


# --- einsum ---------------------------------------------------------------------------------------------------------
# Operands are brought to a form in which every letter of an operand stands once in it and again in the other operand or
# the result. In that form the gradient of a contraction is a contraction of the same kind.


@primitive
def _contract(input, other, *, equation):
    a, b, c = _letters(equation)
    batch = [i for i in a if i in b and i in c]
    inner = [i for i in a if i in b and i not in c]
    rows, columns = [i for i in a if i not in b], [i for i in b if i not in a]
    size = dict(zip(a + b, input.shape + other.shape))

    def matrices(x: np.ndarray, have: str, want: list) -> np.ndarray:
        return np.transpose(x, [have.index(i) for group in want for i in group]).reshape(
            [math.prod(size[i] for i in group) for group in want]
        )

    product = kernels.matmul.matmul(
        matrices(input, a, [batch, rows, inner]), matrices(other, b, [batch, inner, columns])
    )
    order = batch + rows + columns
    return np.transpose(product.reshape([size[i] for i in order]), [order.index(i) for i in c])


def _letters(equation: str) -> tuple[str, str, str]:
    inputs, c = equation.split("->")
    a, b = inputs.split(",")
    return a, b, c


def _contract_input_rule(g, other, *, equation):
    a, b, c = _letters(equation)
    return _contract(g, other, equation=f"{c},{b}->{a}")


def _contract_other_rule(g, input, *, equation):
    a, b, c = _letters(equation)
    return _contract(g, input, equation=f"{c},{a}->{b}")


_contract.vjp(input=_contract_input_rule, other=_contract_other_rule)


def einsum(equation: Any, *operands: Any) -> Any:
    """Einstein's sums: ``einsum("bij,bjk->bik", x, y)``.

    Letters missing on the right are summed over; a letter twice in one operand takes its diagonal; ``...`` stands for
    the dimensions that are not named. Without ``->`` the result has the letters that occur once, in alphabetical order.
    Sizes of 1 broadcast. ``einsum(x, [0, 1], y, [1, 2], [0, 2])``, with numbers for letters, means the same.
    """
    if not isinstance(equation, str):
        equation, operands = _from_numbers((equation, *operands))
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = tuple(operands[0])
    terms, result = _parse(equation, operands)
    sizes: dict[str, int] = {}
    for term, x in zip(terms, operands):
        own: dict[str, int] = {}
        for letter, n in zip(term, x.shape):
            if own.setdefault(letter, n) != n:
                raise ValueError(f"einsum: {letter!r} is {own[letter]} and {n} in one operand of {equation!r}")
            known = sizes.setdefault(letter, n)
            if known == 1:
                sizes[letter] = n
            elif n not in (1, known):
                raise ValueError(f"einsum: {letter!r} is {known} in one operand and {n} in another of {equation!r}")
    pairs = [_single(*_narrow(term, x, sizes)) for term, x in zip(terms, operands)]
    term, x = pairs[0]
    for k, (next_term, next_x) in enumerate(pairs[1:], 2):
        _check("einsum", x, next_x)
        later = set(result).union(*(t for t, _ in pairs[k:]))
        term, x = _sum_away(term, x, set(next_term) | later)
        next_term, next_x = _sum_away(next_term, next_x, set(term) | later)
        both = term + "".join(i for i in next_term if i not in term)
        kept = "".join(i for i in both if i in later)
        x = _contract(x, next_x, equation=f"{term},{next_term}->{kept}")
        term = kept
    term, x = _sum_away(term, x, set(result))
    return x if term == result else _permute(x, dims=tuple(term.index(i) for i in result))


def _from_numbers(arguments: tuple) -> tuple[str, tuple]:
    """``(x, [0, 1], y, [1, ...], [0, ...])`` as an equation and operands."""
    letters = string.ascii_letters

    def term(numbers: Any) -> str:
        if any(n is not Ellipsis and not 0 <= n < len(letters) for n in numbers):
            raise ValueError(f"einsum: dimensions are numbers from 0 to {len(letters) - 1} or ..., not {list(numbers)}")
        return "".join("..." if n is Ellipsis else letters[n] for n in numbers)

    pairs = len(arguments) // 2
    equation = ",".join(term(arguments[2 * i + 1]) for i in range(pairs))
    if len(arguments) % 2:
        equation += "->" + term(arguments[-1])
    return equation, tuple(arguments[: 2 * pairs : 2])


def _parse(equation: str, operands: tuple) -> tuple[list[str], str]:
    """The letters of each operand and of the result; ``...`` becomes capital Greek letters counted from the right."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(operands):
        raise ValueError(f"einsum: {equation!r} names {len(terms)} operands, {len(operands)} given")
    widths = []
    for term, x in zip(terms, operands):
        plain = term.replace("...", "", 1)
        if not (plain == "" or plain.isalpha()):
            raise ValueError(f"einsum: {term!r} in {equation!r} holds something else than letters and ...")
        widths.append(x.ndim - len(plain) if "..." in term else 0)
        if widths[-1] < 0 or ("..." not in term and x.ndim != len(plain)):
            raise ValueError(f"einsum: {term!r} in {equation!r} does not fit an operand of shape {tuple(x.shape)}")
    unnamed = "".join(chr(0x391 + i) for i in range(max(widths)))
    terms = [t.replace("...", unnamed[len(unnamed) - w :] if w else "") for t, w in zip(terms, widths)]
    if arrow:
        right = right.replace("...", unnamed)
    else:
        letters = "".join(terms)
        right = unnamed + "".join(i for i in sorted(set(letters)) if letters.count(i) == 1 and i not in unnamed)
    if len(set(right)) != len(right) or not set(right) <= set("".join(terms)):
        raise ValueError(f"einsum: the result {right!r} of {equation!r} must name letters of the operands, each once")
    return terms, right


def _narrow(term: str, x: Any, sizes: dict[str, int]) -> tuple[str, Any]:
    """One operand without the letters of size 1 that are larger elsewhere: they broadcast."""
    kept = [i for i, letter in enumerate(term) if x.shape[i] == sizes[letter]]
    if len(kept) < len(term):
        term, x = "".join(term[i] for i in kept), _reshape(x, shape=tuple(x.shape[i] for i in kept))
    return term, x


def _single(term: str, x: Any) -> tuple[str, Any]:
    """One operand with every letter once: repeated letters take a diagonal."""
    for letter in dict.fromkeys(term):
        while term.count(letter) > 1:
            i = term.index(letter)
            j = term.index(letter, i + 1)
            x = _diagonal(x, offset=0, dim1=i, dim2=j)
            term = term[:i] + term[i + 1 : j] + term[j + 1 :] + letter
    return term, x


def _sum_away(term: str, x: Any, needed: set[str]) -> tuple[str, Any]:
    from .reduce import _sum

    gone = tuple(i for i, letter in enumerate(term) if letter not in needed)
    return ("".join(i for i in term if i in needed), _sum(x, dim=gone, keepdim=False)) if gone else (term, x)
