"""The table of conversions: for each operation, a function that adds its ONNX nodes.

A conversion's parameters name arguments of the operation, as those of a gradient rule do: `g` is the graph, `out` the
result, `parts` the steps inside a composite, `op` the operation, `arguments` all of them. It returns the name of the
result, or a tuple of names. A composite whose conversion returns None is entered: its parts are converted. The operators are
those of https://onnx.ai/onnx/operators.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad import ops
from minigrad.engine.promotion import result_type
from minigrad.onnx.errors import Inexpressible
from minigrad.onnx.graph import Graph
from minigrad.onnx.recording import Constant, Size, Step, Value
from minigrad.onnx.recurrent import KINDS, recurrent
from minigrad.ops import (
    activation,
    attention,
    contraction,
    convolution,
    elementwise,
    indexing,
    interpolation,
    joining,
    linalg,
    loss,
    normalization,
    norms,
    pooling,
    rearrange,
    reduction,
    special,
    windows,
)

__all__ = ["CONVERSIONS"]

CONVERSIONS: dict[Any, Callable[..., Any]] = {}
INT64 = np.dtype(np.int64)


def converts(*found: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register the conversion of operations."""

    def register(conversion: Callable[..., Any]) -> Callable[..., Any]:
        CONVERSIONS.update(dict.fromkeys(found, conversion))
        return conversion

    return register


def _unary(kind: str) -> Callable[..., Any]:
    def convert(g: Graph, x: Any, out: Value) -> Any:
        rounds_integers = kind in ("Floor", "Ceil", "Round") and out.dtype.kind != "f"
        return g.to(x, out.dtype) if rounds_integers else g.add(kind, g.to(x, out.dtype))

    return convert


def _binary(kind: str) -> Callable[..., Any]:
    return lambda g, x, y, out: g.add(kind, g.to(x, out.dtype), g.to(y, out.dtype))


def _comparison(kind: str) -> Callable[..., Any]:
    def convert(g: Graph, x: Any, y: Any) -> Any:
        shown = (np.zeros((1,) * len(v.shape), v.dtype) if isinstance(v, Value | Constant) else v for v in (x, y))
        dtype = result_type(*(0 if isinstance(v, Size) else v for v in shown))
        if dtype.kind == "b" and kind != "Equal":
            dtype = INT64
        return g.add(kind, g.to(x, dtype), g.to(y, dtype))

    return convert


def _logical(kind: str) -> Callable[..., Any]:
    return lambda g, x, y: g.add(kind, g.to(x, np.bool_), g.to(y, np.bool_))


def _bitwise(kind: str) -> Callable[..., Any]:
    return lambda g, x, y, out: _binary(kind if out.dtype == bool else f"Bitwise{kind}")(g, x, y, out)


UNARY = {
    "exp": "Exp", "log": "Log", "sqrt": "Sqrt", "sin": "Sin", "cos": "Cos", "tan": "Tan", "arcsin": "Asin", "arccos": "Acos",
    "arctan": "Atan", "sinh": "Sinh", "cosh": "Cosh", "tanh": "Tanh", "arcsinh": "Asinh", "arccosh": "Acosh",
    "arctanh": "Atanh", "absolute": "Abs", "fabs": "Abs", "negative": "Neg", "positive": "Identity", "sign": "Sign",
    "floor": "Floor", "ceil": "Ceil", "rint": "Round", "reciprocal": "Reciprocal", "sigmoid": "Sigmoid", "relu": "Relu",
    "erf": "Erf", "softsign": "Softsign", "hardswish": "HardSwish",
}  # fmt: skip
BINARY = {"add": "Add", "subtract": "Sub", "multiply": "Mul", "divide": "Div", "maximum": "Max", "minimum": "Min",
          "power": "Pow"}  # fmt: skip
COMPARISONS = {"equal": "Equal", "less": "Less", "less_equal": "LessOrEqual", "greater": "Greater",
               "greater_equal": "GreaterOrEqual"}  # fmt: skip
LOGICAL = {"logical_and": "And", "logical_or": "Or", "logical_xor": "Xor"}
BITWISE = {"bitwise_and": "And", "bitwise_or": "Or", "bitwise_xor": "Xor"}
TABLES = (UNARY, _unary), (BINARY, _binary), (COMPARISONS, _comparison), (LOGICAL, _logical), (BITWISE, _bitwise)
for _table, _make in TABLES:
    for _name, _kind in _table.items():
        CONVERSIONS[getattr(elementwise, _name, None) or getattr(activation, _name)] = _make(_kind)

