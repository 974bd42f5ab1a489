"""Summary of a module: output shapes, parameters, multiply-accumulates and bytes, layer by layer."""

from __future__ import annotations

import math
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np

from minigrad.engine.grad_mode import is_grad_enabled, set_grad_enabled
from minigrad.engine.handles import RemovableHandle
from minigrad.engine.scope import here, watch
from minigrad.nn.modes import evaluating
from minigrad.ops.convolution import convolution, transposed_convolution
from minigrad.ops.linalg import affine, multiply_matrices
from minigrad.tensors.tensor import Tensor, tensor

__all__ = ["Row", "Summary", "summary"]

# Multiply-accumulates of one call of a primitive, from its arguments and its result.
MACS: dict[Any, Callable[[Any, Any], int]] = {
    affine: lambda args, out: out.size * args[0].shape[-1],
    multiply_matrices: lambda args, out: out.size * args[0].shape[-1],
    convolution: lambda args, out: out.size * math.prod(args[1].shape[1:]),
    transposed_convolution: lambda args, out: math.prod(args[0].shape) * math.prod(args[1].shape[1:]),
}


class SummarizedModule(Protocol):
    """The methods of a module that `summary` uses."""

    def __call__(self, *args: Any) -> Any: ...
    def modules(self) -> Iterator[Any]: ...
    def named_modules(self) -> Iterator[tuple[str, Any]]: ...
    def parameters(self) -> Iterator[Tensor]: ...
    def register_forward_hook(self, hook: Callable[..., Any]) -> RemovableHandle: ...


class Row(NamedTuple):
    """One module: its own parameters and multiply-accumulates, without those of the modules inside it."""

    name: str
    kind: str  # the class
    output: str  # the shapes of its outputs
    parameters: int
    macs: int
    nbytes: int  # of its outputs


class Summary:
    """The rows and the totals of a module; the repr is a table."""

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
        shown = range(6) if self.ran else (0, 1, 3)  # outputs, MACs and bytes are known after a run alone
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = [
            "  ".join(row[i].ljust(widths[i]) if i < 3 else row[i].rjust(widths[i]) for i in shown).rstrip() for row in cells
        ]
        frozen = "" if self.trainable == self.parameters else f", {self.trainable:,} of them trained"
        total = f"{self.kind}: {self.parameters:,} parameters{frozen}, {_readable(self.parameter_bytes)}"
        if self.ran:
            total += f"; {self.macs:,} MACs, {_readable(self.saved_bytes)} saved for backward"
        return "\n".join([*lines, total])


def summary(module: SummarizedModule, *inputs: Any) -> Summary:
    """Return output shapes, parameters (shared ones once), multiply-accumulates and bytes, module by module.

    `inputs` are the arguments of `forward`, or shapes of them; the module runs once on them, in evaluation mode. Without
    inputs, parameters alone are counted. The repr of the result is a table.

    >>> from minigrad import nn
    >>> nn.summary(nn.Sequential(nn.Linear(3, 2), nn.ReLU()), (4, 3))
                     output  parameters  MACs  bytes
    net  Sequential  (4, 2)                       32
    0    Linear      (4, 2)           8    24     32
    1    ReLU        (4, 2)                       32
    Sequential: 8 parameters, 32 bytes; 24 MACs, 80 bytes saved for backward
    """
    named = list(module.named_modules())
    names = {id(inner): name for name, inner in named}
    parameters = {id(p): p for p in module.parameters()}
    owned = _owned_parameters(named)
    macs, outputs, nbytes = dict.fromkeys(owned, 0), dict.fromkeys(owned, ""), dict.fromkeys(owned, 0)
    weights, saved = {id(p.array) for p in parameters.values()}, {}

    def count(op: Any, args: tuple[Any, ...], out: Any, node: Any) -> None:
        if op in MACS:
            macs[_innermost(names)] += MACS[op](args, out)
        for value in node.saved if node is not None else ():
            if isinstance(value, np.ndarray):
                base = value if value.base is None else value.base
                if id(base) not in weights:
                    saved[id(base)] = value.nbytes, base  # kept, so that no other array gets its id

    def note(inner: Any, args: Any, out: Any) -> None:
        if threading.get_ident() != thread:  # another thread runs the same modules
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
    rows = [Row(name, type(inner).__name__, outputs[name], owned[name], macs[name], nbytes[name]) for name, inner in named]
    return Summary(
        type(module).__name__, rows, sum(p.numel() for p in parameters.values() if p.requires_grad),
        sum(p.nbytes for p in parameters.values()), sum(size for size, _ in saved.values()), bool(inputs),
    )  # fmt: skip


def _owned_parameters(named: list[tuple[str, Any]]) -> dict[str, int]:
    """Return the number of elements of each module's own parameters; a shared parameter counts where it comes first."""
    owned, seen = {}, set[int]()
    for name, module in named:
        new = [p for p in module.parameters(recurse=False) if id(p) not in seen]
        seen.update(map(id, new))
        owned[name] = sum(p.numel() for p in new)
    return owned


def _innermost(names: dict[int, str]) -> str:
    """Return the name of the innermost of these modules whose forward is running."""
    scope = here.scope
    while scope is not None:
        scope, what, _ = scope
        module = what() if isinstance(what, weakref.ref) else None
        if id(module) in names:
            return names[id(module)]
    return ""


def _example(module: SummarizedModule, given: Any) -> Any:
    """Return zeros for a shape, and any other input as it is."""
    if isinstance(given, tuple) and all(isinstance(n, int) for n in given):
        return tensor(np.zeros(given), next((p.dtype for p in module.parameters()), None))
    return given


def _readable(count: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count} bytes" if unit == "bytes" else f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"
