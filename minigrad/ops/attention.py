"""Operations on sequences of tokens: embedding and attention."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from minigrad.arrays import Array, Shape, Traced, array_of, shape_of
from minigrad.engine.arguments import aliased
from minigrad.engine.composite import composite
from minigrad.engine.fused import fused
from minigrad.engine.grad_mode import no_grad
from minigrad.engine.promotion import floating
from minigrad.errors import DTypeError, ShapeError
from minigrad.kernels import attention as kernels
from minigrad.kernels.checks import check_choice, whole
from minigrad.ops.elementwise import add, astype, equal, logical_and, logical_not, where
from minigrad.ops.indexing import add_at, getitem
from minigrad.ops.joining import concatenate
from minigrad.ops.linalg import linear, matmul
from minigrad.ops.rearrange import pad
from minigrad.ops.reduction import softmax
from minigrad.ops.regularization import dropout
from minigrad.ops.shape import broadcast_to, permute, reshape, squeeze, transpose, unsqueeze
from minigrad.ops.statistics import mean

__all__ = ["embedding", "embedding_bag", "multi_head_attention_forward", "one_hot", "scaled_dot_product_attention"]


@composite
def embedding(
    x: Any, weight: Any, padding_idx: int | None = None, max_norm: float | None = None, norm_type: float = 2.0,
    scale_grad_by_freq: bool = False, sparse: bool = False,
) -> Any:  # fmt: skip
    """Look up rows of `weight` (V, D) by the integers `x`: (*x.shape, D).

    The gradient of a row is the sum over its uses, and dense, whatever `sparse` says; the row `padding_idx` gets none. With
    `max_norm`, rows in use of a greater `norm_type`-norm are scaled down to it first, in place and unrecorded. Raises
    DTypeError for anything but integers, IndexError for an index outside 0..V-1, ShapeError for a weight that is no matrix,
    and ValueError for `scale_grad_by_freq`, which is not supported.

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
    if padding_idx is not None and not -size[0] <= padding_idx < size[0]:
        raise IndexError(f"{op}: padding_idx must be within {-size[0]}..{size[0] - 1}, got {padding_idx}")
    weight = _limited(op, weight, indices, max_norm, norm_type, scale_grad_by_freq)
    rows = getitem(weight, x if isinstance(x, Traced) else indices)
    if padding_idx is None:
        return rows
    return where((indices == padding_idx % size[0])[..., None], array_of(rows), rows)


@composite
def embedding_bag(
    x: Any, weight: Any, offsets: Any = None, max_norm: float | None = None, norm_type: float = 2.0,
    scale_grad_by_freq: bool = False, mode: str = "mean", sparse: bool = False, per_sample_weights: Any = None,
    include_last_offset: bool = False, padding_idx: int | None = None,
) -> Any:  # fmt: skip
    """Return the sum, mean or maximum of the rows of `weight` (V, D) that the integers of each bag select: (B, D).

    * `x`: the bags, (B, L), or a vector of all of them in a row
    * `offsets`: the first element of each bag of a vector, (B,); with `include_last_offset` also the end of the last
    * `mode`: "sum", "mean" or "max"; an empty bag gives zeros
    * `per_sample_weights`: factors of the rows, of the shape of `x`; for "sum" alone
    * `padding_idx`: an integer that does not count

    The other options are those of `embedding`; raises as that does.

    >>> import numpy as np
    >>> embedding_bag(np.array([0, 1, 2, 2]), np.array([[1.0], [3.0], [5.0]]), np.array([0, 2]))
    array([[2.],
           [5.]])
    """
    op = "embedding_bag"
    check_choice(op, "mode", mode, "sum", "mean", "max")
    size, shape = shape_of(weight), shape_of(x)
    if len(size) != 2:
        raise ShapeError(f"{op}: weight must be (V, D), got shape {size}")
    indices = _checked(op, x, size[0]).reshape(-1)
    bag, bags = _bags(op, shape, offsets, include_last_offset)
    if per_sample_weights is not None and (mode != "sum" or shape_of(per_sample_weights) != shape):
        raise ValueError(
            f'{op}: per_sample_weights need mode "sum" and shape {shape}, got {mode!r} and {shape_of(per_sample_weights)}'
        )
    kept = np.ones(len(bag), bool) if padding_idx is None else indices[: len(bag)] != padding_idx % size[0]
    weight = _limited(op, weight, indices, max_norm, norm_type, scale_grad_by_freq)
    rows, bag = getitem(weight, indices[: len(bag)][kept]), bag[kept]
    if mode == "max":
        return _maxima_of_bags(rows, bag, bags)
    if per_sample_weights is not None:
        rows = rows * getitem(reshape(per_sample_weights, (-1,)), (np.flatnonzero(kept), None))
    out = add_at(rows, bag, (bags, size[1]))
    return out / np.maximum(np.bincount(bag, minlength=bags), 1)[:, None].astype(out.dtype) if mode == "mean" else out