# Elementwise formulas of inputs in the dtype of the result.
FORMULAS: dict[Any, Callable[..., Any]] = {
    ops.square: lambda g, x: g.Mul(x, x),
    ops.exp2: lambda g, x: g.Pow(2.0, x),
    ops.expm1: lambda g, x: g.Sub(g.Exp(x), 1.0),
    ops.log1p: lambda g, x: g.Log(g.Add(x, 1.0)),
    ops.log2: lambda g, x: g.Mul(g.Log(x), 1 / math.log(2)),
    ops.log10: lambda g, x: g.Mul(g.Log(x), 1 / math.log(10)),
    ops.trunc: lambda g, x: g.Mul(g.Sign(x), g.Floor(g.Abs(x))),
    elementwise.root: lambda g, x: g.Sqrt(x),
    special.rsqrt: lambda g, x: g.Reciprocal(g.Sqrt(x)),
    special.erfc: lambda g, x: g.Sub(1.0, g.Erf(x)),
    elementwise.logaddexp: lambda g, x, y: g.Add(g.Max(x, y), g.Softplus(g.Neg(g.Abs(g.Sub(x, y))))),
    special.xlogy: lambda g, x, y: g.Where(g.Equal(x, 0.0), 0.0, g.Mul(x, g.Log(y))),
    loss.weighted: lambda g, x, weight: g.Where(g.Equal(weight, 0.0), 0.0, g.Mul(x, weight)),
    loss.bernoulli_nll: lambda g, p, target: g.Neg(
        g.Add(g.Mul(target, g.Max(g.Log(p), -100.0)), g.Mul(g.Sub(1.0, target), g.Max(g.Log(g.Sub(1.0, p)), -100.0)))
    ),
    activation.tanhshrink: lambda g, x: g.Sub(x, g.Tanh(x)),
    activation.gelu_tanh: lambda g, x: g.Mul(
        x, g.Sigmoid(g.Mul(x, g.Add(g.Mul(g.Mul(x, x), activation.GELU_SCALE * 0.044715), activation.GELU_SCALE)))
    ),
    activation.gelu_erf: lambda g, x: g.Mul(x, g.Mul(g.Add(g.Erf(g.Mul(x, math.sqrt(0.5))), 1.0), 0.5)),
    activation.leaky_relu: lambda g, x, negative_slope: g.LeakyRelu(x, alpha=float(negative_slope)),
    activation.elu: lambda g, x, alpha: g.Elu(x, alpha=float(alpha)),
    activation.softplus: lambda g, x, beta, threshold: _softplus(g, x, float(beta), threshold),
    activation.hardtanh: lambda g, x, min_val, max_val: g.Clip(x, min_val, max_val),
    activation.selu: lambda g, x: g.Selu(x, alpha=activation.SELU_ALPHA, gamma=activation.SELU_SCALE),
    activation.celu: lambda g, x, alpha: g.Celu(x, alpha=float(alpha)),
    activation.mish: lambda g, x: g.Mish(x),
    activation.hardsigmoid: lambda g, x: g.HardSigmoid(x, alpha=1 / 6, beta=0.5),
    activation.softshrink: lambda g, x, lambd: g.Shrink(x, bias=float(lambd), lambd=float(lambd)),
    activation.hardshrink: lambda g, x, lambd: g.Shrink(x, lambd=float(lambd)),
    activation.logsigmoid: lambda g, x: g.Neg(g.Softplus(g.Neg(x))),
}


def _softplus(g: Graph, x: Any, beta: float, threshold: float) -> Any:
    scaled = x if beta == 1 else g.Mul(x, beta)
    found = g.Softplus(scaled) if beta == 1 else g.Div(g.Softplus(scaled), beta)
    # Above the usual threshold, 20, the two differ by less than exp(-20).
    return found if threshold >= 20 else g.Where(g.Greater(scaled, float(threshold)), x, found)


def _formula(formula: Callable[..., Any]) -> Callable[..., Any]:
    names = formula.__code__.co_varnames[1 : formula.__code__.co_argcount]

    def convert(g: Graph, out: Value, arguments: dict[str, Any]) -> Any:
        given = [arguments[name] for name in names]
        return formula(g, *(g.to(v, out.dtype) if isinstance(v, Value | Constant) else v for v in given))

    return convert


CONVERSIONS |= {op: _formula(formula) for op, formula in FORMULAS.items()}

# More elementwise operations


@converts(elementwise.not_equal)
def _(g: Graph, x: Any, y: Any) -> Any:
    return g.Not(_comparison("Equal")(g, x, y))


@converts(elementwise.logical_not)
def _(g: Graph, x: Any) -> Any:
    return g.Not(g.to(x, np.bool_))


@converts(elementwise.invert)
def _(g: Graph, x: Any) -> Any:
    return g.Not(x) if x.dtype == bool else g.BitwiseNot(x)


@converts(elementwise.isnan, elementwise.isinf)
def _(g: Graph, x: Any, op: Any) -> Any:
    return g.add("IsNaN" if op is elementwise.isnan else "IsInf", x)


