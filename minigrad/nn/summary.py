"""What a network is made of, in numbers: shapes, parameters, multiplications and bytes, module by module."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from minigrad.engine.grad_mode import is_grad_enabled, set_grad_enabled
from minigrad.engine.scope import here, watch
from minigrad.nn.inference import evaluating
from minigrad.nn.module import Module
from minigrad.tensors.tensor import Tensor

__all__ = ["Row", "Summary", "summarize"]

# Multiply-accumulates of one call of a primitive, from its arguments and its result.
MACS: dict[str, Callable[[Any, Any], int]] = {
    "affine": lambda args, out: out.size * args[0].shape[-1],
    "multiply_matrices": lambda args, out: out.size * args[0].shape[-1],
    "convolution": lambda args, out: out.size * math.prod(args[1].shape[1:]),
    "transposed_convolution": lambda args, out: math.prod(args[0].shape) * math.prod(args[1].shape[1:]),
}


class Row(NamedTuple):
    """One module: its own parameters and multiply-accumulates, without those of the modules inside it."""

    name: str
    kind: str
    output: str
    parameters: int
    macs: int
    nbytes: int  # of its outputs


class Summary:
    """The rows, and the totals; printed, a table."""

    def __init__(self, kind: str, rows: list[Row], trainable: int, parameter_bytes: int, saved_bytes: int, ran: bool):
        self.kind, self.rows, self.ran = kind, rows, ran
        self.parameters = sum(row.parameters for row in rows)
        self.trainable = trainable
        self.parameter_bytes, self.saved_bytes = parameter_bytes, saved_bytes
        self.macs = sum(row.macs for row in rows)

    def __repr__(self) -> str:
        cells: list[tuple[str, ...]] = [("", "", "output", "parameters", "MACs", "bytes")]
        for name, kind, output, *counts in self.rows:
            depth, _, last = name.rpartition(".")
            indent = "  " * (depth.count(".") + 1) * bool(depth)
            cells.append((indent + (last or "net"), kind, output, *(f"{n:,}" if n else "" for n in counts)))
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        columns = len(widths) if self.ran else 4
        lines = [
            "  ".join(
                text.ljust(width) if i < 3 else text.rjust(width)
                for i, (text, width) in enumerate(zip(row, widths, strict=True))
                if i < columns and (self.ran or i != 2)
            ).rstrip()
            for row in cells
        ]
        frozen = "" if self.trainable == self.parameters else f", {self.trainable:,} of them trained"
        total = f"{self.kind}: {self.parameters:,} parameters{frozen}, {_readable(self.parameter_bytes)}"
        if self.ran:
            total += f"; {self.macs:,} MACs, {_readable(self.saved_bytes)} saved for backward"
        return "\n".join([*lines, total])


def summarize(module: Module, *inputs: Any) -> Summary:
    """Run a module once in evaluation mode on `inputs`, tensors or shapes, and count; without inputs, parameters alone."""
    named = list(module.named_modules())
    names = {id(inner): name for name, inner in named}
    seen: set[int] = set()
    own = {name: sum(p.numel() for p in _new(inner, seen)) for name, inner in named}
    macs, outputs = dict.fromkeys(own, 0), dict.fromkeys(own, "")
    nbytes, saved = dict.fromkeys(own, 0), {}
    weights = {id(p.array) for p in module.parameters()}

    def count(op: Any, args: tuple[Any, ...], out: Any, node: Any) -> None:
        if op.__name__ in MACS:
            macs[names.get(id(_innermost()), "")] += MACS[op.__name__](args, out)
        for value in node.saved if node is not None else ():
            if isinstance(value, np.ndarray):
                base = value if value.base is None else value.base
                if id(base) not in weights:
                    saved[id(base)] = value.nbytes, base  # kept, so that no other array gets its id

    def note(inner: Module, args: Any, out: Any) -> None:
        if threading.get_ident() != thread:  # which runs the same modules
            return
        tensors = [o for o in (out if isinstance(out, tuple | list) else (out,)) if isinstance(o, Tensor)]
        outputs[names[id(inner)]] = ", ".join(str(tuple(o.shape)) for o in tensors)
        nbytes[names[id(inner)]] = sum(o.nbytes for o in tensors)

    recording, thread = is_grad_enabled(), threading.get_ident()
    handles = [inner.register_forward_hook(note) for _, inner in named]
    try:
        if inputs:
            with evaluating(module), set_grad_enabled(recording), watch(count):
                module(*(_example(module, given) for given in inputs))
    finally:
        for handle in handles:
            handle.remove()
    rows = [Row(name, type(inner).__name__, outputs[name], own[name], macs[name], nbytes[name]) for name, inner in named]
    parameters = list(module.parameters())
    return Summary(
        type(module).__name__, rows, sum(p.numel() for p in parameters if p.requires_grad),
        sum(p.nbytes for p in parameters), sum(size for size, _ in saved.values()), bool(inputs),
    )  # fmt: skip


def _new(module: Module, seen: set[int]) -> Iterator[Any]:
    """The module's own parameters, but for those that were met before."""
    for parameter in module._parameters.values():
        if parameter is not None and id(parameter) not in seen:
            seen.add(id(parameter))
            yield parameter


def _innermost() -> Module | None:
    """The module whose forward is running."""
    scope = here.scope
    while scope is not None:
        scope, what, _ = scope
        inner = what() if callable(what) and type(what).__name__ == "ReferenceType" else None
        if isinstance(inner, Module):
            return inner
    return None


def _example(module: Module, given: Any) -> Any:
    if isinstance(given, tuple) and all(isinstance(n, int) for n in given):
        dtype = next((p.dtype for p in module.parameters()), None)
        return Tensor(np.zeros(given), dtype)
    return given


def _readable(count: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}" if unit != "bytes" else f"{count} bytes"
        count /= 1000
    return f"{count:.3g} GB"
