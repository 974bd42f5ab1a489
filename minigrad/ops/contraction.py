"""Einstein summation: products of several arrays, whose axes to multiply, keep and sum are named by letters.

The steps depend on the subscripts and the shapes alone: they are planned once, as a `Program`, and cached.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Sequence
from string import ascii_letters, ascii_lowercase, ascii_uppercase
from typing import Any, NamedTuple

import numpy as np

from minigrad.arrays import Array, shape_of
from minigrad.engine.composite import composite
from minigrad.engine.primitive import primitive
from minigrad.engine.promotion import promoting
from minigrad.engine.registry import register
from minigrad.errors import ShapeError
from minigrad.kernels import contraction as kernel
from minigrad.ops.diagonals import diagonal
from minigrad.ops.reduction import sum
from minigrad.ops.shape import permute, reshape

__all__ = ["bilinear", "einsum"]

Shape = tuple[int, ...]
NUMBERED = ascii_uppercase + ascii_lowercase  # in alphabetical order, so that implicit outputs are sorted by number


class Preparation(NamedTuple):
    """The steps that leave an operand without repeated labels, broadcast axes, and labels that occur nowhere else."""

    diagonals: tuple[tuple[int, int], ...]  # pairs of axes with one label
    shape: Shape | None  # without axes of size 1 that broadcast; None: as it is
    summed: tuple[int, ...]  # axes whose labels occur nowhere else


class Program(NamedTuple):
    """The steps of an einsum for given shapes: prepare the operands, contract two at a time, order the axes."""

    preparations: tuple[Preparation, ...]
    products: tuple[
        tuple[int, int, str], ...
    ]  # of two operands or earlier products, which are numbered after the operands, and subscripts
    order: Shape | None  # of the axes of the last product; None: unchanged


@promoting("x", "y")
@primitive
def contract(x: Array, y: Array, subscripts: str) -> Array:
    """Compute the einsum of two arrays, such as ``"ij,jk->ik"``. The gradient of each is a contraction of the other and g.

    No label occurs twice in one term, and each label occurs in at least two of the three terms.
    """
    return kernel.contract(x, y, subscripts)


@contract.gradient("x")
def _(g: Any, y: Any, subscripts: str) -> Any:
    x_labels, y_labels, out = _terms(subscripts)
    return contract(g, y, f"{out},{y_labels}->{x_labels}")


@contract.gradient("y")
def _(g: Any, x: Any, subscripts: str) -> Any:
    x_labels, y_labels, out = _terms(subscripts)
    return contract(x, g, f"{x_labels},{out}->{y_labels}")


@register(np.einsum)
@composite
def einsum(subscripts: Any, *operands: Any, optimize: Any = "greedy") -> Any:
    """Multiply all operands and sum over every label that the output lacks; ``"ij,jk->ik"`` is a matrix product.

    All of NumPy's forms are accepted: a repeated label in one term means the diagonal; without ``->`` the output has the
    labels that occur once, in alphabetical order; ``...`` stands for the remaining axes, which broadcast, and are summed if
    the output has no ``...``; an axis of size 1 broadcasts; and ``einsum(x, [0, 1], y, [1, 2], [0, 2])`` names axes by
    numbers.

    Operands are contracted two at a time, as matrix products where possible, in the order given by `optimize`: "greedy",
    "optimal", a path of ``np.einsum_path``, or False for left to right. Raises ValueError for invalid subscripts, ShapeError
    for operands that do not fit them.

    >>> import numpy as np
    >>> a = np.array([[1, 2], [3, 4]])
    >>> einsum("ii", a), einsum("ij->j", a), einsum("ij,j", a, np.array([1, 10]))
    (np.int64(5), array([4, 6]), array([21, 43]))
    """
    if len(operands) == 1 and isinstance(operands[0], tuple | list) and all(hasattr(x, "shape") for x in operands[0]):
        operands = tuple(operands[0])  # PyTorch's older form
    if not isinstance(subscripts, str):
        subscripts, operands = _lettered((subscripts, *operands))
    optimize = tuple(optimize) if isinstance(optimize, list) else optimize
    program = _program(subscripts, tuple([shape_of(x) for x in operands]), optimize)
    arrays = []
    for x, (pairs, shape, summed) in zip(operands, program.preparations, strict=True):
        for pair in pairs:
            x = diagonal(x, 0, *pair)
        if shape is not None:
            x = reshape(x, shape)
        arrays.append(sum(x, summed) if summed else x)
    for i, j, terms in program.products:
        arrays.append(contract(arrays[i], arrays[j], terms))
    return arrays[-1] if program.order is None else permute(arrays[-1], program.order)


@promoting("input1", "input2", "weight", "bias")
@composite
def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Any:
    """Compute ``input1 @ weight[o] @ input2 + bias[o]`` for each output o: (..., I) and (..., J) to (..., O).

    `weight` is (O, I, J), `bias` (O,). Raises ShapeError where they do not fit.

    >>> import numpy as np
    >>> bilinear(np.array([[1.0, 2.0]]), np.array([[3.0]]), np.ones((1, 2, 1)))
    array([[9.]])
    """
    first, second, wanted = shape_of(input1), shape_of(input2), shape_of(weight)
    fits = len(wanted) == 3 and first and second and (first[-1], second[-1]) == wanted[1:] and first[:-1] == second[:-1]
    if not fits or (bias is not None and shape_of(bias) != wanted[:1]):
        raise ShapeError(
            "bilinear: the inputs do not match the weight\n"
            f"  input1  {first}  = (..., in1_features)\n"
            f"  input2  {second}  = (..., in2_features)\n"
            f"  weight  {wanted}  = (out_features, in1_features, in2_features)\n"
            f"  bias    {None if bias is None else shape_of(bias)}"
        )
    out = einsum("...i,oij,...j->...o", input1, weight, input2)
    return out if bias is None else out + bias


@register(np.einsum_path)
def einsum_path(*operands: Any, optimize: Any = "greedy") -> Any:
    """Return the order in which `einsum` contracts, and its cost; see ``np.einsum_path``."""
    return np.einsum_path(*(_hollow(shape_of(x)) if hasattr(x, "shape") else x for x in operands), optimize=optimize)


@functools.lru_cache(4096)
def _program(subscripts: str, shapes: tuple[Shape, ...], optimize: Any) -> Program:
    """Plan an einsum: the labels that each operand keeps, and the order of contractions."""
    terms, out = _parsed(subscripts.replace(" ", ""), [len(shape) for shape in shapes])
    sizes = _sizes(terms, shapes)
    distinct = [_distinct(labels, shape, sizes) for labels, shape in zip(terms, shapes, strict=True)]
    uses = Counter(out + "".join(labels for labels, _, _ in distinct))
    preparations = tuple(
        Preparation(pairs, shape, tuple(at for at, label in enumerate(labels) if uses[label] == 1))
        for labels, pairs, shape in distinct
    )
    factors = ["".join(label for label in labels if uses[label] > 1) for labels, _, _ in distinct]
    waiting = list(range(len(factors)))  # not yet contracted
    products = []
    for group in _path(factors, out, sizes, optimize):
        i, *others = [waiting[at] for at in group]
        waiting = [at for at in waiting if at not in (i, *others)]
        for at, j in enumerate(others, 1):
            wanted = set(out).union(*[factors[k] for k in (*waiting, *others[at:])])
            kept = "".join(label for label in dict.fromkeys(factors[i] + factors[j]) if label in wanted)
            kept = out if set(kept) == set(out) else kept  # the axes of the last product are in order
            products.append((i, j, f"{factors[i]},{factors[j]}->{kept}"))
            i = len(factors)
            factors.append(kept)
        waiting.append(i)
    order = tuple(factors[-1].index(label) for label in out)
    return Program(preparations, tuple(products), None if order == tuple(range(len(out))) else order)


def _distinct(labels: str, shape: Shape, sizes: dict[str, int]) -> tuple[str, tuple[tuple[int, int], ...], Shape | None]:
    """Return the labels of an operand without repeated and broadcast axes; the diagonals to take, and the new shape."""
    pairs = []
    while len(set(labels)) < len(labels):
        label = next(label for label in labels if labels.count(label) > 1)
        first, second = labels.index(label), labels.rindex(label)
        if shape[first] != shape[second]:
            raise ShapeError(f"einsum: a diagonal {label!r} of sizes {shape[first]} and {shape[second]} in one operand")
        pairs.append((first, second))
        others = [at for at in range(len(labels)) if at not in (first, second)]
        labels = "".join(labels[at] for at in others) + label  # the diagonal comes last
        shape = (*(shape[at] for at in others), shape[first])
    stays = [at for at, label in enumerate(labels) if shape[at] == sizes[label]]
    if len(stays) == len(labels):
        return labels, tuple(pairs), None
    return "".join(labels[at] for at in stays), tuple(pairs), tuple(shape[at] for at in stays)


def _path(terms: Sequence[str], out: str, sizes: dict[str, int], optimize: Any) -> list[tuple[int, ...]]:
    """Return the groups of operands to contract, in order; each product is appended to the remaining operands."""
    if len(terms) < 3:
        return [(0, 1)] * (len(terms) - 1)
    hollow = [_hollow(tuple(sizes[label] for label in labels)) for labels in terms]
    path, _ = np.einsum_path(f"{','.join(terms)}->{out}", *hollow, optimize=optimize)
    return [tuple(group) for group in path[1:]]


def _hollow(shape: Shape) -> Array:
    return np.broadcast_to(np.zeros(()), shape)


def _terms(subscripts: str) -> tuple[str, str, str]:
    terms, out = subscripts.split("->")
    x, y = terms.split(",")
    return x, y, out


def _parsed(subscripts: str, ndims: Sequence[int]) -> tuple[list[str], str]:
    """Return the labels of each operand and of the output, with unused letters for the axes that ``...`` stands for."""
    given, arrow, wanted = subscripts.partition("->")
    terms = given.split(",")
    if len(terms) != len(ndims):
        raise ValueError(f"einsum: {subscripts!r} names {len(terms)} operands, got {len(ndims)}")
    for term in (*terms, wanted):
        if not set(term.replace("...", "", 1)) <= set(ascii_letters):
            raise ValueError(f"einsum: a term has letters and at most one '...', got {term!r} in {subscripts!r}")
    rest = [ndim - len(term.replace("...", "")) for term, ndim in zip(terms, ndims, strict=True)]
    for i, (term, n) in enumerate(zip(terms, rest, strict=True)):
        if n < 0 or (n > 0 and "..." not in term):
            raise ShapeError(f"einsum: operand {i} has {ndims[i]} axes, but {term!r} in {subscripts!r} names {ndims[i] - n}")
    free = [letter for letter in ascii_letters if letter not in subscripts]
    dots = "".join(free[: max(rest)])
    if len(dots) < max(rest):
        raise ValueError(f"einsum: {subscripts!r} needs more than {len(ascii_letters)} labels")
    terms = [term.replace("...", dots[len(dots) - n :]) for term, n in zip(terms, rest, strict=True)]
    if not arrow:
        counts = Counter("".join(terms))
        return terms, dots + "".join(sorted(label for label, n in counts.items() if n == 1 and label not in dots))
    out = wanted.replace("...", dots)
    for label in out:
        if label not in "".join(terms):
            raise ValueError(f"einsum: the output label {label!r} of {subscripts!r} is in no operand")
        if out.count(label) > 1:
            raise ValueError(f"einsum: the output label {label!r} of {subscripts!r} occurs twice")
    return terms, out


def _sizes(terms: Sequence[str], shapes: Sequence[Shape]) -> dict[str, int]:
    """Return the size of each label. Raises ShapeError if two axes disagree and neither has size 1."""
    sizes: dict[str, int] = {}
    first: dict[str, int] = {}
    for i, (term, shape) in enumerate(zip(terms, shapes, strict=True)):
        for label, n in zip(term, shape, strict=True):
            known = sizes.setdefault(label, n)
            if n not in (1, known) and known != 1:
                raise ShapeError(
                    f"einsum: label {label!r} has size {known} in operand {first[label]}, and {n} in operand {i}\n"
                    f"  shapes  {', '.join(map(str, shapes))}"
                )
            if known == 1:
                sizes[label], first[label] = n, i
            first.setdefault(label, i)
    return sizes


def _lettered(args: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
    """Return ``x, [0, 1], y, [1, 2], [0, 2]`` as ``"AB,BC->AC", (x, y)``."""
    operands, lists, wanted = args[0 : len(args) // 2 * 2 : 2], args[1::2], args[-1] if len(args) % 2 else None

    def word(labels: Sequence[Any]) -> str:
        if not all(label is Ellipsis or 0 <= label < len(NUMBERED) for label in labels):
            raise ValueError(f"einsum: axes are numbered from 0 to {len(NUMBERED) - 1}, got {list(labels)}")
        return "".join("..." if label is Ellipsis else NUMBERED[label] for label in labels)

    return ",".join(map(word, lists)) + ("" if wanted is None else f"->{word(wanted)}"), operands
