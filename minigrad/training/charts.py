"""Line charts as SVG text, coloured by the page that they stand in, with values that appear under the pointer."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape

__all__ = ["line_chart"]

WIDTH, HEIGHT = 520, 250
LEFT, RIGHT, TOP, BOTTOM = 46, 104, 14, 26
GAP = 15  # between two names at the right end


def line_chart(
    epochs: Sequence[int], series: Mapping[str, Sequence[float]], form: Callable[[float], str], log: bool = False
) -> str:
    """Lines over epochs, each named at its end; `form` writes a value. With `log` the scale is logarithmic.

    Values that are not finite, or not positive on a logarithmic scale, leave a gap.

    >>> line_chart([1, 2], {"loss": [2.0, 1.0]}, str).count("<path")
    1
    """
    shown = {name: [_scaled(v, log) for v in values] for name, values in series.items()}
    finite = [v for values in shown.values() for v in values if v is not None]
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    if low == high:
        low, high = low - 0.5, high + 0.5
    ticks = _ticks(low, high, log)
    if not log:
        low, high = min(low, ticks[0]), max(high, ticks[-1])
    first, last = epochs[0], max(epochs[-1], epochs[0] + 1)

    def across(epoch: float) -> float:
        return round(LEFT + (epoch - first) / (last - first) * (WIDTH - LEFT - RIGHT), 1)

    def down(value: float) -> float:
        return round(TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM), 1)

    parts = [f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">']
    for tick in ticks:
        text, y = form(10**tick if log else tick), down(tick)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text class="tick" x="{LEFT - 7}" y="{y + 4}" text-anchor="end">{escape(text)}</text>')
    for epoch in _whole_ticks(first, last):
        parts.append(f'<text class="tick" x="{across(epoch)}" y="{HEIGHT - 6}" text-anchor="middle">{epoch}</text>')
    for i, values in enumerate(shown.values()):
        points, pen = [], "M"
        for epoch, value in zip(epochs, values, strict=True):
            if value is None:
                pen = "M"
            else:
                points.append(f"{pen}{across(epoch)},{down(value)}")
                pen = "L"
        parts.append(f'<path class="line s{i}" d="{"".join(points)}"/>')
    ends = {name: next((down(v) for v in reversed(values) if v is not None), None) for name, values in shown.items()}
    for name, y in _apart({name: y for name, y in ends.items() if y is not None}).items():
        i = list(series).index(name)
        parts.append(f'<text class="name s{i}" x="{WIDTH - RIGHT + 8}" y="{y + 4}">{escape(name)}</text>')
    for k, epoch in enumerate(epochs):
        parts.append(_pointer(k, epoch, epochs, across, series, form))
    return "".join([*parts, "</svg>"])


def _pointer(
    k: int,
    epoch: int,
    epochs: Sequence[int],
    across: Callable[[float], float],
    series: Mapping[str, Sequence[float]],
    form: Callable[[float], str],
) -> str:
    """What appears while the pointer is at an epoch: a rule, and the values."""
    x = across(epoch)
    before = (across(epochs[k - 1]) + x) / 2 if k else LEFT
    after = (across(epochs[k + 1]) + x) / 2 if k + 1 < len(epochs) else WIDTH - RIGHT
    text = f"epoch {epoch}: " + ", ".join(f"{name} {form(values[k])}" for name, values in series.items())
    return (
        f'<g class="at"><rect x="{before:.1f}" y="0" width="{max(after - before, 0):.1f}" height="{HEIGHT - BOTTOM}"/>'
        f'<line x1="{x}" x2="{x}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/><title>{escape(text)}</title></g>'
    )


def _scaled(value: float, log: bool) -> float | None:
    if not math.isfinite(value) or (log and value <= 0):
        return None
    return math.log10(value) if log else value


def _ticks(low: float, high: float, log: bool) -> list[float]:
    """About four round values between the two, or just beyond; on a logarithmic scale powers of ten, and 3 times those."""
    if log:
        steps = [math.log10(m) + e for e in range(math.floor(low), math.ceil(high) + 1) for m in (1, 3)]
        inside = [tick for tick in steps if low <= tick <= high]
        whole = [tick for tick in inside if tick == round(tick)]
        chosen = whole if len(whole) >= 3 else inside
        return chosen[:: math.ceil(len(chosen) / 6) or 1]
    step = 10 ** math.floor(math.log10((high - low) / 4))
    step = next(step * m for m in (1, 2, 5, 10) if (high - low) / (step * m) <= 5)
    return [i * step for i in range(math.ceil(low / step - 0.3), math.floor(high / step + 0.3) + 1)]


def _whole_ticks(first: int, last: int) -> list[int]:
    step = max(1, math.ceil((last - first) / 8))
    step = next((n for n in (1, 2, 5, 10, 20, 50, 100, 200, 500) if n >= step), step)
    whole = list(range(-(-first // step) * step, last + 1, step))
    return whole if whole and whole[0] - first < step / 2 else [first, *whole]


def _apart(places: Mapping[str, float]) -> dict[str, float]:
    """The places of names, moved until none covers another."""
    order = sorted(places, key=lambda name: places[name])
    out: dict[str, float] = {}
    lowest = TOP + 0.0
    for name in order:
        out[name] = lowest = max(places[name], lowest)
        lowest += GAP
    excess = max(0.0, lowest - GAP - (HEIGHT - BOTTOM))
    return {name: y - excess for name, y in out.items()}
