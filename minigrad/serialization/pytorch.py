"""PyTorch's checkpoints: zip archives of a pickle and the storages that it names, read without PyTorch or unpickling.

Members, below a folder of any name: `data.pkl`, in which persistent ids stand for storages; `data/KEY`, the bytes of each;
`byteorder`; `version`. Source: torch/serialization.py and caffe2/serialize/inline_container.cc of PyTorch 2.13.

PyTorch's safe reader (`weights_only=True`) knows no NumPy arrays: those of `save` are tensors to it, and arrays here, since
the keys of their storages begin with "ndarray".
"""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import zipfile
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from typing import IO, Any, NamedTuple

import numpy as np

from minigrad.arrays import Array, Size
from minigrad.config import bfloat16
from minigrad.errors import WeightsFileError
from minigrad.nn.parameter import Parameter
from minigrad.serialization.archive import DAMAGES, open_archive
from minigrad.serialization.atomic import write_whole
from minigrad.serialization.pickled import ADMITTED, OPERATIONS, ArrayRecord, Machine, Name, short
from minigrad.serialization.raw import check_shape, expansion_limit, from_bytes, read_exactly
from minigrad.serialization.structure import SCALARS
from minigrad.tensors.tensor import Tensor

__all__ = ["FORMER", "load_pt", "save_pt"]

ALIGNMENT = 64  # bytes, of the elements of a tensor in the file, so that PyTorch can map them into memory
ZIP64 = 20  # bytes of the extra field that holds the sizes of a member
TENSOR, CONTAINER = 2048, 512  # bytes that are counted for a tensor beside its elements, and for a list beside its items
FORMER = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."  # the pickled number with which files before PyTorch 1.6 begin
NDARRAY = "ndarray"

DTYPES = {
    "float64": "f8", "float32": "f4", "float16": "f2", "int64": "i8", "int32": "i4", "int16": "i2", "int8": "i1",
    "uint64": "u8", "uint32": "u4", "uint16": "u2", "uint8": "u1", "bool": "?", "bfloat16": "u2",
}  # fmt: skip
# The bits of the exponent, its bias and the codes of NaN: OCP's 8-bit floats, those of Noune et al. (2022, "fnuz"), and the
# scales of OCP's microscaling formats. All become float32.
FLOATS8 = {
    "float8_e4m3fn": (4, 7, (0x7F, 0xFF)), "float8_e4m3fnuz": (4, 8, (0x80,)), "float8_e5m2fnuz": (5, 16, (0x80,)),
    "float8_e5m2": (5, 15, ()), "float8_e8m0fnu": (8, 127, (0xFF,)),
}  # fmt: skip
STORAGES = {
    "DoubleStorage": "float64", "FloatStorage": "float32", "HalfStorage": "float16", "LongStorage": "int64",
    "IntStorage": "int32", "ShortStorage": "int16", "CharStorage": "int8", "ByteStorage": "uint8", "BoolStorage": "bool",
    "BFloat16Storage": "bfloat16", "storage.UntypedStorage": "",
}  # fmt: skip
TYPED = {dtype: f"torch {name}" for name, dtype in STORAGES.items() if dtype}
NAMES = {
    **ADMITTED,
    "collections.OrderedDict": "OrderedDict",
    "collections.Counter": "Counter",
    "torch.Size": "Size",
    "torch.device": "device",
    "torch._utils._rebuild_tensor_v2": "tensor",
    "torch._utils._rebuild_tensor_v3": "tensor",
    "torch._utils._rebuild_parameter": "parameter",
    **{f"torch.{name}": f"storage {dtype}" for name, dtype in STORAGES.items()},
    **{f"torch.{dtype}": f"dtype {dtype}" for dtype in (*DTYPES, *FLOATS8)},
}


class Storage(NamedTuple):
    """The record of a storage in a pickle."""

    dtype: str  # "": bytes, of any dtype
    key: str
    size: int  # in elements, or in bytes


