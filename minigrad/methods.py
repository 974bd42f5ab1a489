"""The methods of a tensor that only hand over to an operation, one line each.

They stand apart from tensor.py so that the engine can be read in one sitting, and so that adding a method is adding a line:
what an operation means, its docstring and its errors stand in `ops`. Methods are plain functions, because Python calls
those fastest. Options go by PyTorch's names or by NumPy's: `x.sum(dim=1, keepdim=True)`, `x.sum(axis=1, keepdims=True)`.
"""

from __future__ import annotations

import builtins
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad import ops
from minigrad.ops.linalg import multiply_matrices
from minigrad.primitive import Primitive, Traced

if TYPE_CHECKING:  # for annotations alone: Tensor stands on the floor above
    from minigrad.tensor import Tensor

__all__ = ["Methods"]

Operation = Callable[..., Any]


def _method(op: Operation) -> Callable[..., Tensor]:
    """``x.f(...)`` is ``f(x, ...)``."""
    if isinstance(op, Primitive):
        primitive = op
        tails = op.tails  # what to add to so many arguments; bind says what is wrong with any other number

        def method(self: Traced, *args: Any, **options: Any) -> Any:
            tail = None if options else tails.get(len(args) + 1)
            if tail is None:
                return self._record(primitive, primitive.bind((self, *args), options))
            return self._record(primitive, (self, *args, *tail))

    else:

        def method(self: Traced, *args: Any, **options: Any) -> Any:
            return op(self, *args, **options)

    return _documented(method, op)


def _tuple_method(op: Operation) -> Callable[..., Any]:
    """A method that may give several tensors."""
    return _method(op)


def _sizes_method(op: Operation) -> Callable[..., Tensor]:
    """``x.f(2, 3)`` and ``x.f((2, 3))`` are both ``f(x, (2, 3))``."""

    def method(self: Traced, *sizes: Any, **options: Any) -> Any:
        if len(sizes) == 1 and isinstance(sizes[0], tuple | list):
            sizes = tuple(sizes[0])
        if not options:
            return op(self, sizes)
        return op(self, sizes, **options) if sizes else op(self, **options)

    return _documented(method, op)


def _prefix(op: Primitive) -> Callable[[Any], Tensor]:
    """A method of no arguments, or an operator before its operand."""
    return _documented(lambda self: self._record(op, (self,)), op)


def _infix(op: Primitive) -> Callable[[Any, Any], Tensor]:
    """An operator between its operands, the tensor on the left."""
    return _documented(lambda self, other: self._record(op, (self, other)), op)


def _reflected(op: Primitive) -> Callable[[Any, Any], Tensor]:
    """An operator between its operands, the tensor on the right."""
    return _documented(lambda self, other: self._record(op, (other, self)), op)


def _in_place(op: Operation) -> Callable[..., Tensor]:
    """``x.f_(...)``: x becomes ``f(x, ...)``; gives x. Raises GraphError for a leaf whose gradient is being recorded."""
    name = f"{op.__name__}_"

    def method(self: Tensor, *args: Any, **options: Any) -> Any:
        self._refuse_change(name)
        return self._become(op(self, *args, **options), name)

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"`{op.__name__}` of this tensor, which becomes the result and is given back."
    return method


def _cast(dtype: type) -> Callable[[Any], Tensor]:
    return _documented(lambda self: self._record(ops.astype, (self, np.dtype(dtype))), ops.astype)


def _documented(method: Callable[..., Any], op: Operation) -> Callable[..., Any]:
    """The method under the name of its operation, with its signature, and with its docstring up to the example."""
    functools.update_wrapper(method, op, ("__name__", "__qualname__"), ())
    paragraphs = (op.__doc__ or "").split("\n\n")
    if paragraphs[0].startswith(f"{op.__name__}("):  # of a ufunc: the signature, one line, and pages
        paragraphs = paragraphs[1:2]
    method.__doc__ = "\n\n".join(p for p in paragraphs if not p.lstrip().startswith(">>>")).rstrip()
    return method


