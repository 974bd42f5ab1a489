"""Hypothesis strategies for property tests of operations; they need the extra `testing`.

Hypothesis draws the structure, and so can shrink it; values come from a generator with a drawn seed, because Hypothesis
would fill a large array with one constant.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from minigrad.arrays import Array
from minigrad.tensors.tensor import Tensor, tensor
from minigrad.testing.random_graphs import STEPS, Graph, Step
from minigrad.testing.spec import Sample

__all__ = [
    "broadcastable", "conv2d_cases", "graphs", "labels", "pool_cases", "shapes", "soft_labels", "tensors",
]  # fmt: skip

Shape = tuple[int, ...]
seeds = st.integers(0, 2**32 - 1)


def _distinct(rng: np.random.Generator, shape: Shape) -> Array:
    size = int(np.prod(shape))
    return ((rng.permutation(size) - size / 2 + rng.uniform(0, 0.5, size)) * 0.2).reshape(shape)


# The values of a tensor, by name; "nonzero" and "distinct" keep 0.1 from zero, or from each other, to avoid kinks.
VALUES: dict[str, Callable[[np.random.Generator, Shape], Array]] = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "nonzero": lambda rng, shape: rng.choice([-1.0, 1.0], shape) * (0.1 + rng.exponential(1.0, shape)),
    "positive": lambda rng, shape: 0.1 + rng.exponential(1.0, shape),
    "distinct": _distinct,
    "integers": lambda rng, shape: rng.integers(-9, 10, shape).astype(np.float64),
}


def shapes(min_dims: int = 0, max_dims: int = 4, min_side: int = 0, max_side: int = 5) -> SearchStrategy[Shape]:
    """Draw shapes; by default also 0-d ones, sizes of 1, and empty ones.

    >>> from hypothesis import find
    >>> len(find(shapes(), lambda shape: len(shape) > 2))
    3
    """
    return st.lists(st.integers(min_side, max_side), min_size=min_dims, max_size=max_dims).map(tuple)


@st.composite
def broadcastable(draw: DrawFn, count: int = 2, max_dims: int = 3, max_side: int = 4) -> tuple[Shape, ...]:
    """Draw `count` shapes that broadcast together: with axes of size 1, and without leading axes.

    >>> from hypothesis import find
    >>> a, b = find(broadcastable(), lambda shapes: np.broadcast_shapes(*shapes) not in shapes)
    >>> np.broadcast_shapes(a, b) in (a, b)
    False
    """
    full = draw(shapes(0, max_dims, 1, max_side))

    def part() -> Shape:
        kept = full[draw(st.integers(0, len(full))) :]
        return tuple(1 if draw(st.booleans()) else n for n in kept)

    return tuple(part() for _ in range(count))


@st.composite
def tensors(
    draw: DrawFn,
    shape: Shape | SearchStrategy[Shape] | None = None,
    values: str = "normal",
    dtype: Any = np.float64,
    requires_grad: bool = True,
) -> Tensor:
    """Draw a leaf tensor.

    `shape` is a shape or a strategy for one (default: `shapes()`), and `values` is "normal", "nonzero", "positive",
    "distinct" or "integers".

    >>> from hypothesis import find
    >>> t = find(tensors(broadcastable(1).map(lambda shapes: shapes[0]), "positive"), lambda t: t.numel() > 3)
    >>> t.requires_grad, bool((t >= 0.1).all())
    (True, True)
    """
    size = draw(shape) if isinstance(shape, SearchStrategy) else draw(shapes()) if shape is None else shape
    array = VALUES[values](np.random.default_rng(draw(seeds)), size)
    return tensor(np.asarray(array, dtype), requires_grad=requires_grad)


@st.composite
def conv2d_cases(draw: DrawFn) -> Sample:
    """Draw a call of `conv2d`: from a 1x1 kernel on one pixel to strides, paddings and dilations that differ by axis.

    >>> import minigrad.nn.functional as F
    >>> from hypothesis import find
    >>> case = find(conv2d_cases(), lambda case: case.kwargs["stride"] == (2, 1))
    >>> F.conv2d(*case.args, **case.kwargs).ndim
    4
    """
    stride, dilation = (tuple(draw(st.integers(1, 3)) for _ in range(2)) for _ in range(2))
    kernel = tuple(draw(st.integers(1, 4)) for _ in range(2))
    padding = tuple(draw(st.integers(0, 2)) for _ in range(2))
    size = _sizes(draw, kernel, padding, dilation)
    N, C, F = (draw(st.integers(1, 3)) for _ in range(3))
    rng = np.random.default_rng(draw(seeds))
    x, weight, bias = map(rng.standard_normal, ((N, C, *size), (F, C, *kernel), (F,)))
    return Sample((x, weight, bias), {"stride": stride, "padding": padding, "dilation": dilation})


@st.composite
def pool_cases(draw: DrawFn) -> Sample:
    """Draw a call of `max_pool2d` or `avg_pool2d` on distinct values: windows overlap, touch, or leave gaps.

    >>> from hypothesis import find
    >>> x, kernel, stride, padding = find(pool_cases(), lambda case: case.args[1][0] > case.args[2][0]).args
    >>> x.ndim, len(kernel), len(stride), len(padding)
    (4, 2, 2, 2)
    """
    kernel, stride = (tuple(draw(st.integers(1, 3)) for _ in range(2)) for _ in range(2))
    padding = tuple(draw(st.integers(0, k // 2)) for k in kernel)
    N, C = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    x = _distinct(np.random.default_rng(draw(seeds)), (N, C, *_sizes(draw, kernel, padding, (1, 1))))
    return Sample((x, kernel, stride, padding))


@st.composite
def labels(draw: DrawFn, count: int, classes: int) -> Array:
    """Draw integer class labels (count,), often repeated.

    >>> from hypothesis import find
    >>> find(labels(3, 5), lambda t: t[0] == 4).shape
    (3,)
    """
    return np.array(draw(st.lists(st.integers(0, classes - 1), min_size=count, max_size=count)), np.int64)


@st.composite
def soft_labels(draw: DrawFn, count: int, classes: int) -> Array:
    """Draw class probabilities (count, classes): rows that sum to 1, some of them one-hot.

    >>> from hypothesis import find
    >>> find(soft_labels(1, 3), lambda t: t[0, 2] == 1)
    array([[0., 0., 1.]])
    """
    one_hot = np.eye(classes)[draw(labels(count, classes))]
    soft = np.random.default_rng(draw(seeds)).dirichlet(np.ones(classes), count)
    return np.where(np.array([draw(st.booleans()) for _ in range(count)])[:, None], soft, one_hot)


@st.composite
def graphs(draw: DrawFn, max_inputs: int = 3, min_steps: int = 1, max_steps: int = 12) -> Graph:
    """Draw a directed acyclic graph of smooth operations: shared values, broadcasting, reductions, repeated indices.

    >>> from hypothesis import find
    >>> len(find(graphs(), lambda graph: len(graph.steps) > 4).steps)
    5
    """
    rng = np.random.default_rng(draw(seeds))
    sizes = draw(broadcastable(draw(st.integers(1, max_inputs))))
    values = [rng.uniform(-1.5, 1.5, size) for size in sizes]  # of each input and step
    steps: list[Step] = []
    for _ in range(draw(st.integers(min_steps, max_steps))):
        name = draw(st.sampled_from(tuple(STEPS)))
        first = draw(st.integers(0, len(values) - 1))
        step = _step(draw, name, first, values)
        value = STEPS[step.name](np, *(values[n] for n in step.operands), *step.options)
        if value.size > 200 or np.abs(value).max(initial=0) > 100:
            step = Step("tanh", (first,))
            value = np.tanh(values[first])
        steps.append(step)
        values.append(value)
    return Graph(tuple(values[: len(sizes)]), tuple(steps))


def _step(draw: DrawFn, name: str, first: int, values: Sequence[Array]) -> Step:
    """Draw a step of this name on a value, and on another that fits if it takes two; a square if none fits."""
    shape = values[first].shape
    if name in BINARY:
        others = [n for n, other in enumerate(values) if _fits(name, values[first], other)]
        if others:
            return Step(name, (first, draw(st.sampled_from(others))), BINARY[name])
    elif name == "sum":
        axis = draw(st.none() | st.integers(0, len(shape) - 1)) if shape else None
        return Step(name, (first,), (axis, draw(st.booleans())))
    elif name == "transpose":
        return Step(name, (first,), (tuple(draw(st.permutations(range(len(shape))))),))
    elif name == "reshape":
        return Step(name, (first,), (draw(st.sampled_from([(-1,), (*shape, 1), (1, *shape)])),))
    elif name == "getitem" and shape:
        repeated = st.lists(st.integers(-shape[0], shape[0] - 1), min_size=1, max_size=4)
        index = draw(st.one_of(st.just(slice(None, None, -1)), repeated, st.integers(0, shape[0] - 1)))
        return Step(name, (first,), (index,))
    elif name != "getitem":
        return Step(name, (first,))
    return Step("multiply", (first, first))


# Steps on two values, with their options.
BINARY = {"add": (), "subtract": (), "multiply": (), "divide": (), "matmul": (), "concatenate": (0,)}


def _fits(name: str, x: Array, y: Array) -> bool:
    if name == "matmul" and min(x.ndim, y.ndim) < 2:
        return False
    try:
        STEPS[name](np, x, y, *BINARY[name])
    except ValueError:
        return False
    return True


def _sizes(draw: DrawFn, kernel: Shape, padding: Shape, dilation: Shape) -> Shape:
    """Draw a height and a width at which a window fits, up to three more than needed."""
    least = [max(1, d * (k - 1) + 1 - 2 * p) for k, p, d in zip(kernel, padding, dilation, strict=True)]
    return tuple(n + draw(st.integers(0, 3)) for n in least)
