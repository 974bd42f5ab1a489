"""A restricted pickle interpreter, and the book's `params.pkl`, a dict of arrays, read by it.

Python's unpickler is not used: a pickle is a program, and a short one can fill the memory, run forever, or nest objects so
deeply that hashing one crashes the process. This interpreter executes only the operations that appear in pickles of NumPy
arrays, on simple records, and bounds the bytes they copy by the length of the file. NumPy's own dtype objects are not built
either: a dtype that is given the state of another kind crashes the process. PyTorch's checkpoints (pytorch.py) extend it by
their names and operations.
"""

from __future__ import annotations

import os
import pickletools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from minigrad.arrays import Array
from minigrad.errors import WeightsFileError
from minigrad.serialization.raw import from_bytes

__all__ = ["ADMITTED", "OPERATIONS", "ArrayRecord", "Machine", "Name", "load_pickled_params", "short"]

NUMBERS = ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1")
ORDERS = ("<", ">", "|", "=")
MOST_OPERATIONS = 500_000  # an array takes about forty

# Operations by their names in pickletools, which documents the stack and the memo that they work on.
IGNORED = ("PROTO", "FRAME")
CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
VALUES = frozenset((
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE",
    "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8",
))  # fmt: skip  # not LONG4: a long integer that is the key of many dicts is hashed as often
PUTS, GETS = ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), ("GET", "BINGET", "LONG_BINGET")
TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


def load_pickled_params(path: str | os.PathLike[str]) -> dict[str, Array]:
    """Return the arrays of the book's `params.pkl`, a pickled dict of NumPy arrays.

    Raises FileNotFoundError, or WeightsFileError for a file that is damaged, hostile, or holds any other object, which is
    refused before it is created.

    >>> import pathlib, pickle, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "params.pkl"
    ...     _ = path.write_bytes(pickle.dumps({"W1": np.array([1.0, 2.0])}))
    ...     load_pickled_params(path)
    {'W1': array([1., 2.])}
    """
    path = Path(path)
    data = path.read_bytes()
    try:
        return _arrays(Machine(data).run())
    except WeightsFileError as error:
        raise WeightsFileError(f"{path}: {error}") from None
    except (ValueError, KeyError, IndexError, TypeError, OverflowError, UnicodeError, MemoryError) as error:
        raise WeightsFileError(f"{path}: damaged, or not a pickled dict of arrays: {short(str(error))}") from None


def _arrays(found: Any) -> dict[str, Array]:
    if type(found) is not dict or not all(type(v) is ArrayRecord and v.array is not None for v in found.values()):
        raise WeightsFileError("expected a dict of arrays of numbers")
    return {name: record.array for name, record in found.items()}


class Name(NamedTuple):
    """An admitted global name in a pickle; it can be called only in the ways that NumPy's and PyTorch's pickles call it."""

    meaning: str


ADMITTED = {
    "numpy.ndarray": "ndarray",
    "numpy.dtype": "dtype",
    "numpy.core.multiarray._reconstruct": "array",  # to be filled by BUILD
    "numpy.core.numeric._frombuffer": "buffer",  # protocol 5
    "_codecs.encode": "encode",  # bytes, in protocols before 3
    "__builtin__.bytes": "bytes",  # empty bytes, likewise
    "builtins.bytes": "bytes",
}


class _DType:
    """The record of a dtype in a pickle."""

    def __init__(self, code: Any):
        self.code, self.order = code, "|"

    def build(self, state: tuple[Any, ...]) -> None:
        if len(state) < 5 or type(state[1]) is not str or any(part is not None for part in state[2:5]):
            raise ValueError("a dtype that is not of numbers")
        self.order = state[1]

    def dtype(self) -> np.dtype[Any]:
        if type(self.code) is not str or self.code not in NUMBERS or self.order not in ORDERS:
            raise ValueError("a dtype that is not of numbers")
        return np.dtype(self.order + self.code)


class ArrayRecord:
    """The record of an array in a pickle; `array` is set once its state is known."""

    array: Array | None = None


