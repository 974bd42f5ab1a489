"""The methods of a tensor that only call an operation, one line each.

A new method is a new line: the meaning, the docstring and the errors of an operation are in `ops`. Methods are plain
functions because Python calls those fastest. Options have PyTorch's names or NumPy's: `x.sum(dim=1, keepdim=True)`,
`x.sum(axis=1, keepdims=True)`.
"""

from __future__ import annotations

import builtins
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad import ops
from minigrad.arrays import Traced
from minigrad.engine.primitive import Primitive
from minigrad.errors import ShapeError
from minigrad.ops import decomposition, norms, solving
from minigrad.ops.linalg import multiply_matrices
from minigrad.ops.sorting import nondifferentiable
from minigrad.ops.windows import moving_windows
from minigrad.tensors import views

if TYPE_CHECKING:  # results are annotated as Tensor, not Self: those of a Parameter are no parameters
    from minigrad.tensors.tensor import Tensor

__all__ = ["Methods"]

Operation = Callable[..., Any]


def _method(op: Operation) -> Callable[..., Tensor]:
    """Return the method ``x.f(...)`` for ``f(x, ...)``."""
    if isinstance(op, Primitive):
        primitive = op
        tails = op.tails  # defaults by the number of arguments; any other number is an error, raised by bind

        def method(self: Traced, *args: Any, **options: Any) -> Any:
            tail = None if options else tails.get(len(args) + 1)
            if tail is None:
                return primitive(self, *args, **options)
            return self.record(primitive, (self, *args, *tail))

    else:

        def method(self: Traced, *args: Any, **options: Any) -> Any:
            return op(self, *args, **options)

    return _documented(method, op)


def _tuple_method(op: Operation) -> Callable[..., Any]:
    """Return a method whose result may be several tensors."""
    return _method(op)


def _sizes_method(op: Operation) -> Callable[..., Tensor]:
    """Return the method ``x.f(2, 3)``, also ``x.f((2, 3))``, for ``f(x, (2, 3))``."""

    def method(self: Traced, *sizes: Any, **options: Any) -> Any:
        if len(sizes) == 1 and isinstance(sizes[0], tuple | list):
            sizes = tuple(sizes[0])
        if not options:
            return op(self, sizes)
        return op(self, sizes, **options) if sizes else op(self, **options)

    return _documented(method, op)


def _prefix(op: Primitive) -> Callable[[Any], Tensor]:
    """Return a method without arguments, or a prefix operator."""
    return _documented(lambda self: self.record(op, (self,)), op)


def _infix(op: Primitive) -> Callable[[Any, Any], Tensor]:
    """Return an infix operator with the tensor on the left."""
    return _documented(lambda self, other: self.record(op, (self, other)), op)


def _comparison(op: Primitive) -> Callable[[Any, Any], Any]:
    """Return the operator == or !=; no tensor is equal to None or a string, as in PyTorch."""

    def method(self: Traced, other: Any) -> Any:
        return NotImplemented if other is None or isinstance(other, str) else self.record(op, (self, other))

    return _documented(method, op)


def _reflected(op: Primitive) -> Callable[[Any, Any], Tensor]:
    """Return an infix operator with the tensor on the right."""
    return _documented(lambda self, other: self.record(op, (other, self)), op)


def _in_place(op: Operation, reshapes: builtins.bool = False) -> Callable[..., Tensor]:
    """Return the method ``x.f_(...)``, which replaces x by ``f(x, ...)`` and returns x; see `Tensor.refuse_change`."""
    name = f"{op.__name__}_"  # for errors

    def method(input: Tensor, *args: Any, **options: Any) -> Any:  # PyTorch's name: it is a function, too
        input.refuse_change(name)
        return input.replace_with(op(input, *args, **options), name, reshapes)

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"Replace this tensor by its `{op.__name__}`, in place; return the tensor itself."
    method.__wrapped__ = op  # type: ignore[attr-defined]  # its signature
    return method