@converts(elementwise.isfinite)
def _(g: Graph, x: Any) -> Any:
    return g.Not(g.Or(g.IsNaN(x), g.IsInf(x)))


@converts(elementwise.where)
def _(g: Graph, condition: Any, x: Any, y: Any, out: Value) -> Any:
    condition = g.to(condition, np.bool_)
    if out.dtype == bool:  # onnxruntime selects no booleans
        return g.Or(g.And(condition, g.to(x, np.bool_)), g.And(g.Not(condition), g.to(y, np.bool_)))
    return g.Where(condition, g.to(x, out.dtype), g.to(y, out.dtype))


@converts(elementwise.clip)
def _(g: Graph, x: Any, min: Any, max: Any, out: Value) -> Any:
    x = g.to(x, out.dtype)
    for kind, bound in (("Max", min), ("Min", max)):
        if isinstance(bound, Value | Constant):
            x = g.add(kind, x, g.to(bound, out.dtype))
            min, max = (None, max) if kind == "Max" else (min, None)
    return x if min is None and max is None else g.Clip(x, min, max)


@converts(elementwise.astype)
def _(g: Graph, x: Any, out: Value) -> Any:
    return g.to(x, out.dtype)


@converts(elementwise.floor_divide)
def _(g: Graph, x: Any, y: Any, out: Value) -> Any:
    if out.dtype.kind != "f":
        raise Inexpressible("integers are divided toward zero in ONNX")
    return g.Floor(g.Div(g.to(x, out.dtype), g.to(y, out.dtype)))


@converts(elementwise.remainder)
def _(g: Graph, x: Any, y: Any, out: Value) -> Any:
    x, y = g.to(x, out.dtype), g.to(y, out.dtype)
    return g.Sub(x, g.Mul(y, g.Floor(g.Div(x, y)))) if out.dtype.kind == "f" else g.Mod(x, y)


@converts(activation.gelu)
def _(g: Graph, x: Any, approximate: str) -> Any:
    return g.Gelu(x, approximate=approximate) if g.opset >= 20 else None


@converts(activation.prelu)
def _(g: Graph, x: Any, weight: Any) -> Any:
    channels = weight.shape[0] if weight.shape else 1
    return g.PRelu(x, g.reshape(weight, (channels, *[1] * (len(x.shape) - 2))) if len(x.shape) > 2 else weight)


# Reductions


def _axes(axis: Any) -> list[int] | None:
    return None if axis is None else [axis] if isinstance(axis, int) else list(axis)


def _reduction(kind: str) -> Callable[..., Any]:
    def convert(g: Graph, x: Any, axis: Any, keepdims: bool, out: Value) -> Any:
        return g.add(kind, g.to(x, out.dtype), _axes(axis), keepdims=int(keepdims))

    return convert


CONVERSIONS |= {
    reduction.sum: _reduction("ReduceSum"),
    reduction.amax: _reduction("ReduceMax"),
    reduction.amin: _reduction("ReduceMin"),
    reduction.logsumexp: _reduction("ReduceLogSumExp"),
    ops.mean: lambda g, x, axis, keepdims, dtype, out: _reduction("ReduceMean")(g, x, axis, keepdims, out),
    reduction.product: lambda g, x, axis, out: g.ReduceProd(g.to(x, out.dtype), [axis], keepdims=0),
    reduction.softmax: lambda g, x, axis, out: g.Softmax(g.to(x, out.dtype), axis=axis),
    reduction.log_softmax: lambda g, x, axis, out: g.LogSoftmax(g.to(x, out.dtype), axis=axis),
    ops.cumsum: lambda g, x, axis, out: g.CumSum(g.to(x, out.dtype), np.array(axis, np.int64)),
}


@converts(norms.power_norm)
def _(g: Graph, x: Any, ord: float, axis: Any, keepdims: bool, out: Value) -> Any:
    if ord in (1, 2):
        return _reduction(f"ReduceL{ord:.0f}")(g, x, axis, keepdims, out)
    powers = g.ReduceSum(g.Pow(g.Abs(g.to(x, out.dtype)), float(ord)), _axes(axis), keepdims=int(keepdims))
    return g.Pow(powers, 1 / ord)


@converts(ops.topk)
def _(g: Graph, x: Any, k: int, axis: int, largest: bool) -> Any:
    return g.TopK(x, [k], axis=axis, largest=int(largest), outputs=2)


@converts(reduction.any, reduction.all)
def _(g: Graph, x: Any, axis: Any, keepdims: bool, op: Any) -> Any:
    kind = "ReduceMax" if op is reduction.any else "ReduceMin"
    return g.cast(g.add(kind, g.cast(g.to(x, np.bool_), np.int32), _axes(axis), keepdims=int(keepdims)), np.bool_)