def _limited(
    op: str, weight: Any, indices: Array, max_norm: float | None, norm_type: float, scale_grad_by_freq: bool
) -> Any:
    """Return the weight, having scaled the rows in use whose norm is above `max_norm` down to it."""
    if scale_grad_by_freq:
        raise ValueError(f"{op}: scale_grad_by_freq is not supported\n  hint: scale weight.grad before a step")
    if max_norm is None:
        return weight
    array, used = array_of(weight).copy(), np.unique(indices)
    norms = np.linalg.norm(array[used], norm_type, -1, keepdims=True)
    array[used] *= np.where(norms > max_norm, max_norm / (norms + 1e-7), 1)
    if not isinstance(weight, Traced):
        return array
    with no_grad():
        return weight.replace_with(weight.from_array(array), op)


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
    count = whole(num_classes)
    if count is None or count < 1:
        raise ValueError(f"{op}: num_classes must be an int of at least 1, or -1, got {num_classes!r}")
    classes = _checked(op, x, count)
    return astype(equal(unsqueeze(x if isinstance(x, Traced) else classes, -1), np.arange(count)), np.int64)


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
    if dropout_p == 0:
        return attend(query, key, value, attn_mask, scale)
    return matmul(dropout(_weights(query, key, attn_mask, scale), dropout_p, generator=generator), value)


@fused(kernels.attention, kernels.attention_gradients, "query", "key", "value", "mask", mask="mask")
def attend(query: Any, key: Any, value: Any, mask: Any, scale: float) -> Any:
    """Return softmax(query @ key.T * scale + mask) @ value."""
    return matmul(_weights(query, key, mask, scale), value)


def _weights(query: Any, key: Any, mask: Any, scale: float) -> Any:
    scores = matmul(query * scale, transpose(key, -2, -1))
    return softmax(scores, -1) if mask is None else _masked_softmax("scaled_dot_product_attention", scores, mask)


