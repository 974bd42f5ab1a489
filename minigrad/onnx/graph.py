"""Build an ONNX graph: nodes, initializers and their names."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from minigrad.arrays import Array
from minigrad.onnx.errors import Inexpressible
from minigrad.onnx.recording import Constant, Differing, Size, Value

__all__ = ["Graph"]

LAST = 2**63 - 1  # the end of a slice that has none


class Graph:
    """A graph under construction. ``g.Relu(x)`` adds a node and returns the name of its output.

    An input is a name, a Value, a Constant, an array, a list of ints (a vector of int64), a number (of `dtype`), or None for
    one left out. An attribute of the value None is left out.
    """

    def __init__(self, helper: ModuleType, opset: int, owners: Mapping[int, str], symbols: Mapping[str, tuple[int, ...]]):
        self.helper, self.opset, self.owners, self.symbols = helper, opset, owners, symbols  # helper: onnx.helper
        self.nodes: list[Any] = []
        self.initializers: dict[str, Array] = {}
        self.names: dict[int, str] = {}  # of values, by number
        self.axes: dict[str, tuple[str, int]] = {}  # of each symbol, the input and the axis that have its size
        self.dtype: Any = np.dtype(np.float32)  # of numbers
        self.path = ""  # of the module whose operations are added, with slashes
        self._used: set[str] = {*owners.values()}
        self._constants: dict[Any, str] = {}
        self._sizes: dict[Any, str] = {}

    def __getattr__(self, kind: str) -> Any:
        if not kind[0].isupper():
            raise AttributeError(kind)
        return lambda *inputs, **attributes: self.add(kind, *inputs, **attributes)

    def add(self, kind: str, *inputs: Any, outputs: int = 1, **attributes: Any) -> Any:
        """Add a node; return the name of its output, or a tuple of the names of several."""
        names = [self.input(x) for x in inputs]
        while names and not names[-1]:
            names.pop()
        given = {name: _plain(value) for name, value in attributes.items() if value is not None}
        node = self.unique(f"{self.path}/{kind}" if self.path else kind)
        made = [f"{node}_output_{i}" for i in range(outputs)]
        self.nodes.append(self.helper.make_node(kind, names, made, name=node, **given))
        return made[0] if outputs == 1 else tuple(made)

    def unique(self, name: str) -> str:
        """Return the name, with a number if it is taken."""
        found, i = name, 0
        while found in self._used:
            i += 1
            found = f"{name}_{i}"
        self._used.add(found)
        return found

    def input(self, x: Any) -> str:
        """Return the name of an input."""
        if x is None:
            return ""
        if isinstance(x, str):
            return x
        if isinstance(x, Value):
            if x.number not in self.names:
                raise Inexpressible("it takes a value from inside an operation that one node replaces")
            return self.names[x.number]
        if isinstance(x, Constant):
            return self._constant(x)
        if isinstance(x, list):
            return self.array(np.array([_plain(v) for v in x], np.int64))
        if isinstance(x, Differing):
            x.refuse()
        return self.array(np.asarray(x, None if isinstance(x, np.ndarray) else self.dtype))

    def to(self, x: Any, dtype: Any) -> Any:
        """Return an operand in a dtype, with a Cast where it has another."""
        if isinstance(x, Size):
            return self.cast(self.Squeeze(self.sizes([x]), [0]), dtype)
        if x is None or not isinstance(x, Value | Constant):
            return x if x is None or isinstance(x, str) else self.array(np.asarray(x, dtype))
        if x.dtype == dtype:
            return self.input(x)
        if isinstance(x, Constant) and id(x.arrays[0]) not in self.owners and Size not in map(type, x.shape):
            return self.input(Constant(tuple(a.astype(dtype) for a in x.arrays), x.shape, dtype))
        return self.cast(x, dtype)

    def cast(self, x: Any, dtype: Any) -> str:
        return self.add("Cast", x, to=self.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def array(self, array: Array) -> str:
        """Return the name of a constant array; equal ones are one."""
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._constants:
            self._constants[key] = self.unique(f"{self.path}/constant" if self.path else "constant")
            self.initializers[self._constants[key]] = array
        return self._constants[key]

    def _constant(self, constant: Constant) -> str:
        """Return the name of an array that no step made: a parameter, a constant, or one that depends on sizes."""
        first = constant.arrays[0]
        name = self.owners.get(id(first))
        if name is not None and all(a is first for a in constant.arrays):
            self.initializers[name] = first
            return name
        if all(a.shape == first.shape for a in constant.arrays):
            if all(np.array_equal(a, first, equal_nan=a.dtype.kind == "f") for a in constant.arrays):
                return self.array(first)
            raise Inexpressible(
                f"an array of shape {first.shape} differs between two runs: it is random, or was computed from inputs "
                "by other means than the library's operations"
            )
        return self._sized(constant)

    def _sized(self, constant: Constant) -> str:
        """Return the name of a constant whose shape depends on sizes: one value repeated, or a range."""
        moving = [axis for axis, n in enumerate(constant.shape) if isinstance(n, Size)]
        cores = [a[tuple(slice(0, 1) if axis in moving else slice(None) for axis in range(a.ndim))] for a in constant.arrays]
        core = cores[0]
        if all(c.size and (a == c).all() and np.array_equal(c, core) for a, c in zip(constant.arrays, cores, strict=True)):
            return self.Expand(self.array(core), self.sizes(constant.shape))
        largest = max(constant.arrays, key=len)
        if largest.ndim == 1 and (largest == np.rint(largest)).all():
            start, step = int(largest[0]), int(largest[1] - largest[0])
            if all(np.array_equal(a, np.arange(len(a)) * step + start) for a in constant.arrays):
                found = self._range(constant.shape[0])
                found = found if step == 1 else self.Mul(found, np.array(step, np.int64))
                found = self.Add(found, np.array(start, np.int64)) if start else found
                return found if largest.dtype == np.int64 else self.cast(found, largest.dtype)
        if largest.ndim == 2 and len(moving) == 2 and (band := _band(largest, constant.arrays)) is not None:
            below, above, k = band
            rows, columns = map(self._range, constant.shape)
            past = self.Greater(self.Sub(columns, self.Unsqueeze(rows, [1])), np.array(k, np.int64))
            if largest.dtype == bool:  # onnxruntime selects no booleans
                return past if above else self.add("Not", past)
            return self.add("Where", past, above, below)
        shapes = " and ".join(str(a.shape) for a in constant.arrays[:2])
        raise Inexpressible(
            f"an array made during the call has shape {shapes}, and is neither one value repeated nor a range"
        )

    def _range(self, size: Any) -> str:
        """Return the name of the numbers 0, 1, ... below a size."""
        return self.add("Range", np.array(0, np.int64), self.Squeeze(self.sizes([size]), [0]), np.array(1, np.int64))

    def sizes(self, shape: Sequence[Any]) -> str:
        """Return the name of a vector of sizes."""
        if not any(isinstance(n, Differing) for n in shape):
            return self.input(list(shape))
        return self.add("Concat", *(self._size(n) if isinstance(n, Size) else [n] for n in shape), axis=0)

    def _size(self, size: Size) -> str:
        """Return the name of a vector of one size."""
        key = size.values
        if key not in self._sizes:
            path, self.path = self.path, ""
            terms, offset = self.expression(size)
            parts = []
            for names, factor in terms.items():
                found = [self._dynamic(name) for name in names]
                part = found[0]
                for other in found[1:]:
                    part = self.Mul(part, other)
                parts.append(part if factor == 1 else self.Mul(part, [factor]))
            total = parts[0]
            for part in parts[1:]:
                total = self.Add(total, part)
            self._sizes[key] = total if not offset else self.Add(total, [offset])
            self.path = path
        return self._sizes[key]

    def _dynamic(self, symbol: str) -> str:
        if symbol not in self._sizes:
            name, axis = self.axes[symbol]
            self._sizes[symbol] = self.Shape(name, start=axis, end=axis + 1)
        return self._sizes[symbol]

    def expression(self, size: Size) -> tuple[dict[tuple[str, ...], int], int]:
        """Return a size as factors of (products of) symbols and an offset. Raises Inexpressible if it is neither.

        Run i has another size of symbol i than run 0, and the last run has other sizes of all symbols.
        """
        values = size.values
        used = [(name, i, sizes) for i, (name, sizes) in enumerate(self.symbols.items(), 1) if values[i] != values[0]]
        linear: dict[tuple[str, ...], int] = {}
        offset = values[0]
        for name, i, sizes in used:
            factor, rest = divmod(values[i] - values[0], sizes[i] - sizes[0])
            if rest:
                break
            linear[name,] = factor
            offset -= factor * sizes[0]
        else:
            if used and all(
                v == offset + sum(factor * self.symbols[name][run] for (name,), factor in linear.items())
                for run, v in enumerate(values)
            ):
                return linear, offset
        names = tuple(name for name, _, _ in used)
        products = [math.prod(self.symbols[name][run] for name in names) for run in range(len(values))]
        if used and all(v * products[0] == values[0] * p for v, p in zip(values, products, strict=True)):
            factor, rest = divmod(values[0], products[0])
            if not rest:
                return {names: factor}, 0
        if not self.symbols:
            size.refuse()
        listed = " and ".join(f"{name} = {', '.join(map(str, sizes))}" for name, sizes in self.symbols.items())
        raise Inexpressible(f"a number is {', '.join(map(str, values))} where {listed}: no sum or product of these")

    def reshape(self, x: Any, shape: Sequence[Any]) -> str:
        """Add a Reshape, in which a 0 keeps a size and a -1 is what is left."""
        given = x.shape if isinstance(x, Value) else ()
        target = [0 if isinstance(n, Size) and i < len(given) and given[i] == n else n for i, n in enumerate(shape)]
        if sum(isinstance(n, Size) for n in target) == 1 and 0 not in shape:
            target = [-1 if isinstance(n, Size) else n for n in target]
        return self.add("Reshape", x, self.sizes(shape if 0 in shape else target))

    def slice(self, x: Any, bounds: Mapping[int, slice]) -> Any:
        """Add a Slice with the bounds of some axes, unless they take everything."""
        taken = {axis: s for axis, s in bounds.items() if s != slice(None)}
        if not taken:
            return x
        steps = [1 if s.step is None else s.step for s in taken.values()]
        starts = [
            (0 if step > 0 else LAST) if s.start is None else s.start for s, step in zip(taken.values(), steps, strict=True)
        ]
        stops = [
            (LAST if step > 0 else -LAST) if s.stop is None else s.stop
            for s, step in zip(taken.values(), steps, strict=True)
        ]
        return self.add("Slice", x, self.sizes(starts), self.sizes(stops), list(taken), steps)


def _plain(value: Any) -> Any:
    """Return an attribute as Python's numbers; raises Inexpressible for what changes with the inputs."""
    if isinstance(value, Differing):
        value.refuse()
    if isinstance(value, np.generic):
        return value.item()
    return [_plain(v) for v in value] if isinstance(value, tuple | list) else value


def _band(largest: Array, arrays: Sequence[Array]) -> tuple[Any, Any, int] | None:
    """Return (a, b, k) if every array is `a` up to its diagonal k and `b` above it: a causal mask."""
    below, above = largest[-1, 0], largest[0, -1]
    k = int((largest[0] == below).sum()) - 1
    for a in arrays:
        if not np.array_equal(a, np.where(np.arange(a.shape[1]) - np.arange(a.shape[0])[:, None] > k, above, below)):
            return None
    return np.array(below), np.array(above), k