@converts(reduction.argmax, reduction.argmin)
def _(g: Graph, x: Any, axis: Any, keepdims: bool, op: Any) -> Any:
    kind = "ArgMax" if op is reduction.argmax else "ArgMin"
    if axis is None:
        if keepdims:
            return None
        return g.add(kind, g.Reshape(x, [-1]), axis=0, keepdims=0)
    return g.add(kind, x, axis=axis, keepdims=int(keepdims))


# Shapes


@converts(ops.reshape)
def _(g: Graph, x: Any, out: Value) -> Any:
    return g.reshape(x, out.shape)


@converts(ops.permute)
def _(g: Graph, x: Any, axes: Any, out: Value) -> Any:
    n = len(out.shape)
    return g.Transpose(x, perm=[axis % n for axis in axes])


@converts(ops.broadcast_to)
def _(g: Graph, x: Any, out: Value) -> Any:
    return g.Expand(x, g.sizes(out.shape))


@converts(joining.concatenate_along)
def _(g: Graph, axis: int, arrays: Sequence[Any], out: Value) -> Any:
    return g.add("Concat", *(g.to(x, out.dtype) for x in arrays), axis=axis)


@converts(rearrange.flip)
def _(g: Graph, x: Any, axis: Any) -> Any:
    axes = _axes(axis)
    return g.slice(x, {a: slice(None, None, -1) for a in (range(len(x.shape)) if axes is None else axes)})


@converts(rearrange.pad_constant)
def _(g: Graph, x: Any, widths: Any, value: Any, out: Value) -> Any:
    low, high = zip(*widths, strict=True)
    return g.Pad(x, g.sizes([*low, *high]), g.array(np.array(value, out.dtype)))


@converts(rearrange.pad)
def _(g: Graph, x: Any, pad_width: Any, mode: str) -> Any:
    kind = {"edge": "edge", "replicate": "edge", "reflect": "reflect"}.get(mode)
    if kind is None or not isinstance(pad_width, tuple) or len(pad_width) != len(x.shape):
        return None
    low, high = zip(*pad_width, strict=True)
    return g.Pad(x, [*low, *high], mode=kind)


@converts(rearrange.crop)
def _(g: Graph, x: Any, widths: Any) -> Any:
    return g.slice(x, {axis: slice(low or None, -high if high else None) for axis, (low, high) in enumerate(widths)})


# Indexing


@converts(indexing.getitem)
def _(g: Graph, x: Any, index: Any, out: Value) -> Any:
    parts = _expanded(index, len(x.shape))
    bounds, dropped, arrays, axis = {}, [], {}, 0
    for part in parts:
        if part is None:
            continue
        if isinstance(part, bool):
            raise Inexpressible("a boolean as an index")
        if isinstance(part, slice):
            bounds[axis] = part
        elif isinstance(part, int | Size):
            last = isinstance(part, int) and part == -1
            stop = None if last else part + 1 if isinstance(part, int) else Size([v + 1 for v in part.values])
            bounds[axis] = slice(part, stop)
            dropped.append(axis)
        else:
            arrays[axis] = part
        axis += 1
    if arrays:
        if dropped or any(part is None for part in parts):
            raise Inexpressible("an index of arrays beside ints or None")
        return _gathered(g, g.slice(x, bounds), x, arrays, out)
    found = g.slice(x, bounds)
    if dropped:
        found = g.Squeeze(found, dropped)
    added, place = [], 0
    for part in parts:
        if part is None:
            added.append(place)
        place += part is None or isinstance(part, slice)
    return g.Unsqueeze(found, added) if added else g.input(found)


def _expanded(index: Any, ndim: int) -> list[Any]:
    """Return an index with slices instead of ``...``, one part for each axis beside those of None."""
    parts = list(index) if isinstance(index, tuple) else [index]
    parts = [np.array(p) if isinstance(p, tuple | list) else p for p in parts]
    used = sum(_width(p) for p in parts)
    at = next((i for i, p in enumerate(parts) if p is ...), len(parts))
    return [*parts[:at], *[slice(None)] * (ndim - used), *parts[at + 1 :]]


def _width(part: Any) -> int:
    """Return how many axes a part of an index takes."""
    if part is None or part is ...:
        return 0
    return len(part.shape) if _is_mask(part) else 1


def _is_mask(part: Any) -> bool:
    return hasattr(part, "dtype") and part.dtype.kind == "b"


