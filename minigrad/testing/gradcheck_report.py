"""Reports of gradient checks: the worst entry, the numbers compared, and Python that reproduces the check."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np

from minigrad.arrays import Array, array_of
from minigrad.pictures import MONOSPACE
from minigrad.tensors.tensor import Tensor
from minigrad.testing.calls import Call

__all__ = ["Comparison", "Failure", "GradcheckError", "GradcheckReport", "NonDifferentiableError", "reproducer"]

PRINTED = 100  # the most elements of an input that a reproducer writes out


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
        """The absolute error."""
        return abs(self.analytic - self.numeric)

    @property
    def relative(self) -> float:
        """The error relative to the larger of the two numbers."""
        return self.absolute / max(abs(self.analytic), abs(self.numeric), 1e-300)

    @property
    def excess(self) -> float:
        """The error as a multiple of the allowed one."""
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
    """A check that failed: its name, a sentence, and the comparison if there was one."""

    check: str
    message: str
    comparison: Comparison | None = None

    def __str__(self) -> str:
        return self.message if self.comparison is None else f"{self.message}\n  {self.comparison}"


@dataclass(repr=False)
class GradcheckReport:
    """The result of `gradcheck`; true if every check held.

    `function` is the name of the function, `mode` and `seed` the options used, `inputs` and `outputs` the shape, dtype and
    strides of each, `names` those of the inputs ("input 0", or "weight" for a parameter), `reproducer` Python that runs the
    same check again, and `checks` the side checks that ran. `compared` and `skipped` count comparisons, the latter those on
    a kink with ``kinks="skip"``; `worst` is the one with the largest error relative to the allowed one. `failures` is empty
    if everything held.

    >>> import numpy as np
    >>> import minigrad as mg
    >>> report = mg.testing.gradcheck(lambda x: x**2, [np.array([1.0, 3.0])])
    >>> report.passed, report.inputs, report.outputs
    (True, ['(2,) float64'], ['(2,) float64'])
    """

    function: str
    mode: str
    seed: int
    inputs: list[str]
    outputs: list[str]
    reproducer: str
    checks: list[str] = field(default_factory=list)
    compared: int = 0
    skipped: int = 0
    worst: Comparison | None = None
    failures: list[Failure] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    @classmethod
    def of(
        cls, call: Call, arrays: Sequence[Array], outputs: Sequence[Tensor], mode: str, seed: int, recipe: str,
        checks: Sequence[str] = (),
    ) -> GradcheckReport:  # fmt: skip
        """Return an empty report on a call with the inputs `arrays`."""
        described = [_describe(a) for a in arrays], [_describe(array_of(y)) for y in outputs]
        return cls(call.name, mode, seed, *described, recipe, list(checks), names=call.labels)

    @property
    def passed(self) -> bool:
        """True if every check held."""
        return not self.failures

    def __bool__(self) -> bool:
        return self.passed

    def add(self, comparison: Comparison) -> bool:
        """Count a comparison; return whether it holds."""
        self.compared += 1
        if self.worst is None or comparison.excess > self.worst.excess:
            self.worst = comparison
        return comparison.excess <= 1

    def fail(self, check: str, message: str, comparison: Comparison | None = None) -> None:
        """Record a check that failed."""
        self.failures.append(Failure(check, message, comparison))

    def finish(self, raise_exception: bool) -> GradcheckReport:
        """Return the report; raise GradcheckError instead if a check failed and `raise_exception` is true."""
        if self.failures and raise_exception:
            raise GradcheckError(self)
        return self

    def __str__(self) -> str:
        named = [*zip(self.names, self.inputs, strict=True)]
        named += [(f"output {k}", text) for k, text in enumerate(self.outputs)]
        width = max((len(name) for name, _ in named), default=0)
        about = [f"  {name:{width}}  {text}" for name, text in named]
        about += [f"  mode {self.mode}, seed {self.seed}, {self.compared} comparisons"]
        if self.passed:
            worst = f", worst error {self.worst.absolute:.2g} of {self.worst.allowed:.2g}" if self.worst else ""
            held = [*(["gradient"] if self.worst else []), *self.checks]
            done = ", ".join(held) + (" hold" if len(held) > 1 else " holds")
            return "\n".join([f"{self.function}: {done}{worst}", *about])
        found = [f"{self.function}: {failure}" for failure in self.failures]
        return "\n".join([*found, *about, "  to reproduce it:", *("    " + line for line in self.reproducer.split("\n"))])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Return the report for notebooks: its first line with a mark, and the rest as it prints."""
        first, _, rest = str(self).partition("\n")
        mark, color = ("✓", "#007a59") if self.passed else ("✗", "#c84c00")
        head = (
            f'<b style="color:{color}">{mark}</b> <span style="font-weight:600;white-space:pre-wrap">{escape(first)}</span>'
        )
        return f'<div style="{MONOSPACE}">{head}\n{escape(rest)}</div>'


