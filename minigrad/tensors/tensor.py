"""Tensor: an array that records how it was computed.

The array inside is a value: an operation makes a new one, and what changes a tensor on purpose replaces its array, or writes
to it if nothing else holds it. So tensors can share memory unnoticed, a value saved for a gradient stays what it was, and
`numpy()` is read-only. Views of a tensor change with it (views.py).

This file holds the tensor's place in the graph, `backward`, and NumPy's dispatch. Methods that are one operation are in
methods.py, methods that change a tensor in place in in_place.py, properties and conversions in inspection.py. What an
operation means is documented in `ops`.
"""

from __future__ import annotations

import operator
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad import ops
from minigrad.arrays import Array, DType, Size, Traced
from minigrad.config import get_default_dtype
from minigrad.engine import tape, walk
from minigrad.engine.grad_mode import enable_grad
from minigrad.engine.handles import RemovableHandle
from minigrad.engine.primitive import Primitive
from minigrad.engine.registry import UFUNCS
from minigrad.engine.tape import Node, record
from minigrad.errors import DTypeError, GraphError, ShapeError, blame
from minigrad.kernels.conversion import to_array
from minigrad.ops.elementwise import positive
from minigrad.ops.indexing import frozen_index, getitem, moved_block
from minigrad.pictures import draw
from minigrad.tensors import devices, views
from minigrad.tensors.dispatch import call_function, call_ufunc
from minigrad.tensors.in_place import InPlace
from minigrad.tensors.inspection import Values, constants
from minigrad.tensors.methods import Methods
from minigrad.tensors.printing import tensor_repr

if TYPE_CHECKING:
    from minigrad.arrays import Index

__all__ = ["Tensor", "copied", "run_backward", "tensor"]

_new = object.__new__