def load_pt(path: str | os.PathLike[str] | IO[bytes]) -> Any:
    """Return the object of a checkpoint of PyTorch 1.6 or later: tensors, numbers and strings in dicts, lists and tuples.

    bfloat16 and the dtypes of 8-bit floats become float32, exactly. Tensors that show the same elements of one storage share
    them here, too; other parts of it are copies. A device becomes its name, a dtype NumPy's. Raises FileNotFoundError, or
    WeightsFileError for a file that is damaged, hostile, older, or holds any other object, which is refused by its name.

    >>> import io
    >>> file = io.BytesIO()
    >>> save_pt(file, {"w": np.array([1.0, 2.0])}, None)
    >>> load_pt(io.BytesIO(file.getvalue()))
    {'w': tensor([1., 2.], dtype=float64)}
    """
    name = path if isinstance(path, str | os.PathLike) else "the open file"
    with open(path, "rb") if isinstance(path, str | os.PathLike) else io.BytesIO(path.read()) as file:
        length = file.seek(0, os.SEEK_END)
        file.seek(0)
        if file.read(len(FORMER)) == FORMER:
            raise WeightsFileError(
                f"{name}: was written by torch.save before PyTorch 1.6, or with _use_new_zipfile_serialization=False\n"
                "  hint: load it in PyTorch and save it again"
            )
        try:
            with open_archive(file, length) as archive:
                return _Checkpoint(archive, length).run()
        except WeightsFileError as error:
            raise WeightsFileError(f"{name}: {error}") from None
        except (*DAMAGES, RecursionError) as error:
            what = short(str(error).partition("\n")[0], 200)
            raise WeightsFileError(f"{name}: damaged, or not a checkpoint of PyTorch of {length} bytes: {what}") from None


def save_pt(path: str | os.PathLike[str] | IO[bytes], arrays: Mapping[str, Array], text: str | None) -> None:
    """Write named arrays to a file that ``torch.load(path, weights_only=True)`` reads, in the structure of `text`.

    It is written atomically; equal arguments make equal bytes. Two names of one array make tensors that share a storage.
    Raises TypeError for an array that is not numeric, ValueError for an integer that no pickle of PyTorch's holds.

    >>> import io, zipfile
    >>> file = io.BytesIO()
    >>> save_pt(file, {"w": np.array([1.0, 2.0])}, None)
    >>> [member.filename for member in zipfile.ZipFile(file).infolist()]
    ['archive/data.pkl', 'archive/byteorder', 'archive/data/0', 'archive/version']
    """
    for name, array in arrays.items():
        if array.dtype.kind not in "fiub" or array.dtype.itemsize > 8:
            raise TypeError(f"save: {name} has dtype {array.dtype}, expected numbers")
    tree = {"dict": [[name, {"array": name}] for name in arrays]} if text is None else json.loads(text)
    storages: dict[tuple[str, int], tuple[str, Array]] = {}
    data = b"\x80\x02" + _pickled(tree, arrays, storages) + b"."

    def write(file: IO[bytes]) -> None:
        with zipfile.ZipFile(file, "w") as archive:
            _add(archive, "data.pkl", data)
            _add(archive, "byteorder", b"little")
            for key, array in storages.values():
                little = np.asarray(array, array.dtype.newbyteorder("<"), order="C")
                _add(archive, f"data/{key}", little.reshape(-1).view(np.uint8).data)
            _add(archive, "version", b"3\n")

    write_whole(path, write)