class GradcheckError(AssertionError):
    """A gradient is wrong; `report` is the GradcheckReport, which is also the message.

    >>> import numpy as np
    >>> import minigrad as mg
    >>> double = lambda x: x + x.detach()
    >>> try:
    ...     mg.testing.gradcheck(double, [np.array([3.0])])
    ... except GradcheckError as error:
    ...     worst = error.report.worst
    >>> round(worst.numeric, 6), worst.analytic
    (2.0, 1.0)
    """

    def __init__(self, report: GradcheckReport):
        super().__init__(str(report))
        self.report = report


class NonDifferentiableError(ValueError):
    """No derivative to compare with: the inputs sit on a kink or at the edge of the domain, or have no elements.

    >>> import numpy as np
    >>> import minigrad as mg
    >>> mg.testing.gradcheck(mg.abs, [np.array([0.0])])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    minigrad.testing.gradcheck_report.NonDifferentiableError: absolute: output 0 [0] has a kink, ...
    """


def reproducer(call: Call, check: str, options: dict[str, Any]) -> str:
    """Return Python that runs the same check again, with a placeholder for inputs too large to write out."""
    module, name = getattr(call.function, "__module__", None), getattr(call.function, "__qualname__", "")
    importable = bool(module) and name.isidentifier() and module not in ("__main__", "builtins")
    lines = ["import numpy as np", f"from minigrad.testing import {check}"]
    lines += [f"from {module} import {name} as f" if importable else f"f = ...  # {call.name}"]
    given = call.arrays[: len(call.arrays) - len(call.closed)]
    if any(array.size > PRINTED for array in given):
        described = ", ".join(map(_describe, given))
        lines += [f"inputs = ...  # too large to print; see the report's inputs: {described}"]
    else:
        lines += [f"inputs = {_python(call.args)}"]
    if call.kwargs:
        options = {"kwargs": call.kwargs, **options}
    settings = "".join(f", {key}={_python(value)}" for key, value in options.items())
    return "\n".join([*lines, f"{check}(f, inputs{settings})"])


def _describe(x: Array) -> str:
    """Return shape, dtype and, where they are not those of C order, strides."""
    strides = "" if x.flags.c_contiguous else f", strides {x.strides}"
    return f"{x.shape} {x.dtype}{strides}"


def _python(value: Any) -> str:
    """Return a Python expression for a value; arrays with all their digits, their dtype and their memory order."""
    if isinstance(value, list | tuple):
        parts = [_python(part) for part in value]
        return f"[{', '.join(parts)}]" if isinstance(value, list) else f"({', '.join(parts)}{',' * (len(parts) == 1)})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {_python(part)}" for key, part in value.items()) + "}"
    value = value.array if isinstance(value, Tensor) else value
    if not isinstance(value, np.ndarray):
        return repr(value)
    fortran = value.flags.f_contiguous and not value.flags.c_contiguous
    data = f"np.array({value.tolist()}, np.{value.dtype})" if value.size else f"np.zeros({value.shape}, np.{value.dtype})"
    return f"np.asfortranarray({data})" if fortran else data
