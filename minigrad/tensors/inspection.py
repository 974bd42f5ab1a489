"""Properties and conversions of a tensor: shape and dtype, and values as Python numbers and arrays.

Nothing here is recorded, and no value leaves the graph silently: `numpy()` and NumPy's functions refuse a tensor that
requires a gradient, and return a read-only view or a copy of any other; `float()` warns. `item()`, `tolist()` and `detach()`
leave it by intent. `int()` does not warn: a rounded number has no gradient to lose.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, overload

import numpy as np

from minigrad import ops
from minigrad.arrays import Array, DType, Size, Traced, array_of
from minigrad.engine.grad_mode import mode
from minigrad.errors import GraphError, warn
from minigrad.kernels.equality import is_close
from minigrad.pictures import registered
from minigrad.random import default_generator, draw_categories
from minigrad.tensors import devices

if TYPE_CHECKING:
    from minigrad.tensors.tensor import Tensor

__all__ = ["TYPES", "Values", "constants"]

TYPES = {  # the first word of PyTorch's name of a type, and the dtype: FloatTensor is of float32
    "Bool": np.dtype(np.bool_), "Byte": np.dtype(np.uint8), "Char": np.dtype(np.int8), "Double": np.dtype(np.float64),
    "Float": np.dtype(np.float32), "Half": np.dtype(np.float16), "Int": np.dtype(np.int32), "Long": np.dtype(np.int64),
    "Short": np.dtype(np.int16),
}  # fmt: skip


VERSIONED = np.lib.NumpyVersion(np.__version__) >= "2.1.0"  # NumPy exports read-only arrays, by DLPack 1.0


class Values(Traced):
    """The properties and conversions of `Tensor`."""

    __slots__ = ()

    @property
    def shape(self) -> Size:
        """The sizes of the axes."""
        return Size(self.array.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the elements, as NumPy's dtype."""
        return self.array.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.array.ndim

    @property
    def nbytes(self) -> int:
        """The number of bytes of the elements."""
        return self.array.nbytes

    @property
    def itemsize(self) -> int:
        """The number of bytes of one element."""
        return self.array.itemsize

    @property
    def device(self) -> devices.device:
        """Where the tensor lies: always the device "cpu"."""
        return devices.device("cpu")

    is_cuda = is_meta = is_mps = is_quantized = is_sparse = False
    is_cpu = True

    @overload
    def size(self, dim: None = None) -> Size: ...
    @overload
    def size(self, dim: int) -> int: ...
    def size(self, dim: int | None = None) -> Any:
        """Return the shape, or its size along one axis."""
        return Size(self.array.shape) if dim is None else self.array.shape[dim]

    def dim(self) -> int:
        """Return the number of axes."""
        return self.array.ndim

    def numel(self) -> int:
        """Return the number of elements."""
        return self.array.size

    ndimension, nelement = dim, numel

    def element_size(self) -> int:
        """Return the number of bytes of an element."""
        return self.array.itemsize

    @overload
    def stride(self, dim: None = None) -> tuple[int, ...]: ...
    @overload
    def stride(self, dim: int) -> int: ...
    def stride(self, dim: int | None = None) -> Any:
        """Return the number of elements between neighbors in memory, along each axis or along one."""
        steps = tuple(step // self.array.itemsize for step in self.array.strides)
        return steps if dim is None else steps[dim]

    def is_contiguous(self, memory_format: Any = None) -> bool:
        """Return whether the elements lie in memory in row-major order, whatever the `memory_format`."""
        return self.array.flags.c_contiguous

    def is_floating_point(self) -> bool:
        """Return whether the dtype is a float."""
        return self.array.dtype.kind == "f"

    def is_complex(self) -> bool:
        """Return False: a tensor holds real numbers."""
        return False

    def is_signed(self) -> bool:
        """Return whether the dtype has negative numbers."""
        return self.array.dtype.kind in "fi"

    def is_nonzero(self) -> bool:
        """Return whether a tensor of one element is not 0; raise ValueError for other tensors."""
        return bool(self)

    def get_device(self) -> int:
        """Return -1, PyTorch's number of the CPU."""
        return -1

    def __len__(self) -> int:
        if not self.array.ndim:
            raise TypeError("len() of a 0-d tensor")
        return len(self.array)

    def __contains__(self, value: Any) -> bool:
        return bool((self.array == (value.array if isinstance(value, Traced) else value)).any())

    # Values, out of the graph

    def numpy(self, *, force: bool = False) -> Array:
        """Return the array as a read-only view; copy it to write into it.

        Raises GraphError for a tensor that requires a gradient, because operations on the array would not be recorded;
        with `force` it is detached first.
        """
        if self.node is not None and not force:
            raise GraphError("numpy(): the tensor requires a gradient\n  hint: use t.detach().numpy()")
        view = self.array.view()
        view.flags.writeable = False
        return view

    if not TYPE_CHECKING:  # with it a tensor is array-like to NumPy's stubs, and np.exp(x) and array * x arrays

        def __array__(self, dtype: DType = None, copy: bool | None = None) -> Array:
            if self.node is not None:  # it may be an element of a list: NumPy does not tell
                raise GraphError(
                    f"array: a tensor of shape {self.shape} requires a gradient, and an array has no graph\n"
                    "  hint: use mg.stack(list) instead of np.array(list), "
                    "np.zeros_like(t, shape=s) instead of np.zeros(s), "
                    "or t.detach().numpy() for the values alone"
                )
            return np.array(self.array, dtype=dtype, copy=copy)

    # Exchange, by the array API standard

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        """Return the namespace of the array API standard, `minigrad.array_api`; raise ValueError for a later version."""
        namespace = registered("array namespace")
        if api_version is not None and not "2021.12" <= api_version <= namespace.__array_api_version__:
            raise ValueError(f"array namespace: there is no version {api_version!r}, the last is 2024.12")
        return namespace

    def __dlpack__(
        self, *, stream: Any = None, max_version: tuple[int, int] | None = None, dl_device: Any = None, copy: Any = None
    ) -> Any:
        """Return the values for another library: the memory itself, read-only, if it speaks DLPack 1.0, else a copy.

        With `copy` False, older ones get the memory, too, and must not write to it. Raises GraphError for a tensor that
        requires a gradient, and BufferError for another device than the CPU.
        """
        if self.node is not None:
            raise GraphError("dlpack: the tensor requires a gradient\n  hint: export t.detach()")
        if dl_device not in (None, self.__dlpack_device__()):
            raise BufferError(f"dlpack: the tensor is on the CPU, device (1, 0), not on {dl_device}")
        if VERSIONED and max_version is not None and max_version[0] >= 1:
            return self.numpy().__dlpack__(stream=stream, max_version=max_version, dl_device=dl_device, copy=copy)
        return (self.array if copy is False else self.array.copy()).__dlpack__(stream=stream)

    def __dlpack_device__(self) -> tuple[int, int]:
        """Return DLPack's numbers of the CPU."""
        return 1, 0

    def to_device(self, device: Any, /, *, stream: Any = None) -> Self:
        """Return the tensor itself: the only device is the CPU; raise ValueError for another."""
        devices.device(device)
        return self

    def item(self) -> float:
        """Return the value of a tensor of one element as a Python number."""
        if self.array.size != 1:
            raise ValueError(f"item(): the tensor has {self.array.size} elements, shape {self.shape}")
        value: float = self.array.item()  # to type checkers, an int and a bool are floats
        return value

    def tolist(self) -> Any:
        """Return the values as nested lists of Python numbers."""
        return self.array.tolist()

    def equal(self, other: Any) -> bool:
        """Return whether another tensor has the same shape and values; see `minigrad.equal`."""
        return np.array_equal(self.array, array_of(other))

    def allclose(self, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
        """Return whether all elements are close to those of another tensor; see `minigrad.isclose`."""
        return bool(is_close(self.array, array_of(other), rtol, atol, equal_nan).all())

    def isclose(self, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
        """Return a boolean tensor: which elements are close to those of another tensor; see `minigrad.isclose`."""
        out: Tensor = self.from_array(is_close(self.array, array_of(other), rtol, atol, equal_nan))
        return out

    def __bool__(self) -> bool:
        if self.array.size != 1:
            raise ValueError(
                f"bool(): a tensor of {self.array.size} elements is neither true nor false\n  hint: use .any() or .all()"
            )
        return bool(self.array.item())

    def __float__(self) -> float:
        value = float(self.item())
        if self.node is not None and mode.enabled:
            warn(
                "float(): a tensor that requires a gradient became a number, through which no gradient flows (math.sin(t), "
                "'%f' % t and array[i] = t do this, too)\n  hint: use t.item() if that is meant"
            )
        return value

    def __complex__(self) -> complex:
        return complex(float(self))

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if self.array.size != 1 or self.array.dtype.kind not in "iub":
            raise TypeError(
                f"index: only an integer tensor of one element is an index, got {self.dtype} of shape {self.shape}"
            )
        return int(self.array.item())

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec or self.ndim == 0 else str(self)  # as in PyTorch

    # Conversions

    def astype(self, dtype: DType) -> Tensor:
        """Return the values in another dtype; in their own, the tensor itself."""
        wanted = np.dtype(dtype)
        return self if wanted == self.array.dtype else self.record(ops.astype, (self, wanted))  # type: ignore[return-value]

    @overload
    def type(self, dtype: None = None) -> str: ...  # type: ignore[overload-overlap]  # None is a dtype to NumPy
    @overload
    def type(self, dtype: DType) -> Tensor: ...
    def type(self, dtype: DType = None) -> Any:
        """Return the values in another dtype; without an argument, PyTorch's name of the tensor's type, "torch.FloatTensor".

        `dtype` may be such a name, or a constructor: ``x.type(mg.LongTensor)``. Raises TypeError for other names.
        """
        if dtype is None:
            names = (f"torch.{name}Tensor" for name, own in TYPES.items() if own == self.array.dtype)
            return next(names, str(self.array.dtype))
        name = dtype.removeprefix("torch.").removesuffix("Tensor") if isinstance(dtype, str) else ""
        return self.astype(TYPES.get(name, dtype))

    def type_as(self, other: Tensor) -> Tensor:
        """Return the values in the dtype of another tensor."""
        return self.astype(other.dtype)

    def to(
        self, *args: Any, dtype: DType = None, device: Any = None, non_blocking: bool = False, copy: bool = False,
        memory_format: Any = None,
    ) -> Tensor:  # fmt: skip
        """Return the values in another dtype, or in that of another tensor; in their own, the tensor itself or its `copy`.

        A device must be the CPU; `memory_format` is ignored: the order of elements in memory is NumPy's.
        """
        wanted = devices.requested(args, dtype, device)
        out = self.astype(self.dtype if wanted is None else wanted)
        return out.clone() if copy and out is self else out

    def cpu(self) -> Self:
        """Return the tensor itself: it is on the CPU."""
        return self

    pin_memory = cpu

    def contiguous(self, memory_format: Any = None) -> Tensor:
        """Return the tensor itself if its elements lie in memory in row-major order, else a copy in which they do.

        A result counts as being in row-major order, as it is in PyTorch, wherever its elements lie.
        """
        if self.place is None or not self.place.steps or self.array.flags.c_contiguous:
            return self  # type: ignore[return-value]
        return self.record(ops.positive, (self,)) if self.array.dtype.kind != "b" else self.from_array(self.array.copy())

    def cuda(self, device: Any = None) -> Any:
        """Raise ValueError: there is no such device."""
        return devices.device("cuda")

    # Constants like this tensor

    def new_tensor(self, data: Any, dtype: DType = None, requires_grad: bool = False, device: Any = None) -> Tensor:
        """Return a tensor of `data` in the dtype of this tensor; see `tensor`."""
        return self._constant(np.array(constants("new_tensor", data)), dtype, requires_grad)

    def new_full(
        self, size: Any, fill_value: float, dtype: DType = None, requires_grad: bool = False, device: Any = None
    ) -> Tensor:
        """Return a tensor filled with one value, in the dtype of this one; gradients flow to a value that requires one."""
        if isinstance(fill_value, Traced) and fill_value.node is not None:
            return self._constant(ops.broadcast_to(fill_value, size), dtype, requires_grad)
        return self._constant(np.full(size, fill_value), dtype, requires_grad)

    def new_zeros(
        self, *sizes: Any, size: Any = None, dtype: DType = None, requires_grad: bool = False, device: Any = None
    ) -> Tensor:
        """Return zeros in the dtype of this tensor."""
        return self._constant(np.zeros(_given(sizes, size)), dtype, requires_grad)

    def new_ones(
        self, *sizes: Any, size: Any = None, dtype: DType = None, requires_grad: bool = False, device: Any = None
    ) -> Tensor:
        """Return ones in the dtype of this tensor."""
        return self._constant(np.ones(_given(sizes, size)), dtype, requires_grad)

    new_empty = new_zeros

    def bernoulli(self, p: Any = None, *, generator: np.random.Generator | None = None) -> Tensor:
        """Return 1 with the probabilities in this tensor, or with `p`, else 0; see `minigrad.bernoulli`."""
        return self.new_tensor(self.array).bernoulli_(self if p is None else p, generator)

    def multinomial(
        self, num_samples: int, replacement: bool = False, *, generator: np.random.Generator | None = None
    ) -> Tensor:
        """Draw indices with probabilities proportional to the weights in this tensor; see `minigrad.multinomial`."""
        drawn: Tensor = self.from_array(
            draw_categories(self.array, num_samples, replacement, generator or default_generator())
        )
        return drawn

    def _constant(self, array: Array, dtype: DType, requires_grad: bool) -> Tensor:
        made = self.record(ops.astype, (array, self.array.dtype if dtype is None else np.dtype(dtype)))
        return made.requires_grad_() if requires_grad else made


def _given(sizes: tuple[Any, ...], size: Any) -> Any:
    """Return the shape given as ``f(2, 3)``, ``f((2, 3))`` or ``f(size=(2, 3))``."""
    return size if size is not None else sizes[0] if len(sizes) == 1 else sizes


def constants(name: str, data: Any) -> Any:
    """Return data without tensors, for a constant; warn if a tensor in it requires a gradient."""
    found: list[Traced] = []

    def arrays_of(part: Any) -> Any:
        if isinstance(part, list | tuple):
            return [arrays_of(inner) for inner in part]
        if isinstance(part, Traced):
            if part.node is not None:
                found.append(part)
            return part.array
        return part

    values = arrays_of(data)
    if found and mode.enabled:
        instead = "t.clone()" if isinstance(data, Traced) else "mg.stack(list)"
        warn(
            f"{name}: a tensor of shape {found[0].array.shape} requires a gradient, and the result is a constant\n"
            f"  hint: use {instead} to keep the gradient, or t.detach() for a constant"
        )
    return values