class Methods(Traced):
    """Operators and methods; `Tensor` adds what a tensor is made of and its place in the graph."""

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
    __neg__, __pos__, __abs__ = _prefix(ops.negative), _prefix(ops.positive), _prefix(ops.absolute)
    __invert__ = _prefix(ops.invert)
    __eq__, __ne__ = _infix(ops.equal), _infix(ops.not_equal)  # type: ignore[assignment]
    __lt__, __le__ = _infix(ops.less), _infix(ops.less_equal)
    __gt__, __ge__ = _infix(ops.greater), _infix(ops.greater_equal)
    __hash__ = object.__hash__  # a tensor is a key by identity, as in PyTorch

    def __matmul__(self, other: Any) -> Tensor:
        a = self._array
        if isinstance(other, Traced):  # the hot path: two matrices
            b = other._array
            if a.ndim == 2 and b.ndim == 2 and a.shape[1] == b.shape[0]:
                return self._record(multiply_matrices, (self, other, "C"))
        return ops.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Tensor:
        return ops.matmul(other, self)

    __iadd__, __isub__, __imul__ = _in_place(ops.add), _in_place(ops.subtract), _in_place(ops.multiply)
    __itruediv__, __ifloordiv__ = _in_place(ops.divide), _in_place(ops.floor_divide)
    __imod__, __ipow__, __imatmul__ = _in_place(ops.remainder), _in_place(ops.power), _in_place(ops.matmul)
    __iand__, __ior__ = _in_place(ops.bitwise_and), _in_place(ops.bitwise_or)
    __ixor__ = _in_place(ops.bitwise_xor)

    # Elementwise

    exp = _prefix(ops.exp)
    log = _prefix(ops.log)
    sqrt = _prefix(ops.sqrt)
    square = _prefix(ops.square)
    sin = _prefix(ops.sin)
    cos = _prefix(ops.cos)
    tanh = _prefix(ops.tanh)
    sigmoid = _prefix(ops.sigmoid)
    relu = _prefix(ops.relu)
    abs = _prefix(ops.absolute)
    maximum = _method(ops.maximum)
    minimum = _method(ops.minimum)
    clip = clamp = _method(ops.clip)

    def where(self, condition: Any, other: Any) -> Tensor:
        """This tensor where the condition holds, else `other`."""
        return ops.where(condition, self, other)

    exp_, log_, sqrt_, square_ = _in_place(ops.exp), _in_place(ops.log), _in_place(ops.sqrt), _in_place(ops.square)
    sin_, cos_, tanh_, sigmoid_ = _in_place(ops.sin), _in_place(ops.cos), _in_place(ops.tanh), _in_place(ops.sigmoid)
    relu_, abs_, neg_ = _in_place(ops.relu), _in_place(ops.absolute), _in_place(ops.negative)
    mul_, div_, pow_ = _in_place(ops.multiply), _in_place(ops.divide), _in_place(ops.power)
    clip_ = clamp_ = _in_place(ops.clip)

    def add(self, other: Any, *, alpha: builtins.float = 1) -> Tensor:
        """``self + alpha * other``."""
        return ops.add(self, other if alpha == 1 else alpha * other)

    def sub(self, other: Any, *, alpha: builtins.float = 1) -> Tensor:
        """``self - alpha * other``."""
        return ops.subtract(self, other if alpha == 1 else alpha * other)

    add_, sub_ = _in_place(add), _in_place(sub)

    float = _cast(np.float32)
    double = _cast(np.float64)
    long = _cast(np.int64)

    # Reductions

    sum = _method(ops.sum)
    mean = _method(ops.mean)
    var = _method(ops.var)
    amax = _method(ops.amax)
    amin = _method(ops.amin)
    max = _tuple_method(ops.max)
    min = _tuple_method(ops.min)
    argmax = _method(ops.argmax)
    argmin = _method(ops.argmin)
    any = _method(ops.any)
    all = _method(ops.all)
    softmax = _method(ops.softmax)
    log_softmax = _method(ops.log_softmax)

    # Shape

    reshape = view = _sizes_method(ops.reshape)
    flatten = _method(ops.flatten)
    transpose = _method(ops.transpose)
    permute = _sizes_method(ops.permute)
    squeeze = _method(ops.squeeze)
    unsqueeze = _method(ops.unsqueeze)
    expand = _sizes_method(ops.expand)
    broadcast_to = _sizes_method(ops.broadcast_to)

    # Products

    matmul = _method(ops.matmul)

    @property
    def T(self) -> Tensor:
        return ops.permute(self)

    @property
    def mT(self) -> Tensor:
        return ops.transpose(self, -2, -1)