def _gathered(g: Graph, found: Any, x: Any, arrays: dict[int, Any], out: Value) -> Any:
    """Add the nodes of an index of integers, or of one constant mask, along neighboring axes."""
    axes = sorted(arrays)
    first = arrays[axes[0]]
    if len(axes) == 1:
        if _is_mask(first):
            if not isinstance(first, Constant) or len(first.shape) != 1:
                raise Inexpressible("a mask as an index: the size of the result depends on values")
            first = Constant(tuple(np.flatnonzero(a) for a in first.arrays), (), INT64)
        return g.Gather(found, g.to(first, INT64), axis=axes[0])
    sizes = [x.shape[axis] for axis in axes]
    fixed = [a.arrays[0] if isinstance(a, Constant) else a for a in arrays.values()]
    if axes != list(range(axes[0], axes[0] + len(axes))) or not all(isinstance(a, np.ndarray) for a in fixed):
        raise Inexpressible("several arrays as an index")
    if any(isinstance(n, Size) for n in sizes) or not all(g.input(a) for a in arrays.values()):
        raise Inexpressible("several arrays as an index of a dynamic axis")
    flat = np.ravel_multi_index([a % n for a, n in zip(np.broadcast_arrays(*fixed), sizes, strict=True)], sizes)
    before, after = out.shape[: axes[0]], out.shape[axes[0] + flat.ndim :]
    return g.Gather(g.reshape(found, (*before, math.prod(sizes), *after)), flat.astype(np.int64), axis=axes[0])


@converts(indexing.setitem)
def _(g: Graph, x: Any, index: Any, value: Any, out: Value) -> Any:
    parts = _expanded(index, len(x.shape))
    if not all(isinstance(p, slice) or (isinstance(p, int) and not isinstance(p, bool)) for p in parts):
        raise Inexpressible("writing at an index of arrays")
    moving = [axis for axis, n in enumerate(x.shape) if isinstance(n, Size)]
    if any(parts[axis] != slice(None) for axis in moving):
        raise Inexpressible("writing to a part of a dynamic axis")
    shape = tuple(1 if axis in moving else n for axis, n in enumerate(x.shape))
    mask = np.zeros(shape, bool)
    mask[tuple(parts)] = True
    places = np.zeros(shape, np.int64)  # of the written elements along their axes, to spread the value
    if isinstance(value, Value | Constant) and value.shape:
        chosen = [axis for axis, p in enumerate(parts) if isinstance(p, slice)]
        if len(value.shape) > len(chosen):
            raise Inexpressible("a value of more axes than the place where it is written")
        spread: Any = g.to(value, out.dtype)
        wanted = [1] * (len(chosen) - len(value.shape)) + list(value.shape)
        full = [1] * len(shape)
        for axis, n in zip(chosen, wanted, strict=True):
            full[axis] = n
        spread = g.reshape(spread, full)
        for axis in chosen:
            if axis not in moving and full[axis] != 1:
                places = np.zeros(shape[axis], np.int64)
                places[parts[axis]] = np.arange(full[axis])
                spread = g.Gather(spread, places, axis=axis)
        value = spread
    return g.Where(mask, g.to(value, out.dtype) if not isinstance(value, str) else value, g.to(x, out.dtype))


@converts(ops.embedding)
def _(g: Graph, x: Any, weight: Any, max_norm: Any) -> Any:
    if max_norm is not None:
        raise Inexpressible("max_norm changes the weight")
    return g.Gather(weight, g.to(x, INT64))


@converts(attention.embedding_bag)
def _(
    g: Graph, x: Any, weight: Any, offsets: Any, mode: str, per_sample_weights: Any, padding_idx: Any, max_norm: Any
) -> Any:
    if offsets is not None or padding_idx is not None or max_norm is not None:
        raise Inexpressible("offsets, padding_idx and max_norm: only bags (B, L) of equal length are exported")
    rows = g.Gather(weight, g.to(x, INT64))
    if per_sample_weights is not None:
        rows = g.Mul(rows, g.Unsqueeze(per_sample_weights, [2]))
    return g.add({"sum": "ReduceSum", "mean": "ReduceMean", "max": "ReduceMax"}[mode], rows, [1], keepdims=0)


@converts(ops.take_along_axis, ops.take_along_dim)
def _(g: Graph, x: Any, indices: Any, axis: Any = None, dim: Any = None) -> Any:
    axis = dim if axis is None else axis
    if axis is None or x.shape[:axis] != indices.shape[:axis] or len(x.shape) != len(indices.shape):
        raise Inexpressible("indices that broadcast")
    return g.GatherElements(x, g.to(indices, INT64), axis=axis)


@converts(ops.gather)
def _(g: Graph, x: Any, dim: int, index: Any) -> Any:
    return g.GatherElements(x, g.to(index, INT64), axis=dim)


@converts(ops.index_select)
def _(g: Graph, x: Any, dim: int, index: Any) -> Any:
    return g.Gather(x, g.to(index, INT64), axis=dim)