@floating("query", "key", "value")
@composite
def multi_head_attention_forward(
    query: Any, key: Any, value: Any, embed_dim_to_check: int, num_heads: int, in_proj_weight: Any, in_proj_bias: Any,
    bias_k: Any, bias_v: Any, add_zero_attn: bool, dropout_p: float, out_proj_weight: Any, out_proj_bias: Any,
    training: bool = True, key_padding_mask: Any = None, need_weights: bool = True, attn_mask: Any = None,
    use_separate_proj_weight: bool = False, q_proj_weight: Any = None, k_proj_weight: Any = None,
    v_proj_weight: Any = None, static_k: Any = None, static_v: Any = None, average_attn_weights: bool = True,
    is_causal: bool = False,
) -> Any:  # fmt: skip
    """Compute multi-head attention with given weights; `nn.MultiheadAttention` documents inputs, masks and results.

    The inputs are (L, N, E) and (S, N, E), or without N. The weights are those of the layer: `in_proj_weight` (3 * E, E), or
    with `use_separate_proj_weight` `q_proj_weight` and so on. `static_k` and `static_v`, (N*num_heads, S, E/num_heads),
    replace the projected keys and values. Raises ShapeError if E is not `embed_dim_to_check`, or no multiple of `num_heads`.

    >>> import numpy as np
    >>> x, w = np.ones((3, 1, 2)), np.eye(2)
    >>> out, weights = multi_head_attention_forward(
    ...     x, x, x, 2, 1, np.tile(w, (3, 1)), None, None, None, False, 0.0, w, None
    ... )
    >>> out.shape, weights.shape
    ((3, 1, 2), (1, 3, 3))
    """
    op, shape = "multi_head_attention_forward", shape_of(query)
    E = shape[-1] if shape else 0
    if len(shape) not in (2, 3) or embed_dim_to_check != E or E % num_heads:
        raise ShapeError(
            f"{op}: query must be (L, N, E) or (L, E), E = {embed_dim_to_check} in {num_heads} heads, got shape {shape}"
        )
    inputs = [x if len(shape) == 3 else unsqueeze(x, 1) for x in (query, key, value)]
    if use_separate_proj_weight:
        every = [q_proj_weight, k_proj_weight, v_proj_weight]
    else:
        every = [getitem(in_proj_weight, slice(i * E, (i + 1) * E)) for i in range(3)]
    biases = [None if in_proj_bias is None else getitem(in_proj_bias, slice(i * E, (i + 1) * E)) for i in range(3)]
    q, k, v = map(linear, inputs, every, biases)
    L, N, _ = shape_of(q)
    if bias_k is not None:
        k, v = (concatenate([x, broadcast_to(learned, (1, N, E))]) for x, learned in ((k, bias_k), (v, bias_v)))
    q, k, v = (permute(reshape(x, (-1, N, num_heads, E // num_heads)), (1, 2, 0, 3)) for x in (q, k, v))
    k, v = (
        x if fixed is None else reshape(fixed, (N, num_heads, -1, E // num_heads))
        for x, fixed in ((k, static_k), (v, static_v))
    )
    if add_zero_attn:
        k, v = (concatenate([x, np.zeros((N, num_heads, 1, E // num_heads), x.dtype)], 2) for x in (k, v))
    added = (bias_k is not None) + bool(add_zero_attn)
    S = shape_of(k)[-2] - added
    if is_causal and attn_mask is None:
        attn_mask = np.triu(np.ones((L, S), bool), 1)
    of_queries: dict[Shape, Shape] = {(L, S): (1, 1, L, S), (N * num_heads, L, S): (N, num_heads, L, S)}
    of_keys: dict[Shape, Shape] = {(N, S): (N, 1, 1, S)}
    if N == 1:
        of_keys[(S,)] = (1, 1, 1, S)
    given = (("attn_mask", attn_mask, of_queries), ("key_padding_mask", key_padding_mask, of_keys))
    masks = [_visible(op, name, mask, shapes, added, q.dtype) for name, mask, shapes in given if mask is not None]
    mask = _joined(masks, q.dtype)
    scale = 1 / math.sqrt(E // num_heads)
    weights: Any = None
    if need_weights or (training and dropout_p):
        scores = matmul(q, transpose(k, -2, -1)) * scale
        if mask is not None:
            scores = where(mask, scores, -np.inf) if mask.dtype.kind == "b" else scores + mask
        weights = dropout(softmax(scores, -1), dropout_p, training)
        seen = matmul(weights, v)
    else:
        seen = attend(q, k, v, mask, scale)
    out = linear(reshape(permute(seen, (2, 0, 1, 3)), (L, N, E)), out_proj_weight, out_proj_bias)
    weights = None if not need_weights else mean(weights, 1) if average_attn_weights else weights
    if len(shape) == 3:
        return out, weights
    return squeeze(out, 1), None if weights is None else squeeze(weights, 0)


def _visible(op: str, name: str, mask: Any, shapes: dict[Shape, Shape], added: int, dtype: Any) -> Any:
    """Return a mask in four axes: True, or what is added, where a query attends to a key, as to the `added` last keys."""
    mask = mask if isinstance(mask, Traced) else np.asarray(mask)
    if shape_of(mask) not in shapes:
        raise ShapeError(f"{op}: {name} must have shape {' or '.join(map(str, shapes))}, got {shape_of(mask)}")
    if mask.dtype.kind not in "bf":
        raise DTypeError(f"{op}: {name} must be of booleans or floats, got {mask.dtype}")
    mask = reshape(mask, shapes[shape_of(mask)])
    mask = pad(mask, [(0, 0)] * 3 + [(0, added)]) if added else mask
    return logical_not(mask) if mask.dtype.kind == "b" else astype(mask, dtype)


def _joined(masks: list[Any], dtype: Any) -> Any:
    """Return one mask for all: of booleans if all are, else of floats; None for none."""
    if all(mask.dtype.kind == "b" for mask in masks):
        return functools.reduce(logical_and, masks) if masks else None
    masks = [astype(where(mask, 0.0, -np.inf), dtype) if mask.dtype.kind == "b" else mask for mask in masks]
    return functools.reduce(add, masks)


def _bags(op: str, shape: tuple[int, ...], offsets: Any, include_last_offset: bool) -> tuple[Array, int]:
    """Return the bag of each index, and the number of bags. Raises ShapeError or ValueError for wrong offsets."""
    if len(shape) == 2 and offsets is None:
        return np.repeat(np.arange(shape[0]), shape[1]), shape[0]
    if len(shape) != 1 or offsets is None:
        given = "offsets" if offsets is not None else "no offsets"
        raise ValueError(f"{op}: needs bags (B, L) without offsets, or a vector with offsets, got shape {shape} and {given}")
    starts = array_of(offsets)
    if starts.ndim != 1 or starts.dtype.kind not in "iu" or starts.size < include_last_offset:
        raise ShapeError(f"{op}: offsets must be a vector of integers, got {starts.dtype} of shape {starts.shape}")
    ends = starts[1:] if include_last_offset else np.append(starts[1:], shape[0])
    counts = ends - starts[: len(ends)]
    if (starts[:1] != 0).any() or (counts < 0).any() or (ends > shape[0]).any():
        raise ValueError(f"{op}: offsets must rise from 0 to at most {shape[0]}, got {starts.tolist()}")
    return np.repeat(np.arange(len(ends)), counts), len(ends)


def _maxima_of_bags(rows: Any, bag: Array, bags: int) -> Any:
    """Return the maxima of the rows of each bag, zeros for an empty one; of equal ones the first has the gradient."""
    counts = np.bincount(bag, minlength=bags)
    padded = np.full((bags, counts.max(initial=0), shape_of(rows)[1]), -np.inf, rows.dtype)
    starts = np.cumsum(counts) - counts
    padded[bag, np.arange(len(bag)) - starts[bag]] = array_of(rows)
    filled = counts > 0
    if not filled.any():
        return add_at(rows, bag, (bags, shape_of(rows)[1]))  # zeros, on the graph of the rows
    first = padded[filled].argmax(1) + starts[filled, None]
    return add_at(getitem(rows, (first, np.arange(shape_of(rows)[1]))), filled, (bags, shape_of(rows)[1]))


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