def _cast(dtype: type) -> Callable[..., Tensor]:
    wanted = np.dtype(dtype)

    def cast(self: Tensor, memory_format: Any = None) -> Tensor:
        return self if self.array.dtype == wanted else self.record(ops.astype, (self, wanted))  # type: ignore[return-value]

    return _documented(cast, ops.astype)


def _documented(method: Callable[..., Any], op: Operation) -> Callable[..., Any]:
    """Copy name, signature and docstring (without the example) of an operation to its method."""
    functools.update_wrapper(method, op, ("__name__", "__qualname__"), ())
    paragraphs = (op.__doc__ or "").split("\n\n")
    method.__doc__ = "\n\n".join(p for p in paragraphs if not p.lstrip().startswith(">>>")).rstrip()
    return method


class Methods(Traced):
    """The operators and methods of `Tensor` that are operations."""

    __slots__ = ()

    # Operators

    __add__, __radd__ = _infix(ops.add), _reflected(ops.add)
    __sub__, __rsub__ = _infix(ops.subtract), _reflected(ops.subtract)
    __mul__, __rmul__ = _infix(ops.multiply), _reflected(ops.multiply)
    __truediv__, __rtruediv__ = _infix(ops.divide), _reflected(ops.divide)
    __floordiv__, __rfloordiv__ = _infix(ops.floor_divide), _reflected(ops.floor_divide)
    __mod__, __rmod__ = _infix(ops.remainder), _reflected(ops.remainder)
    __pow__, __rpow__ = _infix(ops.power), _reflected(ops.power)
    __and__, __rand__ = _infix(ops.bitwise_and), _reflected(ops.bitwise_and)
    __or__, __ror__ = _infix(ops.bitwise_or), _reflected(ops.bitwise_or)
    __xor__, __rxor__ = _infix(ops.bitwise_xor), _reflected(ops.bitwise_xor)
    __lshift__, __rlshift__ = _infix(ops.bitwise_left_shift), _reflected(ops.bitwise_left_shift)
    __rshift__, __rrshift__ = _infix(ops.bitwise_right_shift), _reflected(ops.bitwise_right_shift)
    __neg__, __pos__, __abs__ = _prefix(ops.negative), _prefix(ops.positive), _prefix(ops.absolute)
    __invert__ = _prefix(ops.invert)
    __eq__, __ne__ = _comparison(ops.equal), _comparison(ops.not_equal)  # type: ignore[assignment]
    __lt__, __le__ = _infix(ops.less), _infix(ops.less_equal)
    __gt__, __ge__ = _infix(ops.greater), _infix(ops.greater_equal)
    __hash__ = object.__hash__  # a tensor is a key by identity, as in PyTorch

    def __matmul__(self, other: Any) -> Tensor:
        a = self.array
        if isinstance(other, Traced):  # the hot path: two matrices
            b = other.array
            if a.ndim == 2 and b.ndim == 2 and a.shape[1] == b.shape[0]:
                return self.record(multiply_matrices, (self, other, "C"))
        return ops.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Tensor:
        return ops.matmul(other, self)

    __iadd__, __isub__, __imul__ = _in_place(ops.add), _in_place(ops.subtract), _in_place(ops.multiply)
    __itruediv__, __ifloordiv__ = _in_place(ops.divide), _in_place(ops.floor_divide)
    __imod__, __ipow__, __imatmul__ = _in_place(ops.remainder), _in_place(ops.power), _in_place(ops.matmul)
    __iand__, __ior__ = _in_place(ops.bitwise_and), _in_place(ops.bitwise_or)
    __ixor__ = _in_place(ops.bitwise_xor)
    __ilshift__, __irshift__ = _in_place(ops.bitwise_left_shift), _in_place(ops.bitwise_right_shift)

    # Elementwise

    exp, exp2, expm1 = _prefix(ops.exp), _prefix(ops.exp2), _prefix(ops.expm1)
    log, log2, log10, log1p = _prefix(ops.log), _prefix(ops.log2), _prefix(ops.log10), _prefix(ops.log1p)
    sqrt, rsqrt, square = _prefix(ops.sqrt), _prefix(ops.rsqrt), _prefix(ops.square)
    reciprocal = _prefix(ops.reciprocal)
    sin, cos, tan = _prefix(ops.sin), _prefix(ops.cos), _prefix(ops.tan)
    sinh, cosh, tanh = _prefix(ops.sinh), _prefix(ops.cosh), _prefix(ops.tanh)
    asin = arcsin = _prefix(ops.arcsin)
    acos = arccos = _prefix(ops.arccos)
    atan = arctan = _prefix(ops.arctan)
    asinh = arcsinh = _prefix(ops.arcsinh)
    acosh = arccosh = _prefix(ops.arccosh)
    atanh = arctanh = _prefix(ops.arctanh)
    atan2 = arctan2 = _method(ops.arctan2)
    deg2rad, rad2deg = _prefix(ops.deg2rad), _prefix(ops.rad2deg)
    sigmoid, relu, erf, erfc = _prefix(ops.sigmoid), _prefix(ops.relu), _prefix(ops.erf), _prefix(ops.erfc)
    erfinv, lgamma, digamma = _prefix(ops.erfinv), _prefix(ops.lgamma), _method(ops.digamma)
    sinc, logit = _prefix(ops.sinc), _method(ops.logit)
    hardshrink, prelu = _method(ops.hardshrink), _method(ops.prelu)
    abs = absolute = _prefix(ops.absolute)
    neg = negative = _prefix(ops.negative)
    positive = _prefix(ops.positive)
    sign, sgn = _prefix(ops.sign), _prefix(ops.sgn)
    floor, ceil, trunc, frac = _prefix(ops.floor), _prefix(ops.ceil), _prefix(ops.trunc), _method(ops.frac)
    fix, round = _prefix(ops.trunc), _method(ops.round)
    nan_to_num = _method(ops.nan_to_num)
    clip = clamp = _method(ops.clip)
    clamp_min, clamp_max = _method(ops.clamp_min), _method(ops.clamp_max)
    add, sub = _method(ops.add), _method(ops.sub)
    subtract = sub
    mul = multiply = _method(ops.multiply)
    div = divide = true_divide = _method(ops.div)
    pow = _method(ops.power)
    floor_divide, remainder, fmod = _method(ops.floor_divide), _method(ops.remainder), _method(ops.fmod)
    maximum, minimum, fmax, fmin = _method(ops.maximum), _method(ops.minimum), _method(ops.fmax), _method(ops.fmin)
    hypot, copysign, xlogy = _method(ops.hypot), _method(ops.copysign), _method(ops.xlogy)
    logaddexp, logaddexp2, ldexp = _method(ops.logaddexp), _method(ops.logaddexp2), _method(ops.ldexp)
    lerp, addcmul, addcdiv = _method(ops.lerp), _method(ops.addcmul), _method(ops.addcdiv)
    heaviside = _method(ops.heaviside)
    eq, ne, lt = _method(ops.equal), _method(ops.not_equal), _method(ops.less)
    le, gt, ge = _method(ops.less_equal), _method(ops.greater), _method(ops.greater_equal)
    less, less_equal, not_equal = lt, le, ne
    greater, greater_equal = gt, ge
    isnan, isinf, isfinite, signbit = _prefix(ops.isnan), _prefix(ops.isinf), _prefix(ops.isfinite), _prefix(ops.signbit)
    logical_and, logical_or, logical_xor = _method(ops.logical_and), _method(ops.logical_or), _method(ops.logical_xor)
    logical_not, bitwise_not = _prefix(ops.logical_not), _prefix(ops.invert)
    bitwise_and, bitwise_or, bitwise_xor = _method(ops.bitwise_and), _method(ops.bitwise_or), _method(ops.bitwise_xor)
    bitwise_left_shift, bitwise_right_shift = _method(ops.bitwise_left_shift), _method(ops.bitwise_right_shift)
    gcd, lcm, nextafter, float_power = _method(ops.gcd), _method(ops.lcm), _method(ops.nextafter), _method(ops.float_power)
    isposinf, isneginf, isreal = _method(ops.isposinf), _method(ops.isneginf), _method(ops.isreal)
    conj = _method(ops.conj)

    def polygamma(self, n: builtins.int) -> Tensor:
        """The derivative of order n + 1 of `lgamma`."""
        return ops.polygamma(n, self)

    def where(self, condition: Any, other: Any) -> Tensor:
        """This tensor where the condition holds, else `other`."""
        return ops.where(condition, self, other)

    half, float, double = _cast(np.float16), _cast(np.float32), _cast(np.float64)
    char, byte, short, int, long = _cast(np.int8), _cast(np.uint8), _cast(np.int16), _cast(np.int32), _cast(np.int64)
    bool = _cast(np.bool_)

    # In place: the tensor becomes the result

    add_, sub_, mul_, div_ = _in_place(ops.add), _in_place(ops.sub), _in_place(ops.multiply), _in_place(ops.div)
    multiply_, divide_, subtract_ = mul_, div_, sub_
    pow_, floor_divide_ = _in_place(ops.power), _in_place(ops.floor_divide)
    remainder_, fmod_, lerp_ = _in_place(ops.remainder), _in_place(ops.fmod), _in_place(ops.lerp)
    addcmul_, addcdiv_ = _in_place(ops.addcmul), _in_place(ops.addcdiv)
    exp_, expm1_, log_, log1p_ = _in_place(ops.exp), _in_place(ops.expm1), _in_place(ops.log), _in_place(ops.log1p)
    log2_, log10_ = _in_place(ops.log2), _in_place(ops.log10)
    sqrt_, rsqrt_, square_ = _in_place(ops.sqrt), _in_place(ops.rsqrt), _in_place(ops.square)
    sin_, cos_, tan_, tanh_ = _in_place(ops.sin), _in_place(ops.cos), _in_place(ops.tan), _in_place(ops.tanh)
    sigmoid_, relu_, erf_ = _in_place(ops.sigmoid), _in_place(ops.relu), _in_place(ops.erf)
    abs_, neg_, sign_, reciprocal_ = (
        _in_place(ops.absolute), _in_place(ops.negative), _in_place(ops.sign), _in_place(ops.reciprocal),
    )  # fmt: skip
    floor_, ceil_, round_, trunc_ = _in_place(ops.floor), _in_place(ops.ceil), _in_place(ops.round), _in_place(ops.trunc)
    clip_ = clamp_ = _in_place(ops.clip)
    clamp_min_, clamp_max_ = _in_place(ops.clamp_min), _in_place(ops.clamp_max)
    nan_to_num_, masked_fill_ = _in_place(ops.nan_to_num), _in_place(ops.masked_fill)
    masked_scatter_, scatter_ = _in_place(ops.masked_scatter), _in_place(ops.scatter)
    scatter_add_, index_add_ = _in_place(ops.scatter_add), _in_place(ops.index_add)
    index_copy_, index_fill_ = _in_place(ops.index_copy), _in_place(ops.index_fill)
    cumsum_, cumprod_ = _in_place(ops.cumsum), _in_place(ops.cumprod)
    tril_, triu_ = _in_place(ops.tril), _in_place(ops.triu)
    scatter_reduce_, index_reduce_ = _in_place(ops.scatter_reduce), _in_place(ops.index_reduce)
    index_put_, put_, renorm_ = _in_place(ops.index_put), _in_place(ops.put), _in_place(ops.renorm)
    acos_, asin_, atan_ = _in_place(ops.arccos), _in_place(ops.arcsin), _in_place(ops.arctan)
    acosh_, asinh_, atanh_ = _in_place(ops.arccosh), _in_place(ops.arcsinh), _in_place(ops.arctanh)
    arccos_, arcsin_, arctan_, arccosh_, arcsinh_, arctanh_ = acos_, asin_, atan_, acosh_, asinh_, atanh_
    sinh_, cosh_, exp2_, sinc_, logit_ = (
        _in_place(ops.sinh), _in_place(ops.cosh), _in_place(ops.exp2), _in_place(ops.sinc), _in_place(ops.logit),
    )  # fmt: skip
    erfc_, erfinv_, lgamma_, digamma_ = (
        _in_place(ops.erfc), _in_place(ops.erfinv), _in_place(ops.lgamma), _in_place(ops.digamma),
    )  # fmt: skip
    polygamma_, deg2rad_, rad2deg_ = _in_place(polygamma), _in_place(ops.deg2rad), _in_place(ops.rad2deg)
    frac_, copysign_, hypot_, ldexp_ = (
        _in_place(ops.frac), _in_place(ops.copysign), _in_place(ops.hypot), _in_place(ops.ldexp),
    )  # fmt: skip
    atan2_ = arctan2_ = _in_place(ops.arctan2)
    xlogy_, heaviside_, nextafter_ = _in_place(ops.xlogy), _in_place(ops.heaviside), _in_place(ops.nextafter)
    float_power_, gcd_, lcm_ = _in_place(ops.float_power), _in_place(ops.gcd), _in_place(ops.lcm)
    absolute_, negative_, sgn_, fix_, true_divide_ = abs_, neg_, sign_, trunc_, div_
    eq_, ne_, lt_ = _in_place(ops.equal), _in_place(ops.not_equal), _in_place(ops.less)
    le_, gt_, ge_ = _in_place(ops.less_equal), _in_place(ops.greater), _in_place(ops.greater_equal)
    not_equal_, less_, less_equal_, greater_, greater_equal_ = ne_, lt_, le_, gt_, ge_
    bitwise_and_, bitwise_or_ = _in_place(ops.bitwise_and), _in_place(ops.bitwise_or)
    bitwise_xor_, bitwise_not_ = _in_place(ops.bitwise_xor), _in_place(ops.invert)
    bitwise_left_shift_, bitwise_right_shift_ = _in_place(ops.bitwise_left_shift), _in_place(ops.bitwise_right_shift)
    addmm_, addmv_, addr_ = _in_place(ops.addmm), _in_place(ops.addmv), _in_place(ops.addr)
    addbmm_, baddbmm_ = _in_place(ops.addbmm), _in_place(ops.baddbmm)
    logical_and_, logical_or_ = _in_place(ops.logical_and), _in_place(ops.logical_or)
    logical_xor_, logical_not_ = _in_place(ops.logical_xor), _in_place(ops.logical_not)

    # Reductions and scans

    sum, prod, mean = _method(ops.sum), _method(ops.prod), _method(ops.mean)
    nansum, nanmean = _method(ops.nansum), _method(ops.nanmean)
    var, std = _method(ops.var), _method(ops.std)
    median, quantile = _tuple_method(ops.median), _method(ops.quantile)
    nanmedian, nanquantile = _tuple_method(ops.nanmedian), _method(ops.nanquantile)
    mode, histc, histogram = _tuple_method(ops.mode), _method(ops.histc), _tuple_method(ops.histogram)
    amax, amin, aminmax = _method(ops.amax), _method(ops.amin), _tuple_method(ops.aminmax)
    max, min, ptp = _tuple_method(ops.max), _tuple_method(ops.min), _method(ops.ptp)
    argmax, argmin = _method(ops.argmax), _method(ops.argmin)
    any, all, count_nonzero = _method(ops.any), _method(ops.all), _method(ops.count_nonzero)
    norm, logsumexp = _method(norms.p_norm), _method(ops.logsumexp)
    softmax, log_softmax = _method(ops.softmax), _method(ops.log_softmax)
    cumsum, cumprod, diff = _method(ops.cumsum), _method(ops.cumprod), _method(ops.diff)
    cummax, cummin = _tuple_method(ops.cummax), _tuple_method(ops.cummin)
    logcumsumexp, dist = _method(ops.logcumsumexp), _method(norms.dist)
    cov, corrcoef, renorm = _method(ops.cov), _method(ops.corrcoef), _method(ops.renorm)

    # Shape

    reshape = _sizes_method(ops.reshape)
    permute, expand, broadcast_to = _sizes_method(ops.permute), _sizes_method(ops.expand), _sizes_method(ops.broadcast_to)
    flatten, ravel, unflatten = _method(ops.flatten), _method(ops.ravel), _method(ops.unflatten)
    transpose, swapaxes, swapdims = _method(ops.transpose), _method(ops.swapaxes), _method(ops.swapdims)
    moveaxis, movedim = _method(ops.moveaxis), _method(ops.movedim)
    squeeze, unsqueeze = _method(ops.squeeze), _method(ops.unsqueeze)
    flip, tile, repeat = _sizes_method(ops.flip), _sizes_method(ops.tile), _sizes_method(ops.repeat)
    fliplr, flipud, roll, rot90 = _method(ops.fliplr), _method(ops.flipud), _method(ops.roll), _method(ops.rot90)
    repeat_interleave = _method(ops.repeat_interleave)
    split, chunk = _tuple_method(ops.split), _tuple_method(ops.chunk)
    split_with_sizes = split
    tensor_split, unbind = _tuple_method(ops.tensor_split), _tuple_method(ops.unbind)
    hsplit, vsplit, dsplit = _tuple_method(ops.hsplit), _tuple_method(ops.vsplit), _tuple_method(ops.dsplit)
    diagonal, diag, diagflat, diag_embed = (
        _method(ops.diagonal), _method(ops.diag), _method(ops.diagflat), _method(ops.diag_embed),
    )  # fmt: skip
    trace, tril, triu = _method(ops.trace), _method(ops.tril), _method(ops.triu)

    @property
    def T(self) -> Tensor:
        """The tensor with its axes reversed."""
        return ops.permute(self)

    @property
    def mT(self) -> Tensor:
        """The tensor with its last two axes swapped."""
        return ops.transpose(self, -2, -1)

    mH = mT

    @property
    def H(self) -> Tensor:
        """The transpose of a matrix; `t` without a call."""
        return ops.t(self)

    @property
    def real(self) -> Tensor:
        """The tensor itself: its numbers are real."""
        return ops.real(self)

    adjoint = _method(ops.adjoint)

    def t(self) -> Tensor:
        """Return the transpose of a matrix; vectors and numbers unchanged."""
        out: Tensor = self.record(ops.permute, (self, None)) if self.array.ndim <= 2 else ops.t(self)  # which refuses
        return out

    def unfold(self, dimension: builtins.int, size: builtins.int, step: builtins.int) -> Tensor:
        """Return the windows of `size` elements along one axis, `step` apart, in a new last axis."""
        return moving_windows(self, dimension, size, step)

    def reshape_as(self, other: Any) -> Tensor:
        """Return the same elements in the shape of another tensor."""
        return ops.reshape(self, other.shape)

    def view_as(self, other: Any) -> Tensor:
        """Return the same elements in the shape of another tensor, as a view."""
        return self.view(other.shape)

    def view(self, *shape: Any, size: Any = None, dtype: Any = None) -> Tensor:
        """`reshape`, always a view; or with a dtype, ``x.view(mg.int32)``, a copy with the same bytes, without a gradient.

        The size of the last axis changes with the size of an element. Raises ShapeError if it does not divide.
        """
        if dtype is None and len(shape) == 1 and isinstance(shape[0], builtins.type | np.dtype):
            dtype, shape = shape[0], ()
        if dtype is None:
            shape = shape if size is None else (*shape, size)
            shape = tuple(shape[0]) if len(shape) == 1 and isinstance(shape[0], tuple | list) else shape
            out: Tensor = ops.reshape(self, shape)
            if out.place is None:  # a copy, of a result that lies in row-major order in PyTorch
                views.join(out, self, ops.reshape, (shape,))  # type: ignore[arg-type]
            return out
        array, wanted = np.ascontiguousarray(self.array).reshape(self.array.shape), np.dtype(dtype)
        try:
            return self.record(nondifferentiable, (self, array.view(wanted)))
        except ValueError:
            raise ShapeError(f"view: shape {array.shape} of {array.dtype} cannot be read as {wanted}") from None

    squeeze_, unsqueeze_, t_ = _in_place(ops.squeeze, True), _in_place(ops.unsqueeze, True), _in_place(ops.t, True)
    transpose_ = swapdims_ = _in_place(ops.transpose, True)
    swapaxes_ = _in_place(ops.swapaxes, True)

    def expand_as(self, other: Any) -> Tensor:
        """Broadcast the tensor to the shape of another tensor."""
        return ops.broadcast_to(self, other.shape)

    def sum_to_size(self, *size: Any) -> Tensor:
        """Sum over the axes along which a tensor of shape `size` was broadcast to this one.

        Raises ShapeError if no tensor of that shape broadcasts to this one.
        """
        shape = tuple(size[0]) if len(size) == 1 and isinstance(size[0], tuple | list) else size
        lead = self.array.ndim - len(shape)
        if lead < 0 or any(n not in (1, m) for n, m in zip(shape, self.array.shape[lead:], strict=True)):
            raise ShapeError(f"sum_to_size: shape {shape} does not broadcast to {self.array.shape}")
        if shape and shape == self.array.shape:
            return self
        x = self if self.array.dtype.kind == "f" else self.long()  # the dtype of sums
        return self.record(ops.unbroadcast, (x, shape))  # type: ignore[return-value]

    # Elements by index or by rank

    take, take_along_dim = _method(ops.take), _method(ops.take_along_dim)
    gather, scatter, scatter_add = _method(ops.gather), _method(ops.scatter), _method(ops.scatter_add)
    select, narrow, index_select = _method(ops.select), _method(ops.narrow), _method(ops.index_select)
    index_add, index_copy, index_fill = _method(ops.index_add), _method(ops.index_copy), _method(ops.index_fill)
    masked_fill, masked_select = _method(ops.masked_fill), _method(ops.masked_select)
    masked_scatter = _method(ops.masked_scatter)
    scatter_reduce, index_reduce = _method(ops.scatter_reduce), _method(ops.index_reduce)
    index_put, put, select_scatter = _method(ops.index_put), _method(ops.put), _method(ops.select_scatter)
    slice_scatter, diagonal_scatter = _method(ops.slice_scatter), _method(ops.diagonal_scatter)
    sort, topk, kthvalue = _tuple_method(ops.sort), _tuple_method(ops.topk), _tuple_method(ops.kthvalue)
    argsort, argwhere, nonzero = _method(ops.argsort), _method(ops.argwhere), _tuple_method(ops.nonzero)
    searchsorted, unique = _method(ops.searchsorted), _tuple_method(ops.unique)
    msort, unique_consecutive = _method(ops.msort), _tuple_method(ops.unique_consecutive)
    bincount = _method(ops.bincount)

    # Products and matrices

    matmul, mm, bmm, mv = _method(ops.matmul), _method(ops.mm), _method(ops.bmm), _method(ops.mv)
    dot, inner, outer, kron = _method(ops.dot), _method(ops.inner), _method(ops.outer), _method(ops.kron)
    vdot, cross = _method(ops.vdot), _method(ops.cross)
    addmm, addmv, baddbmm = _method(ops.addmm), _method(ops.addmv), _method(ops.baddbmm)
    addr, addbmm, ger = _method(ops.addr), _method(ops.addbmm), _method(ops.ger)
    det, logdet, slogdet = _method(solving.det), _method(solving.logdet), _tuple_method(solving.slogdet)
    inverse, pinverse, cholesky = _method(solving.inverse), _method(solving.pinverse), _method(decomposition.cholesky)
    cholesky_inverse, cholesky_solve = _method(solving.cholesky_inverse), _method(solving.cholesky_solve)
    qr, svd = _tuple_method(decomposition.qr_of_some), _tuple_method(decomposition.svd_of_some)
    lu, lu_solve = _tuple_method(decomposition.lu_factor), _method(decomposition.lu_solve_of)
    matrix_power, matrix_exp = _method(solving.matrix_power), _method(ops.matrix_exp)