@converts(ops.nll_loss, ops.cross_entropy)
def _(
    g: Graph, input: Any, target: Any, weight: Any, ignore_index: int, reduction: str, size_average: Any, reduce: Any,
    out: Value, op: Any, label_smoothing: float = 0.0,
) -> Any:  # fmt: skip
    if size_average is not None or reduce is not None:
        return None
    if target.dtype.kind == "f":
        return _soft_cross_entropy(g, input, target, weight, reduction, float(label_smoothing), out.dtype)
    if label_smoothing or len(input.shape) < 2:
        return None
    kind = "NegativeLogLikelihoodLoss" if op is ops.nll_loss else "SoftmaxCrossEntropyLoss"
    return g.add(kind, input, g.to(target, INT64), weight, ignore_index=ignore_index, reduction=reduction)


def _soft_cross_entropy(g: Graph, x: Value, target: Any, weight: Any, reduction: str, smoothing: float, dtype: Any) -> Any:
    """Add the cross-entropy with class probabilities, which the operation prepares as arrays."""
    axis = min(1, len(x.shape) - 1)
    classes = x.shape[axis]
    target = g.to(target, dtype)
    if smoothing:
        target = g.Add(g.Mul(target, 1 - smoothing), smoothing / classes)
    if weight is not None:
        target = g.Mul(target, g.Reshape(g.to(weight, dtype), [classes, *[1] * (len(x.shape) - 2)]))
    losses = FORMULAS[loss.weighted](g, g.LogSoftmax(g.to(x, dtype), axis=axis), target)
    found = g.Neg(g.ReduceSum(losses, [axis], keepdims=0))
    return found if reduction == "none" else g.add(f"Reduce{reduction.capitalize()}", found, keepdims=0)


# Products


@converts(linalg.multiply_matrices)
def _(g: Graph, x: Any, y: Any, out: Value) -> Any:
    return g.MatMul(g.to(x, out.dtype), g.to(y, out.dtype))


@converts(linalg.affine)
def _(g: Graph, x: Any, weight: Any, bias: Any, out: Value) -> Any:
    return g.Gemm(*(g.to(v, out.dtype) for v in (x, weight, bias)), transB=1)


@converts(ops.linear)
def _(g: Graph, x: Any, weight: Any, bias: Any, out: Value) -> Any:
    if len(x.shape) == 2:
        return None
    found = g.MatMul(g.to(x, out.dtype), g.Transpose(g.to(weight, out.dtype), perm=[1, 0]))
    return found if bias is None else g.Add(found, g.to(bias, out.dtype))


@converts(contraction.contract)
def _(g: Graph, x: Any, y: Any, subscripts: str, out: Value) -> Any:
    return g.Einsum(g.to(x, out.dtype), g.to(y, out.dtype), equation=subscripts)


# Convolution and windows


@converts(convolution.convolution)
def _(g: Graph, x: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int, out: Value) -> Any:
    low, high = zip(*padding, strict=True)
    return g.Conv(
        *(g.to(v, out.dtype) for v in (x, weight, bias)), kernel_shape=weight.shape[2:], strides=stride, pads=[*low, *high],
        dilations=dilation, group=groups,
    )  # fmt: skip


@converts(convolution.transposed_convolution)
def _(
    g: Graph, y: Any, weight: Any, stride: Any, padding: Any, dilation: Any, groups: int, out: Value, bias: Any = None
) -> Any:
    low, high = zip(*padding, strict=True)
    extra = [max(a - b, 0) for a, b in padding]
    return g.ConvTranspose(
        *(g.to(v, out.dtype) for v in (y, weight, bias)), kernel_shape=weight.shape[2:], strides=stride,
        pads=[*low, *(b + e for b, e in zip(high, extra, strict=True))], output_padding=extra, dilations=dilation,
        group=groups,
    )  # fmt: skip


@converts(*(getattr(convolution, f"conv_transpose{n}d") for n in (1, 2, 3)))
def _(g: Graph, x: Any, bias: Any, parts: Sequence[Step], out: Value) -> Any:
    inner = parts[0]
    if inner.op is not convolution.transposed_convolution:  # without the batch axis
        return None
    arguments = {name: value for name, value in inner.arguments.items() if name != "size"}
    return CONVERSIONS[inner.op](g, **arguments, bias=bias, out=out)