class Tensor(Methods, InPlace, Values):
    """An n-dimensional array of numbers that records the operations it takes part in.

    The constructor is PyTorch's: ``Tensor(2, 3)``, or of a `Size`, is a tensor of that shape (of zeros; its content is not
    defined in PyTorch), and ``Tensor(data)`` a copy of a list, an array or a tensor in `dtype`, by default float32 whatever
    the data; `tensor` keeps integers and the dtype of arrays, and takes numbers. No gradient flows back to a tensor in the
    data, with a warning where one is required. With `requires_grad`, an option that PyTorch lacks here, `backward()` on a
    result adds the gradient to `.grad`. Raises TypeError for a number that is no size, DTypeError for anything but real
    numbers, and for integers with `requires_grad`.

    >>> import minigrad as mg
    >>> x = mg.Tensor([1, 2, 3], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([2., 4., 6.])
    >>> mg.Tensor(2, 3).shape
    (2, 3)
    """

    __slots__ = {
        "__weakref__": None,
        "stored_grad": "The value of `grad`, without its warning for a tensor that keeps none.",
    }
    stored_grad: Tensor | None

    def __init__(self, *data: Any, dtype: DType = None, requires_grad: bool = False, device: Any = None):
        if device is not None:
            devices.device(device)
        dtype, size = get_default_dtype() if dtype is None else dtype, _size_in(data)
        self.array = copied("Tensor", data[0], dtype) if size is None else np.zeros(size, dtype)
        self.node = self.place = self.stored_grad = None
        if requires_grad:
            self.requires_grad_()

    def __repr__(self) -> str:
        return tensor_repr(self.array, "tensor", self.grad_fn, self.requires_grad)

    def _repr_html_(self) -> str | None:
        html: str | None = draw("tensor html", self)
        return html

    def graph(self, **options: Any) -> Any:
        """Return a picture of the graph of this tensor, a `viz.Graph`; options are those of `viz.graph`."""
        return draw("tensor graph", self, **options)

    @staticmethod
    def from_array(array: Array, node: Node | None = None) -> Tensor:
        """Return a tensor around an array, without a copy: for arrays that are never written to again.

        `node` is its place on the tape; None makes a constant. See `tensor` for a copy of the data.
        """
        t = _new(Tensor)
        t.array = array
        t.node = node
        t.place = t.stored_grad = None
        return t

    def new(self, *data: Any, device: Any = None) -> Tensor:
        """Return ``Tensor(*data)`` in the dtype of this tensor; see the class."""
        return Tensor(*data, dtype=self.array.dtype, device=device)

    def detach(self) -> Tensor:
        """Return a constant that shares the value, without history: a change of either changes both, unrecorded."""
        t = _wrap(self.array)
        views.share(t, self)
        return t

    def detach_(self) -> Tensor:
        """Detach the tensor from its history, in place; return the tensor itself."""
        if self.is_leaf:
            return self.requires_grad_(False)
        if self.place is not None and self.place.base is not None:
            raise GraphError("detach_: a view follows its base, and cannot be detached in place\n  hint: use x.detach()")
        self.node = None
        return self

    def clone(self, memory_format: Any = None) -> Tensor:
        """Return a copy as a result of this tensor: gradients flow back to it. `memory_format` is ignored."""
        if self.array.dtype.kind == "b":  # NumPy defines no + for booleans
            return _wrap(self.array)
        return _apply(positive, (self,))

    copy = clone

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        copy = self.__reduce__()[0](*self.__reduce__()[1])
        copy.stored_grad = None if self.stored_grad is None else self.stored_grad.detach()
        memo[id(self)] = copy
        return copy

    def __reduce__(self) -> tuple[Callable[..., Tensor], tuple[Any, ...]]:
        if not self.is_leaf:
            raise GraphError(
                "copy or pickle: only leaves can be copied with their history\n  hint: use t.detach() or t.clone()"
            )
        return _restored, (type(self), self.array, self.requires_grad)

    # Its place in the graph

    @property
    def requires_grad(self) -> bool:
        """True if operations on this tensor are recorded."""
        return self.node is not None

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        self.requires_grad_(wanted)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Set whether a leaf requires a gradient; return the tensor itself.

        A leaf keeps its hooks and its node in graphs recorded before. While it requires no gradient it is a constant for new
        operations and receives none. Raises DTypeError for integers and booleans, GraphError for turning off the gradient of
        a result.
        """
        if not requires_grad:
            if not self.is_leaf:
                raise GraphError("requires_grad_(False): the tensor is a result\n  hint: use t.detach()")
            if self.node is not None:
                self._frozen, self.node = self.node, None
        elif self.node is None:
            if self.array.dtype.kind != "f":
                raise DTypeError(
                    f"requires_grad: a tensor of dtype {self.array.dtype} cannot require a gradient\n"
                    "  hint: write 1.0 instead of 1, or use .astype(float)"
                )
            self.node = self._origin() or tape.leaf(self.array, self)
        return self

    @property
    def is_leaf(self) -> bool:
        """True unless this tensor is the result of a recorded operation."""
        return self.node is None or self.node.primitive is None

    @property
    def grad_fn(self) -> Node | None:
        """The node of the operation that computed this tensor; None for a leaf."""
        return None if self.is_leaf else self.node

    @property
    def grad(self) -> Tensor | None:
        """The gradient accumulated by `backward()`, in the shape and dtype of the tensor; None before.

        Results keep no gradient unless `retain_grad()` was called before.
        """
        if self.stored_grad is None and not self.is_leaf and self.node.receiver is None:
            warnings.warn("grad: this tensor is a result and keeps no gradient; call retain_grad() first", stacklevel=2)
        return self.stored_grad

    @grad.setter
    def grad(self, grad: Tensor | None) -> None:
        if grad is None:
            self.stored_grad = None
            return
        if not isinstance(grad, Tensor):
            raise TypeError(f"grad: must be a Tensor or None, got {type(grad).__name__}")
        if grad.shape != self.shape:
            raise ShapeError(f"grad: has shape {grad.shape}, the tensor has {self.shape}")
        if grad.dtype != self.dtype:
            raise DTypeError(f"grad: has dtype {grad.dtype}, the tensor has {self.dtype}")
        self.stored_grad = grad

    def retain_grad(self) -> None:
        """Accumulate the gradient of a result in `.grad`, too, as leaves always do."""
        if self.node is None:
            raise GraphError("retain_grad(): the tensor requires no gradient")
        tape.retain(self.node, self)

    @property
    def retains_grad(self) -> bool:
        """True for a result whose gradient is kept in `.grad` because of `retain_grad()`."""
        return not self.is_leaf and self.node.receiver is not None and self.node.receiver() is self

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
        """Call ``hook(grad)`` when this tensor's gradient is complete; a returned tensor replaces the gradient.

        >>> import minigrad as mg
        >>> x = mg.tensor(1.0, requires_grad=True)
        >>> handle = x.register_hook(lambda grad: grad * 10)
        >>> (3 * x).backward()
        >>> x.grad
        tensor(30.)
        """
        if self.node is None:
            raise GraphError("register_hook(): the tensor requires no gradient")
        return RemovableHandle(tape.hooks_of(self.node), hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], None]) -> RemovableHandle:
        """Call ``hook(tensor)`` after each backward that added to the `.grad` of this leaf, without recording.

        The hooks of all leaves run at the end of the walk; PyTorch's run during it.

        >>> import minigrad as mg
        >>> x = mg.tensor([1.0, 2.0], requires_grad=True)
        >>> handle = x.register_post_accumulate_grad_hook(lambda x: x.sub_(0.1 * x.grad))
        >>> (x * x).sum().backward()
        >>> x
        tensor([0.8000, 1.6000], requires_grad=True)
        """
        if self.node is None or not self.is_leaf:
            what = "requires no gradient" if self.node is None else "is a result\n  hint: use register_hook()"
            raise GraphError(f"register_post_accumulate_grad_hook(): the tensor {what}")
        return RemovableHandle(tape.hooks_after(self.node), hook)

    def backward(
        self,
        gradient: Any = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Tensor | Sequence[Tensor] | None = None,
    ) -> None:
        """Add the gradient of this tensor to the `.grad` of every leaf it depends on, or of `inputs` alone.

        `gradient` is the incoming gradient, of this tensor's shape (it is not broadcast), 1 by default for a single element.
        The graph is freed unless `retain_graph` (by default `create_graph`); with `create_graph` the gradients can be
        differentiated again. Results among `inputs` retain their gradient from then on.

        Raises GraphError without a graph, for a graph already freed, for a saved input that was written to since, and for
        `inputs` that require no gradient; ShapeError or DTypeError for a gradient of another shape or of no numbers. Nothing
        has changed then.
        """
        run_backward([self.backward_seed(gradient, "backward")], retain_graph, create_graph, inputs)

    def backward_seed(self, gradient: Any, op: str) -> tuple[Node, Any]:
        """Return the node where a walk starts, and its gradient: the checked argument `gradient` of operation `op`."""
        node = self.node
        if node is None:
            raise GraphError(
                f"{op}: the tensor has no graph: it was made without an input that requires a gradient, or under no_grad()"
            )
        if gradient is None:
            if self.array.size != 1:
                raise GraphError(
                    f"{op}: only a single element needs no gradient; this tensor has shape {self.shape}\n"
                    "  hint: reduce it first, e.g. with .sum(), or pass gradient="
                )
            return node, np.ones_like(self.array)
        if isinstance(gradient, Tensor):
            g: Any = gradient
            kind = gradient.dtype.kind
        else:
            g = np.array(gradient)  # a copy: the caller may write into the original
            kind = g.dtype.kind
        if kind not in "fiu":
            raise DTypeError(f"{op}: gradient must be of numbers, got dtype {g.dtype}")
        if g.shape != self.shape:
            raise ShapeError(f"{op}: gradient has shape {g.shape}, the tensor has {self.shape}; it is not broadcast")
        return node, g.astype(self.dtype)

    def accumulate_grad(self, g: Any, fresh: bool) -> None:
        """Add a gradient to `.grad`; `fresh`: nothing else holds its array. See walk.deliver."""
        former = self.stored_grad
        if former is not None and (isinstance(g, Tensor) or former.node is not None):
            with enable_grad():  # a differentiable gradient stays differentiable
                self.stored_grad = former + g
            return
        if isinstance(g, Tensor):
            self.stored_grad = _wrap(g.array, g.node)
            return
        if self.stored_grad is not None:
            g, fresh = self.stored_grad.array + g, True
        if not (fresh and type(g) is np.ndarray and g.strides == self.array.strides):
            copy = np.empty_like(self.array)  # in the memory order of the tensor
            copy[...] = g
            g = copy
        self.stored_grad = _wrap(g)

    @property
    def data(self) -> Tensor:
        """The value outside the graph, as `detach` returns it: in-place changes of ``x.data`` change x, unrecorded.

        A node that saved the value before then refuses to go backward (PyTorch returns a wrong gradient).
        """
        return self.detach()

    @data.setter
    def data(self, value: Any) -> None:
        source = value if isinstance(value, Tensor) else tensor(value, self.dtype)
        if self.node is not None and source.array.dtype.kind != "f":
            raise DTypeError(f"data: {source.dtype} cannot replace {self.dtype} in a tensor that requires a gradient")
        same = source.shape == self.shape and source.dtype == self.dtype
        if not (same or self.is_leaf):
            raise ShapeError(f"data: has shape {source.shape}, the tensor is a result of shape {self.shape}")
        self._mark_changed()
        views.share(self, source)
        self.array = source.array
        if self.node is not None and not same:
            self.node = tape.leaf(self.array, self)

    def astype_(self, dtype: np.dtype[Any]) -> None:
        """Convert a leaf and its gradient to another dtype, in place."""
        views.leave(self)
        self.replace_array(self.array.astype(dtype))
        if self.stored_grad is not None:
            self.stored_grad = _wrap(self.stored_grad.array.astype(dtype))
        node = self._origin()
        if node is not None:
            node.dtype = dtype

    # NumPy's dispatch

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if options or method != "__call__" or (op := UFUNCS.get(ufunc)) is None:
            return call_ufunc(ufunc, method, inputs, options)
        return op(*inputs)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        return call_function(function, args, options)

    @staticmethod
    def record(op: Primitive, args: tuple[Any, ...]) -> Tensor:
        """Call a primitive on tensors and arrays; return the result, recorded if an argument requires a gradient."""
        t = _new(Tensor)
        try:
            t.array, t.node = record(op, args)
        except Exception as error:
            blame(error, operation=op.__name__, arguments=op.arguments(args))
            raise
        t.place = t.stored_grad = None
        if op.is_view and isinstance(args[0], Tensor):
            views.show(t, args[0], op, args[1:])
        return t

    def slope(self, other: Traced) -> Array:
        """Return the derivative of each element with respect to the same element of another; 0 if independent of it."""
        if self.node is None or other.node is None:
            return np.zeros_like(other.array)
        seed = [(self.node, np.ones_like(self.array))]
        (slope,) = walk.backward(seed, _wrap, targets=[other.node], retain_graph=True, create_graph=False)
        return np.zeros_like(other.array) if slope is None else slope

    # Indexing

    def __getitem__(self, index: Index) -> Tensor:
        index = frozen_index(index)
        t = _apply(getitem, (self, index))
        block = moved_block(index, self.array.ndim)
        if block is not None:
            count, place, _ = block
            return ops.moveaxis(t, tuple(range(count)), tuple(range(place, place + count)))
        return t

    def __iter__(self) -> Iterator[Tensor]:
        if not self.array.ndim:
            raise TypeError("iteration over a 0-d tensor")
        return (self[i] for i in range(len(self.array)))


def tensor(data: Any, dtype: DType = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """Return a tensor with a copy of `data`: a number, a nested list, an array or a tensor.

    Python floats become the default dtype (float32), integers int64; arrays keep their dtype. No gradient flows back to a
    tensor in the data, with a warning where one is required. `device` must be the CPU. Raises DTypeError for anything but
    real numbers, and for integers with `requires_grad`.

    >>> import minigrad as mg
    >>> mg.tensor([[1, 2], [3, 4]])
    tensor([[1, 2],
            [3, 4]])
    """
    if device is not None:
        devices.device(device)
    made = Tensor.from_array(copied("tensor", data, dtype))
    return made.requires_grad_() if requires_grad else made


def copied(name: str, data: Any, dtype: DType = None) -> Array:
    """Return a copy of the data of a constant as an array; warn if it contains a tensor that requires a gradient."""
    if isinstance(data, Tensor):
        data = data.array if data.node is None else constants(name, data)
    try:
        return to_array(data, dtype, get_default_dtype())
    except GraphError:  # a tensor that requires a gradient, in a list
        return to_array(constants(name, data), dtype, get_default_dtype())


def _size_in(data: tuple[Any, ...]) -> tuple[int, ...] | None:
    """Return the shape that the arguments of `Tensor` name, or None if they are data."""
    if len(data) == 1 and isinstance(data[0], Size):
        return data[0]
    if len(data) == 1 and not isinstance(data[0], int | float | np.generic):
        return None
    if any(isinstance(n, bool | np.bool_) or not hasattr(n, "__index__") for n in data):
        given = ", ".join(repr(x) if isinstance(x, int | float | type) else type(x).__name__ for x in data)
        raise TypeError(
            f"Tensor: takes sizes or one list, array or tensor, got {given}\n"
            "  hint: use mg.tensor(data, dtype) for a number, or for another dtype"
        )
    size = tuple([operator.index(n) for n in data]) or (0,)
    if any(n < 0 for n in size):
        raise ShapeError(f"Tensor: a size must be at least 0, got {size}")
    return size


_wrap = Tensor.from_array
_apply = Tensor.record


def run_backward(
    seeds: Sequence[tuple[Node, Any]],
    retain_graph: bool | None,
    create_graph: bool,
    inputs: Tensor | Sequence[Tensor] | None,
) -> None:
    """Walk back from the seeds, and add the gradients to every leaf, or to `inputs` alone."""
    targets = None if inputs is None else _retained([inputs] if isinstance(inputs, Tensor) else list(inputs))
    retain = create_graph if retain_graph is None else retain_graph
    walk.backward(seeds, _wrap, targets=targets, leave=True, retain_graph=retain, create_graph=create_graph)


def _retained(inputs: list[Any]) -> list[Node]:
    """Return the nodes of `inputs`, which receive their gradients from then on."""
    if not inputs:
        raise GraphError("backward: inputs must not be empty\n  hint: leave it out to reach every leaf")
    for i, x in enumerate(inputs):
        if not isinstance(x, Tensor):
            raise TypeError(f"backward: inputs must be tensors, got {type(x).__name__} at {i}")
        if x.node is None:
            raise GraphError(f"backward: inputs[{i}] requires no gradient\n  hint: x.requires_grad_() before it is used")
    for x in inputs:
        x.retain_grad()
    return [x.node for x in inputs]


def _restored(cls: type[Tensor], array: Array, requires_grad: bool) -> Tensor:
    t = _new(cls)
    t.array = array.copy(order="K")
    t.node = t.place = t.stored_grad = None
    return t.requires_grad_() if requires_grad else t
