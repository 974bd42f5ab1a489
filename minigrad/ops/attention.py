"""Operations on sequences of tokens: embedding and attention."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.arrays import Array, Traced, array_of, shape_of
from minigrad.engine.arguments import aliased
from minigrad.engine.composite import composite
from minigrad.engine.promotion import floating
from minigrad.errors import DTypeError, ShapeError
from minigrad.ops.elementwise import astype, equal, where
from minigrad.ops.indexing import getitem
from minigrad.ops.linalg import matmul
from minigrad.ops.reduction import softmax
from minigrad.ops.regularization import dropout
from minigrad.ops.shape import transpose, unsqueeze

__all__ = ["embedding", "one_hot", "scaled_dot_product_attention"]


@composite
def embedding(x: Any, weight: Any, padding_idx: int | None = None) -> Any:
    """Look up rows of `weight` (V, D) by the integers `x`: (*x.shape, D).

    The gradient of a row is the sum over its uses; the row `padding_idx` gets none. Raises DTypeError for anything but
    integers, IndexError for an index outside 0..V-1, ShapeError for a weight that is no matrix.

    >>> import numpy as np
    >>> embedding(np.array([2, 0]), np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]))
    array([[4., 5.],
           [0., 1.]])
    """
    op = "embedding"
    size = shape_of(weight)
    if len(size) != 2:
        raise ShapeError(f"{op}: weight must be (V, D), got shape {size}")
    indices = _checked(op, x, size[0])
    rows = getitem(weight, x if isinstance(x, Traced) else indices)
    if padding_idx is None:
        return rows
    if not -size[0] <= padding_idx < size[0]:
        raise IndexError(f"{op}: padding_idx must be within {-size[0]}..{size[0] - 1}, got {padding_idx}")
    return where((indices == padding_idx % size[0])[..., None], array_of(rows), rows)


@aliased
def one_hot(x: Any, num_classes: int = -1) -> Any:
    """Encode integers as rows of zeros with a one at their index: (*x.shape, C) of int64.

    C is `num_classes`, or one more than the largest integer if that is -1. Raises DTypeError for anything but integers,
    IndexError for an integer outside 0..C-1.

    >>> import numpy as np
    >>> one_hot(np.array([0, 2]))
    array([[1, 0, 0],
           [0, 0, 1]])
    """
    op = "one_hot"
    classes = array_of(x)
    if num_classes == -1:
        if not classes.size:
            raise ValueError(f"{op}: needs num_classes if there are no classes to infer it from")
        num_classes = int(classes.max()) + 1
    if isinstance(num_classes, bool) or not isinstance(num_classes, int | np.integer) or num_classes < 1:
        raise ValueError(f"{op}: num_classes must be an int of at least 1, or -1, got {num_classes!r}")
    classes = _checked(op, x, int(num_classes))
    return astype(equal(unsqueeze(x if isinstance(x, Traced) else classes, -1), np.arange(num_classes)), np.int64)


@floating("query", "key", "value")
@composite
def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    *,
    generator: np.random.Generator | None = None,
) -> Any:
    """Compute softmax(query @ key.T * scale + attn_mask) @ value: (..., L, V). Vaswani et al. (2017).

    * `query` (..., L, E), `key` (..., S, E), `value` (..., S, V): L queries, and S keys with their values
    * `attn_mask`: broadcasts to (..., L, S); booleans tell which keys a query attends to, floats are added to the scores
    * `dropout_p`: the probability of dropping a weight, drawn from `generator`
    * `is_causal`: query i attends to the keys up to i; excludes `attn_mask`
    * `scale`: a factor of the scores; None: 1/sqrt(E)

    A query that attends to no key gets zeros, as in PyTorch. Raises ShapeError for shapes that do not fit together,
    ValueError for both a mask and `is_causal`.

    >>> import numpy as np
    >>> q, k, v = np.zeros((1, 2)), np.ones((3, 2)), np.array([[0.0], [3.0], [9.0]])
    >>> scaled_dot_product_attention(q, k, v, np.array([True, True, False]))
    array([[1.5]])
    """
    op = "scaled_dot_product_attention"
    L, S = _check_shapes(op, shape_of(query), shape_of(key), shape_of(value))
    if is_causal:
        if attn_mask is not None:
            raise ValueError(f"{op}: takes attn_mask or is_causal, got both")
        attn_mask = np.tri(L, S, dtype=bool)
    scale = 1 / math.sqrt(max(shape_of(query)[-1], 1)) if scale is None else scale
    scores = matmul(query * scale, transpose(key, -2, -1))
    weights = softmax(scores, -1) if attn_mask is None else _masked_softmax(op, scores, attn_mask)
    return matmul(dropout(weights, dropout_p, generator=generator), value)


def _masked_softmax(op: str, scores: Any, mask: Any) -> Any:
    """Compute softmax(scores + mask) along the last axis, and zeros where everything is masked."""
    try:
        fits = np.broadcast_shapes(shape_of(mask), shape_of(scores)) == shape_of(scores)
    except ValueError:
        fits = False
    if not fits:
        raise ShapeError(f"{op}: attn_mask must broadcast to (..., L, S) = {shape_of(scores)}, got shape {shape_of(mask)}")
    if mask.dtype.kind == "b":
        scores = where(mask, scores, -np.inf)
    elif mask.dtype.kind == "f":
        scores = scores + mask
    else:
        raise DTypeError(f"{op}: attn_mask must be of booleans or floats, got {mask.dtype}")
    blind = np.all(array_of(scores) == -np.inf, -1, keepdims=True)
    if not blind.any():
        return softmax(scores, -1)
    return where(blind, 0.0, softmax(where(blind, 0.0, scores), -1))


def _check_shapes(op: str, query: tuple[int, ...], key: tuple[int, ...], value: tuple[int, ...]) -> tuple[int, int]:
    """Return the numbers of queries and of keys. Raises ShapeError for shapes that do not fit together."""
    shapes = f"\n  query   {query}  = (..., L, E)\n  key     {key}  = (..., S, E)\n  value   {value}  = (..., S, V)"
    if min(len(query), len(key), len(value)) < 2:
        raise ShapeError(f"{op}: query, key and value need at least two axes{shapes}")
    if query[-1] != key[-1]:
        raise ShapeError(f"{op}: query has {query[-1]} features, key {key[-1]}{shapes}")
    if key[-2] != value[-2]:
        raise ShapeError(f"{op}: there are {key[-2]} keys, but {value[-2]} values{shapes}")
    return query[-2], key[-2]


def _checked(op: str, x: Any, size: int) -> Array:
    """Return an array of integers within 0..size-1. Raises DTypeError or IndexError for anything else."""
    indices = array_of(x)
    if indices.dtype.kind not in "iu":
        raise DTypeError(f"{op}: indices must be integers, got {indices.dtype}\n  hint: x.astype(int)")
    wrong = (indices < 0) | (indices >= size)
    if wrong.any():
        place = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise IndexError(f"{op}: index {int(indices[place])} at {place} is outside 0..{size - 1}")
    return indices