def _pool_along(g: Graph, x: Any, along: Any, total: bool) -> Any:
    """Add the pooling of windows along one axis; of sums the means, times their number."""
    axis, ndim, length = along.axis, len(x.shape), x.shape[along.axis]
    lead = max(0, 2 - axis, 3 - ndim)  # axes to add, so that the axis is one of those after batch and channels
    source = g.Unsqueeze(x, list(range(lead))) if lead else x
    n, k = ndim + lead - 2, axis + lead - 2
    if n > 3:
        raise Inexpressible(f"windows along axis {axis} of {ndim}")
    found = []
    for size, stride, padding, dilation, number in along.runs:
        stop = (number - 1) * stride + dilation * (size - 1) + 1 - padding
        part = g.slice(source, {axis + lead: slice(max(-padding, 0), stop if stop < length else None)})
        pads = [0] * 2 * n
        pads[k], pads[n + k] = max(padding, 0), max(stop - length, 0)
        options = {"kernel_shape": _one(n, k, size), "strides": _one(n, k, stride), "pads": pads}
        if total:
            mean = g.AveragePool(part, count_include_pad=1, **options)
            found.append(g.Mul(mean, float(size)) if size > 1 else mean)
        else:
            found.append(g.MaxPool(part, dilations=_one(n, k, dilation), **options))
    joined = found[0] if len(found) == 1 else g.add("Concat", *found, axis=axis + lead)
    return g.Squeeze(joined, list(range(lead))) if lead else joined


def _one(n: int, k: int, value: int) -> list[int]:
    """Return n ones, with `value` in place k."""
    return [value if i == k else 1 for i in range(n)]


CONVERSIONS |= {
    pooling.max_windows: lambda g, x, along: _pool_along(g, x, along, False),
    pooling.sum_windows: lambda g, x, along: _pool_along(g, x, along, True),
}


def _regular(x: Value, parts: Sequence[Step], op: Any) -> dict[str, list[int]] | None:
    """Return the options of a pooling node if each spatial axis has windows of one kind; else None."""
    found = {s.arguments["along"].axis: s.arguments["along"].runs for s in parts if s.op is op}
    if sorted(found) != list(range(2, len(x.shape))) or any(len(runs) > 1 for runs in found.values()):
        return None
    runs = [found[axis][0] for axis in sorted(found)]
    ends = [
        (r.number - 1) * r.stride + r.dilation * (r.size - 1) + 1 - r.padding - n
        for r, n in zip(runs, x.shape[2:], strict=True)
    ]
    if min(r.padding for r in runs) < 0:
        return None
    pads = [r.padding for r in runs] + [max(end, 0) for end in ends]
    return {"kernel_shape": [r.size for r in runs], "strides": [r.stride for r in runs], "pads": pads}


@converts(*(getattr(pooling, f"{kind}max_pool{n}d") for kind in ("", "adaptive_") for n in (1, 2, 3)))
def _(g: Graph, x: Any, return_indices: bool, parts: Sequence[Step]) -> Any:
    options = _regular(x, parts, pooling.max_windows)
    if options is None:
        return None
    dilations = [s.arguments["along"].runs[0].dilation for s in parts if s.op is pooling.max_windows][::-1]
    if not return_indices:
        return g.MaxPool(x, dilations=dilations, **options)
    found, places = g.MaxPool(x, dilations=dilations, outputs=2, **options)
    return found, g.Mod(places, np.array(math.prod(x.shape[2:]), np.int64))


@converts(*(getattr(pooling, f"avg_pool{n}d") for n in (1, 2, 3)))
def _(g: Graph, x: Any, parts: Sequence[Step], ceil_mode: bool, divisor_override: Any, count_include_pad: bool) -> Any:
    options = _regular(x, parts, pooling.sum_windows)
    if options is None or ceil_mode or divisor_override is not None:
        return None
    n = len(x.shape) - 2
    options["pads"] = options["pads"][:n] * 2
    return g.AveragePool(x, count_include_pad=int(count_include_pad), **options)


@converts(*(getattr(pooling, f"adaptive_avg_pool{n}d") for n in (1, 2, 3)))
def _(g: Graph, x: Any, parts: Sequence[Step], out: Value, op: Any) -> Any:
    if set(out.shape[2:]) == {1} and op.__name__.endswith(f"pool{len(x.shape) - 2}d"):
        return g.GlobalAveragePool(x)
    options = _regular(x, parts, pooling.sum_windows)
    return None if options is None else g.AveragePool(x, **options)


@converts(*(getattr(pooling, f"max_unpool{n}d") for n in (1, 2, 3)))
def _(g: Graph, x: Any, indices: Any, out: Value, op: Any) -> Any:
    if not op.__name__.endswith(f"pool{len(x.shape) - 2}d"):  # without the batch axis
        return None
    zeros = g.Expand(np.zeros((1, 1, 1), out.dtype), g.sizes((*out.shape[:2], math.prod(out.shape[2:]))))
    at, values = (g.Reshape(v, [0, 0, -1]) for v in (g.to(indices, INT64), x))
    return g.reshape(g.ScatterElements(zeros, at, values, axis=2), out.shape)


@converts(windows.unfold)
def _(g: Graph, x: Any, kernel_size: Any, dilation: Any, padding: Any, stride: Any, out: Value) -> Any:
    if len(x.shape) != 4:
        return None
    size, dilation, padding, stride = map(_pair, (kernel_size, dilation, padding, stride))
    places, channels = math.prod(size), x.shape[1]
    picking = np.tile(np.eye(places, dtype=out.dtype).reshape(places, 1, *size), (channels, 1, 1, 1))
    cols = g.Conv(x, picking, kernel_shape=size, strides=stride, pads=padding * 2, dilations=dilation, group=channels)
    return g.Reshape(cols, [0, 0, -1])


