"""Comparison of the gradient of one input with finite differences: along directions, and entry by entry."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np

from minigrad.arrays import Array
from minigrad.testing.calls import Call, concatenated
from minigrad.testing.error_patterns import diagnose
from minigrad.testing.finite_differences import TO_ROUNDING, Slopes, norm, random_direction, settled, signed_vector, slopes
from minigrad.testing.gradcheck_report import Comparison, GradcheckError, GradcheckReport, NonDifferentiableError

__all__ = ["InputCheck", "Settings", "index_text", "one_of", "split"]

TRIED = 2000  # the most elements of an input that are tried one by one to locate a failure
EPS, TINY = float(np.finfo(np.float64).eps), float(np.finfo(np.float64).tiny)
# rtol and atol by the least precise input, allowed beside the error that is measured.
TOLERANCES = {"d": (1e-11, 0.0), "f": (1e-4, 1e-6), "e": (1e-1, 1e-2)}
LINEAR_TOLERANCES = {"d": (1e-12, 0.0), "f": (1e-5, 1e-6), "e": (1e-2, 1e-2)}
MEASURED = 20  # the error allowed, in multiples of the one measured: from few samples, that may be too small
BRACKET = 1e-7  # the error allowed at the ends of a bracket, which are one-sided slopes, relative to them
PRECISE = 1e-6  # the error allowed, relative to the slope, up to which no other step is tried


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


class Measured(NamedTuple):
    """A slope along one direction, and its error."""

    where: str
    direction: Array
    numeric: float
    analytic: float
    left: float
    right: float
    allowed: float  # by rtol and atol
    rounding: float  # of the outputs, measured twice: the root of the mean square
    least: float  # what is taken for the rounding at least
    step: float
    found: Slopes
    kinked: Array
    terms: float

    def allowance(self, rounding: float) -> float:
        """Return the allowed error, given the rounding of the outputs as measured here or along several directions."""
        return self.allowed + MEASURED * max(rounding, self.least) / self.step

    @property
    def imprecision(self) -> float:
        """The allowed error relative to the slope: 0 where there is no slope."""
        noise = MEASURED * max(self.rounding, self.least) / self.step
        return 0.0 if self.terms == 0 else noise / self.terms


class Column(NamedTuple):
    """The slopes of every output along one entry of an input."""

    central: Array
    left: Array
    right: Array
    kinked: Array
    size: Array
    rounding: Array  # of the outputs
    step: Array
    length: Array

    @classmethod
    def of(cls, found: Slopes, length: float, step: float) -> Column:
        """Return slopes along an entry from those along a direction of that length."""
        rounded = np.hypot(found.rounding, TO_ROUNDING * found.truncation) / 2**0.5 * step
        lengths = np.full(rounded.shape, length)
        central, left, right = (part / length for part in (found.central, found.left, found.right))
        return cls(central, left, right, found.kinked, found.size, rounded, step * lengths, lengths)

    @property
    def noise(self) -> Array:
        """The error allowed for rounding."""
        return np.asarray(MEASURED * np.maximum(self.rounding, EPS * self.size) / self.step)


class InputCheck:
    """The comparisons for input `i` of a call.

    `here` is the value of the call, a vector, `gradient` the gradient of the input under the incoming gradients `gs`,
    `change` how much it changes when the inputs do by rounding alone, and `size` the norm of all inputs times their
    gradients, to which the rounding of sums that cancel is relative.
    """

    def __init__(
        self, call: Call, settings: Settings, report: GradcheckReport, gs: list[Array], here: Array, i: int,
        gradient: Array, change: Array, size: float,
    ):  # fmt: skip
        self.call, self.settings, self.report, self.gs, self.here, self.i = call, settings, report, gs, here, i
        self.gradient, self.size = np.asarray(gradient, np.float64), size
        self.change = change
        self.v = concatenated(gs)
        self.arrays = [np.asarray(a, np.float64) for a in call.arrays]
        self.x, self.label = self.arrays[i], call.labels[i]
        self.linear = i in settings.linear_in
        rtol, atol = (LINEAR_TOLERANCES if self.linear else TOLERANCES).get(call.dtype.char, TOLERANCES["d"])
        self.rtol = rtol if settings.rtol is None else settings.rtol
        self.atol = atol if settings.atol is None else settings.atol
        self.step = settings.eps or (1.0 if self.linear else 1e-3)
        self.rounding = 8 * float(np.finfo(call.dtype).eps)

    def compare(self, rows: Array | None, row_change: Array | None) -> None:
        """Compare along directions, then entry by entry if `rows` is the Jacobian, each row times its incoming gradient.

        `row_change` is to `rows` what `change` is to the gradient.
        """
        if not (self.x.size and self.v.size):
            return
        measured = [self.measure(self.direction(d), f"along direction {d}") for d in range(self.settings.directions)]
        kept = [m for m in measured if m is not None]
        rounding = norm(np.array([m.rounding for m in kept])) / max(len(kept), 1) ** 0.5
        found: list[Comparison | None] = [self.comparison(m, max(rounding, m.rounding / 2)) for m in kept]
        found += [] if rows is None or row_change is None else [self.entries(rows, row_change)]
        failed = [c for c in found if c is not None and not self.report.add(c)]
        if failed:
            hint, worst = self.locate()
            message = f"the gradient of {self.label} is wrong" + (f": {hint}" if hint else "")
            shown = failed[-1] if rows is not None or worst is None else worst
            self.report.fail("gradient", message, shown)

    def direction(self, d: int) -> Array:
        """Return the d-th direction; every second one follows the gradient, so that small relative errors add up."""
        u = random_direction(np.random.default_rng([self.settings.seed, 1, self.i, d]), self.x)
        return np.where(self.gradient == 0, u, np.copysign(u, self.gradient)) if d % 2 else u

    def attempts(self, u: Array) -> Iterator[tuple[Array, float]]:
        """Yield the steps to try along a direction, until one is precise, and does not meet a kink.

        They are in proportion to max(1, |x|), to |x|, and smaller still, which is for kinks alone.
        """
        yield u, self.step
        if self.settings.eps is None and not self.linear:
            lengths = np.abs(self.x)
            lengths = np.where(lengths == 0, lengths.max(), lengths)
            if lengths.min() < 1 and lengths.max() > 0:
                yield u * (lengths / np.maximum(1, np.abs(self.x))), self.step
            yield u, self.step / 32
            yield u, self.step / 1024

    def measure(self, u: Array, where: str) -> Measured | None:
        """Compute <v, J u> with its error, and <u, gradient>; return None to skip the direction, which meets a kink."""
        best: Measured | None = None
        for moved, step in self.attempts(u):
            if step < self.step and best is not None and not best.kinked.any():
                break
            new = self.slope(self.slopes(moved, step), moved, step, where)
            if best is None or (not new.kinked.any() and (best.kinked.any() or new.imprecision < best.imprecision)):
                best = new
            if not best.kinked.any() and best.imprecision <= PRECISE:
                break
        if best is not None and best.kinked.any() and step < self.step:
            best = self.slope(settled(best.found, new.found), u, step, where)
        if best is None or not best.kinked.any():
            return best
        found, kinked = best.found, best.kinked
        jump = norm(np.where(kinked, self.v * (found.right - found.left), 0))
        if jump <= best.allowed:  # the sides differ by less than the rounding of the rule
            return best._replace(allowed=best.allowed + jump)
        if self.skips(found, kinked, where):
            return None
        ends = np.sort([self.v * found.left, self.v * found.right], axis=0)
        low, high = np.where(kinked, ends, self.v * found.central).sum(axis=1)
        ends_allowed = BRACKET * norm(np.where(kinked, self.v * (np.abs(found.left) + np.abs(found.right)), 0))
        # Any gradient within the bracket is right.
        return best._replace(numeric=float(np.clip(best.analytic, low, high)), allowed=best.allowed + ends_allowed)

    def slope(self, found: Slopes, u: Array, step: float, where: str) -> Measured:
        """Compute <v, J u> from the slopes along u."""
        v = self.v
        kinked = found.kinked & (v != 0)
        smooth = np.where(kinked, 0, v)  # at a kink, differences are no errors
        numeric, left, right = (float(v @ s) for s in (found.central, found.left, found.right))
        analytic = float(np.vdot(u, self.gradient))
        # Sums of independent errors: they grow with the root of the number of terms.
        terms = norm(v * found.central) + norm(u * self.gradient)
        size = norm(v * found.size) + self.size + step * norm(u * self.gradient)
        samples = (found.rounding, TO_ROUNDING * found.truncation)
        errors = [max(abs(float(smooth @ s)), norm(smooth * s)) for s in samples]
        allowed = self.rtol * (abs(numeric) + abs(analytic) + terms) + self.atol * norm(v * found.size)
        allowed += MEASURED * max(abs(float(np.vdot(u, self.change))), norm(u * self.change))
        return Measured(
            where, u, numeric, analytic, left, right, allowed + self.rounding * size,
            step * norm(np.array(errors)) / 2**0.5, EPS * size, step, found, kinked, terms,
        )  # fmt: skip

    def comparison(self, m: Measured, rounding: float, length: float = 1.0) -> Comparison:
        """Return the comparison along a direction, divided by its length."""
        numbers = (m.numeric, m.analytic, m.allowance(rounding), m.left, m.right)
        return Comparison(f"d <v, outputs> / d {self.label} {m.where}", *(number / length for number in numbers))

    def entries(self, rows: Array, change: Array) -> Comparison | None:
        """Return the worst entry of the Jacobian; None to skip it, if all entries are on kinks."""
        v = np.where(self.v == 0, 1, self.v)[:, None]
        rows, change = rows / v, np.abs(np.broadcast_to(change, rows.shape) / v)  # (outputs, inputs), like all that follow
        columns = [self.column(j, rows[:, j]) for j in range(self.x.size)]
        kinked = np.stack([c.kinked for c in columns], 1) & (self.v != 0)[:, None]
        numeric, left, right, size, steps, lengths = (
            np.stack([getattr(c, name) for c in columns], 1)
            for name in ("central", "left", "right", "size", "step", "length")
        )
        finite = np.isfinite(size)
        size = np.where(finite, size, 0)
        measured = np.where(kinked | ~finite, 0, np.stack([c.rounding for c in columns], 1))  # of the outputs
        typical = np.array([norm(row) for row in change])[:, None] / self.x.size**0.5
        change = MEASURED * np.maximum(change, typical)
        kinked &= ~(np.abs(right - left) <= change)  # where the sides differ by more than the rounding of the rule
        kept = np.full(kinked.shape, True)
        for j in map(int, np.flatnonzero(kinked.any(axis=0))):
            if self.skips(columns[j], kinked[:, j], index_text(self.x.shape, j)):
                kept = ~kinked
            else:
                numeric = np.where(kinked, np.clip(rows, np.minimum(left, right), np.maximum(left, right)), numeric)
        if not kept.any():
            return None
        # Few values depend on many entries: what all of them measure, relative to their sizes, counts for each.
        moved = (numeric != 0) | (measured != 0)
        relative = norm(measured / np.maximum(size, TINY)) / max(int(moved.sum()), 1) ** 0.5
        # The largest, not the mean square: an output that is zero but for rounding has few different values, often the same.
        own = measured.max(axis=1, keepdims=True)
        measured = np.maximum(np.maximum(own, measured / 2), max(relative, EPS) * size)
        allowed = self.rtol * (np.abs(numeric) + np.abs(rows)) + self.atol * size / lengths
        allowed += self.rounding * (size / lengths + np.abs(rows).max(axis=1, keepdims=True)) + MEASURED * measured / steps
        allowed += change + np.where(kinked, BRACKET * (np.abs(left) + np.abs(right)), 0)
        error = np.where(kept, np.abs(numeric - rows), -1)
        excess = np.where(error > 0, error / np.maximum(allowed, TINY), 0)
        wrong = excess > 1
        k, at = divmod(int(np.argmax(np.where(wrong, error, -1) if wrong.any() else excess)), self.x.size)
        self.report.compared += int(kept.sum()) - 1
        numbers = (float(part[k, at]) for part in (numeric, rows, allowed, left, right))
        return Comparison(f"d {self.output(k)} / d {self.label} {index_text(self.x.shape, at)}", *numbers)

    def column(self, j: int, row: Array) -> Column:
        """Return the slopes of all outputs along the j-th entry, each with the step that suits it best."""
        best: Column | None = None
        for moved, step in self.attempts(self.unit(j, max(1.0, abs(float(self.x.flat[j]))))):
            if step < self.step and best is not None and not best.kinked.any():
                break
            found = self.slopes(moved, step)
            new = Column.of(found, float(moved.flat[j]), step)
            if best is None:
                first, best = found, new
            else:
                better = ~new.kinked & (best.kinked | (new.noise < best.noise))
                best = Column(*(np.where(better, a, b) for a, b in zip(new, best, strict=True)))
            terms = np.abs(best.central) + np.abs(row)
            if not (best.kinked | ((best.noise > PRECISE * terms) & (terms > 0))).any():
                break
        assert best is not None
        if best.kinked.any() and step < self.step:
            last = Column.of(settled(first, found), float(moved.flat[j]), step)
            best = Column(*(np.where(best.kinked, a, b) for a, b in zip(last, best, strict=True)))
        return best

    def slopes(self, u: Array, step: float) -> Slopes:
        """Return the slopes of all outputs along u; raise GradcheckError if `linear_in` is not true of this input."""

        def at(t: float) -> Array:
            return self.call.value([a + t * u if n == self.i else a for n, a in enumerate(self.arrays)])

        moved = max(float(np.abs(a).max()) for a in (self.x, u))
        found = slopes(at, self.here, step, self.linear, moved, self.size / (norm(self.v) or 1.0))
        if self.linear and found.kinked.any():
            self.report.fail("linear_in", f"linear_in says that it is linear in {self.label}, but it is not")
            raise GradcheckError(self.report)
        return found

    def skips(self, found: Slopes | Column, kinked: Array, where: str) -> bool:
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
            f"{self.call.name}: {self.output(k)} has a kink, or leaves its domain, within {self.step:g} of {self.label} "
            f"{where}: its slope is {left:.6g} from the left and {right:.6g} from the right\n"
            '  hint: move the inputs away from it, take a smaller eps, or pass kinks="skip" or "bracket"'
        )

    def locate(self) -> tuple[str, Comparison | None]:
        """Return a description of how the gradient is wrong, and its worst entry; for a large input, some wrong entry."""
        if self.x.size > TRIED:
            return "", self.bisect()
        try:
            found = [self.entry(j) for j in range(self.x.size)]
        except NonDifferentiableError:  # at an entry, though not along the direction that failed
            return "", None
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
            errors: list[float] = []
            for half in halves:
                if max(errors, default=0) <= 1:  # neither half is known to be wrong
                    u = np.zeros(self.x.size)
                    u[half] = signed_vector(rng, half.size)
                    m = self.measure(u.reshape(self.x.shape), "")
                    errors.append(self.comparison(m, m.rounding).excess if m else 0.0)
            where = halves[int(np.argmax(errors))]
        return self.entry(int(where[0]))

    def entry(self, j: int) -> Comparison | None:
        """Compare the j-th entry of the gradient."""
        m = self.measure(self.unit(j, max(1.0, abs(float(self.x.flat[j])))), index_text(self.x.shape, j))
        return None if m is None else self.comparison(m, m.rounding, float(m.direction.flat[j]))

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