class Machine:
    """The state of the interpreter: the stack, the memo, and the number of bytes that may still be copied."""

    names: Mapping[str, str] = ADMITTED  # and their meanings
    operations: Mapping[str, Callable[[Any, Any], None]]  # by their names in pickletools
    keys: tuple[type, ...] = (str,)  # the types of a dict's keys; a deep tuple would crash the process that hashes it
    expected, admitted = "a dict of arrays of numbers", "only NumPy arrays are admitted"

    def __init__(self, data: bytes):
        self.data = data
        self.stack: list[Any] = []
        self.marked: list[list[Any]] = []  # the stacks below each mark
        self.memo: dict[int, Any] = {}
        self.left = 2 * len(data)  # each byte of the file twice: a str becomes bytes, and these an array

    def run(self) -> Any:
        """Execute the pickle; return its object, made of records."""
        for count, (opcode, argument, _) in enumerate(pickletools.genops(self.data)):
            if count >= MOST_OPERATIONS:
                raise WeightsFileError(f"more than {MOST_OPERATIONS} operations; expected {self.expected}")
            if opcode.name == "STOP":
                break
            self._execute(opcode.name, argument)
        return self.stack.pop()

    def name(self, module: Any, name: Any) -> Name:
        """Return the record of a global name, unless it is refused."""
        if type(module) is not str or type(name) is not str:
            raise ValueError("a name that is not a str")
        meaning = self.names.get(f"{module}.{name}".replace("numpy._core.", "numpy.core."))
        if meaning is None:
            raise WeightsFileError(f"the pickle refers to {short(f'{module}.{name}')}; {self.admitted}")
        return Name(meaning)

    def _execute(self, name: str, argument: Any) -> None:
        if name in VALUES:
            self.push(argument)
        elif name in CONSTANTS:
            self.push(CONSTANTS[name])
        elif name in PUTS:
            self.memo[len(self.memo) if name == "MEMOIZE" else argument] = self.stack[-1]
        elif name in GETS:
            if argument not in self.memo:
                raise ValueError(f"it takes value {argument} of those it has stored, of which there are {len(self.memo)}")
            self.push(self.memo[argument])
        elif name in TUPLES:
            self.push(tuple(self.pop(TUPLES[name])))
        elif name in self.operations:
            self.operations[name](self, argument)
        elif name in ("PERSID", "BINPERSID"):
            raise WeightsFileError(f"the pickle refers to an object outside of it; {self.admitted}")
        elif name not in IGNORED:
            raise WeightsFileError(f"expected {self.expected}, found the operation {name}")

    def push(self, value: Any) -> None:
        """Put a value on the stack."""
        self.stack.append(value)

    def _mark(self) -> None:
        self.marked.append(self.stack)
        self.stack = []

    def pop(self, count: int) -> list[Any]:
        """Take values from the stack."""
        if len(self.stack) < count:
            raise IndexError("the stack is empty")
        items = self.stack[-count:]
        del self.stack[-count:]
        return items

    def pop_to_mark(self) -> list[Any]:
        """Take the values above the last mark from the stack."""
        items, self.stack = self.stack, self.marked.pop()
        return items

    def _set(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, dict) or len(items) % 2 or not all(type(key) in self.keys for key in items[::2]):
            raise WeightsFileError(f"expected {self.expected}, with {' or '.join(k.__name__ for k in self.keys)} keys")
        target.update(zip(items[::2], items[1::2], strict=True))

    def _make_dict(self) -> None:
        items = self.pop_to_mark()
        self.push({})
        self._set(items)

    def call(self, function: Any, arguments: Any) -> Any:
        """Return the record that a call makes."""
        kind = function.meaning if type(function) is Name else ""
        if type(arguments) is not tuple:
            raise ValueError("arguments that are not a tuple")
        if kind == "array":  # the arguments, a class and a first shape, carry no information
            return ArrayRecord()
        if kind == "dtype" and arguments:
            return _DType(arguments[0])
        if kind == "bytes" and not arguments:
            return b""
        if kind == "encode" and len(arguments) == 2 and type(arguments[0]) is str and arguments[1] == "latin1":
            self.pay(len(arguments[0]))
            return arguments[0].encode("latin1")
        if kind == "buffer" and len(arguments) == 4:
            data, dtype, shape, order = arguments
            record = ArrayRecord()
            self._fill(record, data, dtype, shape, order)
            return record
        raise ValueError("a call that NumPy's pickles do not make")

    def build(self, state: Any) -> None:
        """Give a state to the record on the stack."""
        record = self.stack[-1]
        if type(state) is not tuple:
            raise ValueError("a state that is not a tuple")
        if type(record) is _DType:
            record.build(state)
        elif type(record) is ArrayRecord and len(state) == 5:
            _, shape, dtype, fortran, data = state
            if type(data) is str:  # as Python 2 wrote it
                self.pay(len(data))
                data = data.encode("latin1")
            self._fill(record, data, dtype, shape, "F" if fortran is True or fortran == 1 else "C")
        else:
            raise ValueError("a state for an object without one")

    def _fill(self, record: ArrayRecord, data: Any, dtype: Any, shape: Any, order: Any) -> None:
        if type(data) not in (bytes, bytearray) or type(dtype) is not _DType or type(shape) is not tuple:
            raise ValueError("the state of an array has wrong types")
        if type(order) is not str or order not in ("C", "F"):
            raise ValueError("an order of elements that is neither C nor F")
        self.pay(len(data))
        record.array = from_bytes(data, dtype.dtype(), shape, order)

    def pay(self, count: int) -> None:
        """Count bytes that are copied; raise ValueError for more than the file can hold."""
        self.left -= count
        if self.left < 0:
            raise ValueError(f"declares more than a file of {len(self.data)} bytes holds")


OPERATIONS: dict[str, Callable[[Any, Any], None]] = {
    "MARK": lambda machine, _: machine._mark(),
    "TUPLE": lambda machine, _: machine.push(tuple(machine.pop_to_mark())),
    "EMPTY_DICT": lambda machine, _: machine.push({}),
    "DICT": lambda machine, _: machine._make_dict(),
    "SETITEM": lambda machine, _: machine._set(machine.pop(2)),
    "SETITEMS": lambda machine, _: machine._set(machine.pop_to_mark()),
    "GLOBAL": lambda machine, name: machine.push(machine.name(*name.split(" ", 1))),
    "STACK_GLOBAL": lambda machine, _: machine.push(machine.name(*machine.pop(2))),
    "REDUCE": lambda machine, _: machine.push(machine.call(*machine.pop(2))),
    "BUILD": lambda machine, _: machine.build(*machine.pop(1)),
}
Machine.operations = OPERATIONS


def short(text: str, most: int = 80) -> str:
    """Return a text of a file for a message: all of it, or its beginning."""
    return text if len(text) <= most else f"{text[: most - 3]}..."