@converts(windows.fold)
def _(g: Graph, x: Any, output_size: Any, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> Any:
    if len(x.shape) != 3:
        return None
    size, kernel, dilation, padding, stride = map(_pair, (output_size, kernel_size, dilation, padding, stride))
    return g.Col2Im(x, list(size), list(kernel), dilations=dilation, pads=padding * 2, strides=stride)


def _pair(value: Any) -> Any:
    return value if isinstance(value, tuple) else (value, value)


# Resampling


@converts(interpolation.read_along)
def _(g: Graph, x: Any, positions: Any, axis: int) -> Any:
    return g.Gather(x, g.to(positions, INT64), axis=axis)


@converts(interpolation.interpolate)
def _(
    g: Graph, x: Any, size: Any, scale_factor: Any, mode: str, align_corners: Any, recompute_scale_factor: Any,
    antialias: bool, out: Value, parts: Sequence[Step],
) -> Any:  # fmt: skip
    kinds = {"nearest": "nearest", "linear": "linear", "bilinear": "linear", "trilinear": "linear", "bicubic": "cubic"}
    if mode not in kinds or antialias or x.dtype != out.dtype or out.dtype != np.float32:
        return None
    axes = list(range(2, len(x.shape)))
    position = "asymmetric" if mode == "nearest" else "align_corners" if align_corners else "half_pixel"
    options = {"mode": kinds[mode], "coordinate_transformation_mode": position, "axes": axes, "cubic_coeff_a": -0.75,
               "nearest_mode": "floor"}  # fmt: skip
    given = size is None and not recompute_scale_factor and not align_corners
    factors = scale_factor if isinstance(scale_factor, tuple) else (scale_factor,) * len(axes)
    if not given:
        factors = tuple(wanted / n for wanted, n in zip(out.shape[2:], x.shape[2:], strict=True))
    if mode == "nearest" and not all(_floors(step, factors) for step in parts):
        return None
    sizes = (np.array(factors, np.float32),) if given else (None, list(out.shape[2:]))
    return g.Resize(x, None, *sizes, **options)


def _floors(step: Step, factors: Sequence[float]) -> bool:
    """Return whether pixels are read where Resize reads them: at i / factor, rounded down, in single precision."""
    axis, (positions, *_) = step.arguments["axis"], step.arguments["positions"].arrays
    places = np.arange(len(positions), dtype=np.float32) / np.float32(factors[axis - 2])
    return np.array_equal(positions, np.minimum(places.astype(int), positions[-1]))


CONVERSIONS[interpolation.pixel_shuffle] = lambda g, x, upscale_factor: (
    g.DepthToSpace(x, blocksize=upscale_factor, mode="CRD") if len(x.shape) == 4 else None
)

# Normalization


def _affine(x: Value, weight: Any, bias: Any) -> tuple[Any, Any]:
    """Return weight and bias of the channels; ones and zeros where they are None."""
    return tuple(np.full(x.shape[1], f, x.dtype) if v is None else v for v, f in ((weight, 1), (bias, 0)))  # type: ignore[return-value]


@converts(normalization.batch_norm)
def _(g: Graph, x: Any, running_mean: Any, running_var: Any, weight: Any, bias: Any, training: bool, eps: float) -> Any:
    if training:
        return None
    return g.BatchNormalization(x, *_affine(x, weight, bias), running_mean, running_var, epsilon=float(eps))


@converts(normalization.instance_norm)
def _(g: Graph, x: Any, running_mean: Any, weight: Any, bias: Any, use_input_stats: bool, eps: float) -> Any:
    if not use_input_stats or running_mean is not None:
        return None
    return g.InstanceNormalization(x, *_affine(x, weight, bias), epsilon=float(eps))


@converts(normalization.layer_norm)
def _(g: Graph, x: Any, normalized_shape: Any, weight: Any, bias: Any, eps: float) -> Any:
    shape = normalized_shape if isinstance(normalized_shape, tuple) else (normalized_shape,)
    scale = np.ones(shape, x.dtype) if weight is None else weight
    return g.LayerNormalization(x, scale, bias, axis=-len(shape), epsilon=float(eps))


@converts(normalization.local_response_norm)
def _(g: Graph, x: Any, size: int, alpha: float, beta: float, k: float) -> Any:
    centered = size % 2 and len(x.shape) == 4
    return g.LRN(x, size=size, alpha=float(alpha), beta=float(beta), bias=float(k)) if centered else None


CONVERSIONS |= dict.fromkeys(KINDS, recurrent)
