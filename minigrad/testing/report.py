"""What a check found: the worst entry, what it was compared with, and how to see it again."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minigrad.arrays import Array
from minigrad.testing.calls import Call

__all__ = ["Comparison", "Failure", "GradcheckError", "GradcheckReport", "NonDifferentiableError", "about", "reproducer"]

PRINTED = 100  # elements of an input that a reproducer writes out


@dataclass(frozen=True)
class Comparison:
    """One number, computed by the gradient rules and by differences."""

    what: str  # "d output 0 [1, 2] / d input 1 [0]"; <v, outputs> is their sum weighted by the incoming gradients v
    numeric: float
    analytic: float
    allowed: float  # absolute
    left: float  # the slopes from either side
    right: float

    @property
    def absolute(self) -> float:
        return abs(self.analytic - self.numeric)

    @property
    def relative(self) -> float:
        return self.absolute / max(abs(self.analytic), abs(self.numeric), 1e-300)

    @property
    def excess(self) -> float:
        """The error as a multiple of what is allowed."""
        return self.absolute / self.allowed if self.allowed else math.inf if self.absolute else 0.0

    def __str__(self) -> str:
        return (
            f"{self.what}\n"
            f"  numeric   {self.numeric:.12g}\n"
            f"  analytic  {self.analytic:.12g}\n"
            f"  error     {self.absolute:.3g} absolute, {self.relative:.3g} relative; allowed {self.allowed:.3g}\n"
            f"  slopes    {self.left:.6g} from the left, {self.right:.6g} from the right"
        )


@dataclass(frozen=True)
class Failure:
    """A check that did not hold: its name, a sentence, and the comparison if it was one."""

    check: str
    message: str
    comparison: Comparison | None = None

    def __str__(self) -> str:
        return self.message if self.comparison is None else f"{self.message}\n  {self.comparison}"


@dataclass
class GradcheckReport:
    """What `gradcheck` did and found; true if everything held."""

    function: str
    mode: str
    seed: int
    inputs: list[str]  # shape, dtype and strides of each
    outputs: list[str]
    reproducer: str
    checks: list[str] = field(default_factory=list)  # those that ran
    compared: int = 0
    skipped: int = 0  # comparisons on a kink, with kinks="skip"
    worst: Comparison | None = None
    failures: list[Failure] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return not self.failures

    def __bool__(self) -> bool:
        return self.passed

    def add(self, comparison: Comparison) -> bool:
        """Count a comparison; tells whether it holds."""
        self.compared += 1
        if self.worst is None or comparison.excess > self.worst.excess:
            self.worst = comparison
        return comparison.excess <= 1

    def __str__(self) -> str:
        about = [f"  input {i}   {text}" for i, text in enumerate(self.inputs)]
        about += [f"  output {i}  {text}" for i, text in enumerate(self.outputs)]
        about += [f"  mode {self.mode}, seed {self.seed}, {self.compared} comparisons"]
        if self.passed:
            worst = f", worst error {self.worst.absolute:.2g} of {self.worst.allowed:.2g}" if self.worst else ""
            held = [*(["gradient"] if self.worst else []), *self.checks]
            done = ", ".join(held) + (" hold" if len(held) > 1 else " holds")
            return "\n".join([f"{self.function}: {done}{worst}", *about])
        found = [f"{self.function}: {failure}" for failure in self.failures]
        return "\n".join([*found, *about, "  to see it again:", *("    " + line for line in self.reproducer.split("\n"))])


class GradcheckError(AssertionError):
    """A gradient is wrong; `report` says where and how far."""

    def __init__(self, report: GradcheckReport):
        super().__init__(str(report))
        self.report = report


class NonDifferentiableError(ValueError):
    """No difference tells the gradient: the inputs sit on a kink or at the edge of the domain, or there are none to move."""


def about(x: Array) -> str:
    """Shape, dtype and, where they are not those of C order, strides."""
    strides = "" if x.flags.c_contiguous else f", strides {x.strides}"
    return f"{x.shape} {x.dtype}{strides}"


def reproducer(call: Call, check: str, options: dict[str, Any]) -> str:
    """Python that runs the same check again; says so where the inputs are too large to write out."""
    module, name = getattr(call.function, "__module__", None), getattr(call.function, "__qualname__", "")
    importable = bool(module) and name.isidentifier() and module not in ("__main__", "builtins")
    lines = ["import numpy as np", f"from minigrad.testing import {check}"]
    lines += [f"from {module} import {name} as f" if importable else f"f = ...  # {call.name}"]
    if any(array.size > PRINTED for array in call.arrays):
        lines += [f"inputs = ...  # too large to print; see the report's inputs: {', '.join(map(about, call.arrays))}"]
    else:
        lines += [f"inputs = {_written(call.args)}"]
    if call.kwargs:
        options = {"kwargs": call.kwargs, **options}
    given = "".join(f", {key}={_written(value)}" for key, value in options.items())
    return "\n".join([*lines, f"{check}(f, inputs{given})"])


def _written(value: Any) -> str:
    """Python for a value; arrays with all their digits, their dtype and their memory order."""
    if isinstance(value, list | tuple):
        parts = [_written(part) for part in value]
        return f"[{', '.join(parts)}]" if isinstance(value, list) else f"({', '.join(parts)}{',' * (len(parts) == 1)})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {_written(part)}" for key, part in value.items()) + "}"
    if hasattr(value, "detach"):
        value = value.detach().numpy()
    if not isinstance(value, np.ndarray):
        return repr(value)
    fortran = value.flags.f_contiguous and not value.flags.c_contiguous
    data = f"np.array({value.tolist()}, np.{value.dtype})" if value.size else f"np.zeros({value.shape}, np.{value.dtype})"
    return f"np.asfortranarray({data})" if fortran else data