class _Checkpoint(Machine):
    """The interpreter of a checkpoint's pickle; it reads each storage when the first tensor refers to it."""

    names = NAMES
    keys = (str, int, float, bool, type(None))
    expected = "tensors, numbers, strings, dicts and lists"
    admitted = (
        "only tensors, numbers, strings, dicts and lists of them are read\n"
        "  hint: in PyTorch, save these alone: of a module its state_dict(), of other objects what they hold"
    )

    def __init__(self, archive: zipfile.ZipFile, length: int):
        members = archive.namelist()
        self.archive, self.folder = archive, members[0].partition("/")[0] if members else ""
        inside = {name.removeprefix(f"{self.folder}/") for name in members if name.startswith(f"{self.folder}/")}
        if "constants.pkl" in inside or any(name.startswith("code/") for name in inside):
            raise WeightsFileError(
                "an archive of TorchScript, which is a program\n"
                "  hint: in PyTorch, torch.jit.load it and torch.save its state_dict()"
            )
        if "data.pkl" not in inside or len(inside) != len(members):
            raise WeightsFileError("not a checkpoint of PyTorch, which has a data.pkl in its only folder")
        if archive.getinfo(f"{self.folder}/data.pkl").file_size > length:
            raise WeightsFileError("its data.pkl expands to more than the file")  # PyTorch does not compress it
        super().__init__(archive.read(f"{self.folder}/data.pkl"))
        order = archive.read(f"{self.folder}/byteorder") if "byteorder" in inside else b"little"
        if order not in (b"little", b"big"):
            raise WeightsFileError(f"byteorder: expected little or big, got {short(repr(order))}")
        self.little, self.length = order == b"little", length
        self.left = self.budget = expansion_limit(length)
        self.storages: dict[tuple[str, str], Array] = {}
        self.tensors: dict[Any, Tensor] = {}
        self.finished: dict[int, Any] = {}

    def run(self) -> Any:
        """Return the object of the checkpoint."""
        return self._finish(super().run())

    def pay(self, count: int) -> None:
        """Count bytes that are allocated."""
        self.left -= count
        if self.left < 0:
            raise WeightsFileError(f"declares more than {self.budget} bytes of data in a file of {self.length}")

    def persistent(self, found: Any) -> Storage:
        """Return the record of a storage."""
        if type(found) is not tuple or [type(part) for part in found[:1] + found[2:]] != [str, str, str, int]:
            raise ValueError("a persistent id that is not of a storage")
        kind, _, dtype = found[1].meaning.partition(" ") if type(found[1]) is Name else ("", "", "")
        if kind != "storage" or found[0] != "storage":
            raise ValueError("a persistent id that is not of a storage")
        return Storage(dtype, found[2], found[4])

    def call(self, function: Any, arguments: Any) -> Any:
        """Return what a call makes."""
        kind = function.meaning if type(function) is Name else ""
        if type(arguments) is not tuple:
            raise ValueError("arguments that are not a tuple")
        if kind == "OrderedDict" and not arguments:
            return OrderedDict()
        if kind == "Counter" and [type(argument) for argument in arguments] == [dict]:
            self.pay(CONTAINER * len(arguments[0]))
            return Counter(arguments[0])
        if kind == "Size" and len(arguments) == 1 and _are_sizes(arguments[0]):
            self.pay(8 * len(arguments[0]))
            return Size(arguments[0])
        if kind == "device" and type(arguments[0]) is str and len(arguments[0]) < 32 and _are_sizes(arguments[1:]):
            return ":".join(map(str, arguments[:2]))
        if kind == "tensor" and len(arguments) >= 6:
            marks = [mark for part in arguments[6:] if type(part) is dict for mark in part]
            if marks:  # such as "neg": the values are the negative ones of the storage
                raise WeightsFileError(
                    f"a tensor that is marked with {short(repr(marks[0]))}\n  hint: in PyTorch, save tensor.resolve_neg()"
                )
            return self._tensor(*arguments[:5], *arguments[6:7])
        if kind == "parameter" and len(arguments) == 3 and isinstance(arguments[0], Tensor):
            self.pay(TENSOR + arguments[0].array.nbytes)
            return Parameter(arguments[0], arguments[1] is True)
        return super().call(function, arguments)

    def build(self, state: Any) -> None:
        """Give a state to an array; that of an OrderedDict, its `_metadata`, is not needed."""
        if type(self.stack[-1]) is not OrderedDict:
            super().build(state)

    def append(self, items: Sequence[Any]) -> None:
        """Append to the list on the stack."""
        if type(self.stack[-1]) is not list:
            raise ValueError("an item for what is not a list")
        self.stack[-1].extend(items)

    def _tensor(self, storage: Any, offset: Any, size: Any, stride: Any, grad: Any, dtype: Any = None) -> Any:
        kind = storage.dtype if type(storage) is Storage else None
        if type(dtype) is Name and dtype.meaning.startswith("dtype ") and kind == "":
            kind = dtype.meaning.removeprefix("dtype ")
        if not kind or type(grad) is not bool:
            raise ValueError("a tensor without a storage")
        if not _are_sizes((offset, 0)) or not _are_sizes(size) or not _are_sizes(stride) or len(size) != len(stride):
            raise ValueError("a tensor whose sizes, strides and offset are not natural numbers")
        self.pay(TENSOR)
        flat = self._elements(storage, kind)
        wanted = check_shape(size, flat.dtype)
        last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
        if wanted and last >= len(flat):
            raise ValueError(f"a tensor of shape {size} and strides {stride} beyond its storage of {len(flat)} elements")
        what = (storage.key, kind, offset, size, stride)
        if what in self.tensors:
            tensor = self.tensors[what].detach()
            return tensor.requires_grad_() if grad else tensor
        if wanted:  # before it is paid for, no memory is taken
            steps = [step * flat.itemsize if n > 1 else 0 for n, step in zip(size, stride, strict=True)]
            array = np.lib.stride_tricks.as_strided(flat[offset:], size, steps)
        else:
            array = np.empty(size, flat.dtype)
        is_array = storage.key.startswith(NDARRAY)
        if is_array or wanted != flat.nbytes or not array.flags.c_contiguous:
            self.pay(wanted)
            array = array.copy()
        if is_array:
            return array
        tensor = self.tensors[what] = Tensor.from_array(array)
        return tensor.requires_grad_() if grad else tensor

    def _elements(self, storage: Storage, dtype: str) -> Array:
        """Return the elements of a storage as an array of one axis, in the dtype that they have here."""
        if (storage.key, dtype) not in self.storages:
            member = self.archive.getinfo(f"{self.folder}/data/{storage.key}")
            raw = np.dtype(DTYPES.get(dtype, "u1")).newbyteorder("<" if self.little else ">")
            wanted = storage.size * (raw.itemsize if storage.dtype else 1)
            if member.file_size != wanted:
                raise ValueError(f"{short(member.filename)}: {member.file_size} bytes, expected {wanted}")
            self.pay(wanted if dtype in DTYPES and dtype != "bfloat16" else wanted + 8 * wanted // raw.itemsize)
            with self.archive.open(member) as file:
                data = read_exactly(file, wanted, (storage.size,))
            count = wanted // raw.itemsize
            array = from_bytes(data[: count * raw.itemsize], raw, (count,))
            if dtype == "bfloat16":  # the upper half of a float32
                array = (array.astype(np.uint32) << 16).view(np.float32)
            elif dtype in FLOATS8:
                array = _float8(*FLOATS8[dtype])[array]
            self.storages[storage.key, dtype] = array
        return self.storages[storage.key, dtype]

    def _finish(self, value: Any) -> Any:
        """Return a value without records; each container once, so that those that stand in many places are no bomb."""
        if type(value) in SCALARS or isinstance(value, Tensor | np.ndarray | Size):
            return value
        if type(value) is ArrayRecord and value.array is not None:
            return value.array
        if type(value) is Name and value.meaning.startswith("dtype "):
            dtype = value.meaning.removeprefix("dtype ")
            return bfloat16 if dtype == "bfloat16" else np.dtype(DTYPES.get(dtype, "f4"))
        if not isinstance(value, dict | list) and type(value) is not tuple:
            what = value.meaning if type(value) is Name else type(value).__name__
            raise WeightsFileError(f"the pickle holds an object of the kind {what}; {self.admitted}")
        if id(value) in self.finished:
            if self.finished[id(value)] is self:
                raise WeightsFileError("a list or dict that contains itself")
            return self.finished[id(value)]
        self.pay(CONTAINER)
        self.finished[id(value)] = self
        if isinstance(value, dict):
            done: Any = type(value)()
            for key, item in value.items():
                done[key] = self._finish(item)
        else:
            done = type(value)([self._finish(item) for item in value])
        self.finished[id(value)] = done
        return done


_Checkpoint.operations = {
    **OPERATIONS,
    "BINPERSID": lambda machine, _: machine.push(machine.persistent(*machine.pop(1))),
    "BINFLOAT": lambda machine, number: machine.push(number),
    "EMPTY_LIST": lambda machine, _: machine.push([]),
    "APPEND": lambda machine, _: machine.append(machine.pop(1)),
    "APPENDS": lambda machine, _: machine.append(machine.pop_to_mark()),
}


def _are_sizes(found: Any) -> bool:
    return type(found) is tuple and all(type(n) is int and 0 <= n < 2**63 for n in found)


def _float8(exponent: int, bias: int, nans: tuple[int, ...]) -> Array:
    """Return the values of the 256 codes of an 8-bit float: a sign, unless the exponent takes all bits, and a mantissa."""
    if (exponent, bias) == (5, 15):  # the upper half of a float16, infinities included
        return (np.arange(256, dtype=np.uint16) << 8).view(np.float16).astype(np.float32)
    code, bits = np.arange(256), 7 - exponent if exponent < 8 else 0
    power, fraction = code >> bits & 2**exponent - 1, code % 2**bits / 2**bits
    values = np.where(power > 0, 1 + fraction, 2 * fraction if exponent < 8 else 1) * 2.0 ** (power - bias)
    if exponent < 8:
        values[128:] *= -1
    values[list(nans)] = np.nan
    return values.astype(np.float32)


# Writing: the operations that PyTorch's unpickler admits


def _pickled(tree: Any, arrays: Mapping[str, Array], storages: dict[tuple[str, int], tuple[str, Array]]) -> bytes:
    """Return the pickle of a structure (see structure.py); add the arrays that it names to `storages`, each once."""
    if not isinstance(tree, dict):
        return _scalar(tree)
    ((kind, content),) = tree.items()
    if kind in ("array", "ndarray"):
        array = arrays[content]
        prefix = NDARRAY if kind == "ndarray" else ""
        key, _ = storages.setdefault((kind, id(array)), (f"{prefix}{len(storages)}", array))
        return _tensor_call(key, array)
    if kind == "dict":
        items = [_pickled(part, arrays, storages) for pair in content for part in pair]
        return b"}(" + b"".join(items) + b"u"
    items = [_pickled(item, arrays, storages) for item in content]
    return b"".join([b"](", *items, b"e"] if kind == "list" else [b"(", *items, b"t"])


def _tensor_call(key: str, array: Array) -> bytes:
    dtype = array.dtype.name
    typed = TYPED.get(dtype)
    count = array.size if typed else array.nbytes
    stride = [step // array.itemsize for step in np.empty(array.shape, array.dtype).strides]
    parts = [
        _global(f"torch._utils _rebuild_tensor_v{2 if typed else 3}"), b"((", _scalar("storage"),
        _global(typed or "torch.storage UntypedStorage"), _scalar(key), _scalar("cpu"), _scalar(count), b"tQ", _scalar(0),
        b"(", *map(_scalar, array.shape), b"t(", *map(_scalar, stride), b"t\x89", _global("collections OrderedDict"), b")R",
        b"" if typed else _global(f"torch {dtype}"), b"tR",
    ]  # fmt: skip
    return b"".join(parts)


def _global(name: str) -> bytes:
    return b"c" + name.replace(" ", "\n").encode() + b"\n"


def _scalar(value: Any) -> bytes:
    if value is None or isinstance(value, bool):
        return {None: b"N", True: b"\x88", False: b"\x89"}[value]
    if isinstance(value, str):
        text = value.encode("utf-8", "surrogatepass")
        return b"X" + struct.pack("<I", len(text)) + text
    if isinstance(value, float):
        return b"G" + struct.pack(">d", value)
    if -(2**31) <= value < 2**31:
        return b"J" + struct.pack("<i", value)
    number = pickle.encode_long(value)
    if len(number) > 255:
        raise ValueError(f"save: an integer of {len(number)} bytes, PyTorch's files hold at most 255")
    return b"\x8a" + bytes([len(number)]) + number


def _add(archive: zipfile.ZipFile, name: str, data: Any) -> None:
    """Add a member, stored, whose data begin at a multiple of the alignment: PyTorch's padding is an extra field "FB"."""
    member = zipfile.ZipInfo(f"archive/{name}")
    begin = archive.fp.tell() + 30 + len(member.filename) + ZIP64 + 4  # type: ignore[union-attr]
    member.extra = b"FB" + struct.pack("<H", -begin % ALIGNMENT) + b"Z" * (-begin % ALIGNMENT)
    with archive.open(member, "w", force_zip64=True) as file:
        file.write(data)
