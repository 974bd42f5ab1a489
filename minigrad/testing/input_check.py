"""Comparison of the gradient of one input with finite differences: along directions, and entry by entry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from minigrad.arrays import Array
from minigrad.testing.calls import Call, concatenated
from minigrad.testing.error_patterns import diagnose
from minigrad.testing.finite_differences import Slopes, random_direction, signed_vector, slopes
from minigrad.testing.gradcheck_report import Comparison, GradcheckError, GradcheckReport, NonDifferentiableError

__all__ = ["InputCheck", "Settings", "index_text", "one_of", "split"]

TRIED = 2000  # the most elements of an input that are tried one by one to locate a failure
# rtol and atol by the least precise input; for a linear function there is only rounding.
TOLERANCES = {"d": (1e-7, 1e-9), "f": (1e-4, 1e-6), "e": (1e-1, 1e-2)}
LINEAR_TOLERANCES = {"d": (1e-12, 1e-12), "f": (1e-5, 1e-6), "e": (1e-2, 1e-2)}


@dataclass(frozen=True)
class Settings:
    """The options of a check; see `gradcheck`."""

    mode: str = "auto"
    eps: float | None = None
    atol: float | None = None
    rtol: float | None = None
    directions: int = 2
    seed: int = 0
    linear_in: tuple[int, ...] = ()
    kinks: str = "raise"
    checks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        one_of("mode", self.mode, ("auto", "full", "directional"))
        one_of("kinks", self.kinks, ("raise", "skip", "bracket"))

    def changed(self, **defaults: Any) -> dict[str, Any]:
        """Return the options that differ from their defaults, which are those of this class or the ones given."""
        usual = {field.name: field.default for field in fields(self)} | defaults
        return {name: getattr(self, name) for name, value in usual.items() if getattr(self, name) != value}


class InputCheck:
    """The comparisons for input `i` of a call.

    `here` is the value of the call, a vector, and `gradient` the gradient of the input under the incoming gradients `gs`.
    """

    def __init__(
        self, call: Call, settings: Settings, report: GradcheckReport, gs: list[Array], here: Array, i: int, gradient: Array
    ):
        self.call, self.settings, self.report, self.gs, self.here, self.i = call, settings, report, gs, here, i
        self.gradient = np.asarray(gradient, np.float64)
        self.v = concatenated(gs)
        self.arrays = [np.asarray(a, np.float64) for a in call.arrays]
        self.x = self.arrays[i]
        self.linear = i in settings.linear_in
        rtol, atol = (LINEAR_TOLERANCES if self.linear else TOLERANCES).get(call.dtype.char, TOLERANCES["d"])
        self.rtol = rtol if settings.rtol is None else settings.rtol
        self.atol = atol if settings.atol is None else settings.atol
        self.step = settings.eps or (1.0 if self.linear else 1e-3)
        self.rounding = 8 * float(np.finfo(call.dtype).eps)

    def compare(self, rows: Array | None) -> None:
        """Compare along directions, then entry by entry if `rows` is the Jacobian, each row times its incoming gradient."""
        if not (self.x.size and self.v.size):
            return
        found = [self.along(self.direction(d), f"along direction {d}") for d in range(self.settings.directions)]
        found += [] if rows is None else [self.entries(rows)]
        failed = [c for c in found if c is not None and not self.report.add(c)]
        if failed:
            hint, worst = self.locate()
            message = f"the gradient of input {self.i} is wrong" + (f": {hint}" if hint else "")
            shown = failed[-1] if rows is not None or worst is None else worst
            self.report.fail("gradient", message, shown)

    def direction(self, d: int) -> Array:
        """Return the d-th direction; every second one follows the gradient, so that small relative errors add up."""
        u = random_direction(np.random.default_rng([self.settings.seed, 1, self.i, d]), self.x)
        return np.where(self.gradient == 0, u, np.copysign(u, self.gradient)) if d % 2 else u

    def along(self, u: Array, where: str) -> Comparison | None:
        """Compare <u, gradient> with <v, J u>; return None to skip the direction, which meets a kink."""
        found = self.slopes(u)
        numeric, left, right = (float(self.v @ s) for s in (found.central, found.left, found.right))
        analytic = float(np.vdot(u, self.gradient))
        kinked = found.kinked & (self.v != 0)
        if kinked.any():
            if self.skips(found, kinked, where):
                return None
            ends = np.sort([self.v * found.left, self.v * found.right], axis=0)
            low, high = np.where(kinked, ends, self.v * found.central).sum(axis=1)
            numeric = float(np.clip(analytic, low, high))  # any gradient within the bracket is right
        # A linear function has an error of rounding alone, relative to terms that may have cancelled.
        size = float(np.abs(self.v) @ (np.full_like(found.size, found.size.max()) if self.linear else found.size))
        terms = float(np.abs(self.v) @ np.abs(found.central) + np.vdot(np.abs(u), np.abs(self.gradient)))
        allowed = self.rtol * terms + self.atol * size + self.rounding * float(np.abs(self.v).sum())
        return Comparison(f"d <v, outputs> / d input {self.i} {where}", numeric, analytic, allowed, left, right)

    def entries(self, rows: Array) -> Comparison | None:
        """Return the worst entry of the Jacobian; None to skip it, if all entries are on kinks."""
        lengths = np.maximum(1, np.abs(self.x)).ravel()
        found = [self.slopes(self.unit(j, lengths[j])) for j in range(self.x.size)]
        v = np.where(self.v == 0, 1, self.v)[:, None]
        rows = rows / v  # (outputs, inputs), like all that follow
        central, left, right, size = (
            np.stack([getattr(s, name) for s in found], 1) / lengths for name in ("central", "left", "right", "size")
        )
        kinked = np.stack([s.kinked for s in found], 1) & (self.v != 0)[:, None]
        kept = np.full(kinked.shape, True)
        numeric = central
        for j in map(int, np.flatnonzero(kinked.any(axis=0))):
            if self.skips(found[j], kinked[:, j], index_text(self.x.shape, j)):
                kept = ~kinked
            else:
                numeric = np.where(kinked, np.clip(rows, np.minimum(left, right), np.maximum(left, right)), central)
        if not kept.any():
            return None
        allowed = self.rtol * (np.abs(numeric) + np.abs(rows)) + self.atol * size
        allowed += self.rounding * (1 + np.abs(rows).max())
        error = np.where(kept, np.abs(numeric - rows), -1)
        excess = error / allowed
        wrong = excess > 1
        k, at = divmod(int(np.argmax(np.where(wrong, error, -1) if wrong.any() else excess)), self.x.size)
        self.report.compared += int(kept.sum()) - 1
        numbers = (float(part[k, at]) for part in (numeric, rows, allowed, left, right))
        return Comparison(f"d {self.output(k)} / d input {self.i} {index_text(self.x.shape, at)}", *numbers)

    def slopes(self, u: Array) -> Slopes:
        """Return the slopes of all outputs along u; raise GradcheckError if `linear_in` is not true of this input."""

        def at(t: float) -> Array:
            return self.call.value([a + t * u if n == self.i else a for n, a in enumerate(self.arrays)])

        moved = max(float(np.abs(a).max()) for a in (self.x, u))
        found = slopes(at, self.here, self.step, self.linear, moved)
        if self.linear and found.kinked.any():
            self.report.fail("linear_in", f"linear_in says that it is linear in input {self.i}, but it is not")
            raise GradcheckError(self.report)
        return found

    def skips(self, found: Slopes, kinked: Array, where: str) -> bool:
        """Return whether to skip a comparison on a kink, rather than bracket it.

        Raises NonDifferentiableError if kinks raise, or the bracket is not finite.
        """
        k = int(np.argmax(kinked))
        left, right = float(found.left[k]), float(found.right[k])
        if self.settings.kinks == "skip":
            self.report.skipped += 1
            return True
        if self.settings.kinks == "bracket" and np.isfinite([left, right]).all():
            return False
        raise NonDifferentiableError(
            f"{self.call.name}: {self.output(k)} has a kink, or leaves its domain, within {self.step:g} of input {self.i} "
            f"{where}: its slope is {left:.6g} from the left and {right:.6g} from the right\n"
            '  hint: move the inputs away from it, take a smaller eps, or pass kinks="skip" or "bracket"'
        )

    def locate(self) -> tuple[str, Comparison | None]:
        """Return a description of how the gradient is wrong, and its worst entry; for a large input, some wrong entry."""
        if self.x.size > TRIED:
            return "", self.bisect()
        found = [self.entry(j) for j in range(self.x.size)]
        known = [c for c in found if c is not None]
        worst = max(known, key=lambda c: c.excess, default=None)
        if len(known) < len(found):
            return "", worst
        numeric = np.array([c.numeric for c in known]).reshape(self.x.shape)
        negated = self.call.only(self.i).vjp([-g for g in self.gs])[0]
        ignores_g = bool(np.any(negated)) and np.array_equal(negated, self.gradient)
        return diagnose(numeric, self.gradient, sum(c.excess > 1 for c in known), ignores_g), worst

    def bisect(self) -> Comparison | None:
        """Find a wrong entry by bisection, along random directions of half of the entries each."""
        rng = np.random.default_rng([self.settings.seed, 2])
        where = np.arange(self.x.size)
        while where.size > 1:
            halves = np.array_split(where, 2)
            errors = []
            for half in halves:
                u = np.zeros(self.x.size)
                u[half] = signed_vector(rng, half.size)
                comparison = self.along(u.reshape(self.x.shape), "")
                errors.append(comparison.excess if comparison else 0.0)
            where = halves[int(np.argmax(errors))]
        return self.entry(int(where[0]))

    def entry(self, j: int) -> Comparison | None:
        """Compare the j-th entry of the gradient."""
        return self.along(self.unit(j), index_text(self.x.shape, j))

    def unit(self, j: int, length: float = 1.0) -> Array:
        """Return the direction of the j-th entry."""
        u = np.zeros(self.x.size)
        u[j] = length
        return u.reshape(self.x.shape)

    def output(self, k: int) -> str:
        """Return the name of the k-th number among all outputs."""
        for n, g in enumerate(self.gs):
            if k < g.size:
                return f"output {n} {index_text(g.shape, k)}"
            k -= g.size
        raise IndexError(k)


def split(v: Array, like: Sequence[Array]) -> list[Array]:
    """Split a vector into arrays with the shapes and dtypes of others."""
    parts = np.split(v, np.cumsum([a.size for a in like])[:-1])
    return [part.reshape(a.shape).astype(a.dtype) for part, a in zip(parts, like, strict=True)]


def index_text(shape: tuple[int, ...], j: int) -> str:
    """Return the index of the j-th element, written as in Python."""
    return str([int(n) for n in np.unravel_index(j, shape)])


def one_of(name: str, value: str, allowed: Sequence[str]) -> None:
    """Raise ValueError for an option that is not one of those allowed."""
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}, got {value!r}")
