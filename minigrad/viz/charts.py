"""The curves of a training, loss and accuracy by epoch; and line charts as SVG text, colored by the page around them."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from minigrad.errors import DatasetFileError

__all__ = ["Chart", "history_rows", "line_chart", "loss_and_accuracy"]

COLUMNS = ("epoch", "loss", "acc", "val_loss", "val_acc")  # of a history, those that are drawn
MOST = 1e100  # largest value that is drawn
LOGARITHMIC = 20  # a loss that falls by more than this factor is drawn on a logarithmic scale

WIDTH, HEIGHT = 520, 250
LEFT, RIGHT, TOP, BOTTOM = 46, 104, 14, 26
GAP = 15  # between two names at the right end


class Chart(NamedTuple):
    """Lines over epochs; a logarithmic scale if `log`."""

    title: str
    epochs: Sequence[float]
    series: Mapping[str, Sequence[float]]
    log: bool = False


def history_rows(history: Any) -> list[dict[str, float]]:
    """Return the numbers of each epoch of a history, a Trainer, or the path of a `history.csv`.

    Raises DatasetFileError for a file that is not the history of a run.
    """
    if isinstance(history, str | Path):
        try:
            with Path(history).open(encoding="utf-8", newline="") as file:
                return [{name: _number(row[name]) for name in COLUMNS} for row in csv.DictReader(file)]
        except (ValueError, KeyError, TypeError, csv.Error) as error:
            raise DatasetFileError(f"{history}: not the history of a run: {error!r}") from None
    epochs = getattr(history, "history", history)
    return [dict(epoch) if isinstance(epoch, Mapping) else epoch._asdict() for epoch in epochs]


def loss_and_accuracy(rows: Sequence[Mapping[str, float]], held_out: str) -> tuple[Chart, Chart]:
    """Return the two charts of a training: losses, and accuracies in %, in training and on the held-out images."""
    epochs = [row["epoch"] for row in rows]
    losses = {"training": [row["loss"] for row in rows], held_out: [row["val_loss"] for row in rows]}
    accuracies = {"training": [100 * row["acc"] for row in rows], held_out: [100 * row["val_acc"] for row in rows]}
    least, most = (f(value for values in losses.values() for value in values) for f in (min, max))
    log = least > 0 and most > LOGARITHMIC * least
    return Chart("loss", epochs, losses, log), Chart("accuracy in %", epochs, accuracies)


def line_chart(chart: Chart, form: Callable[[float], str]) -> str:
    """Draw a chart as SVG, with the name of each line at its end; `form` writes a value.

    Values that are not finite, or not positive on a logarithmic scale, leave a gap; all appear under the pointer.

    >>> line_chart(Chart("", [1, 2], {"loss": [2.0, 1.0]}), str).count("<path")
    1
    """
    _, epochs, series, log = chart
    scaled = {name: [_scaled(value, log) for value in values] for name, values in series.items()}
    low, high, ticks = _range([v for values in scaled.values() for v in values if v is not None], log)
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
    for tick in _whole_ticks(int(first), int(last)):
        parts.append(f'<text class="tick" x="{across(tick)}" y="{HEIGHT - 6}" text-anchor="middle">{tick}</text>')
    xs = [across(epoch) for epoch in epochs]
    heights = {name: [None if v is None else down(v) for v in values] for name, values in scaled.items()}
    for i, ys in enumerate(heights.values()):
        parts.append(f'<path class="line s{i}" d="{_path(zip(xs, ys, strict=True))}"/>')
    ends = {name: [y for y in ys if y is not None][-1:] for name, ys in heights.items()}
    for name, y in _apart({name: end[0] for name, end in ends.items() if end}).items():
        i = list(series).index(name)
        parts.append(f'<text class="name s{i}" x="{WIDTH - RIGHT + 8}" y="{y + 4}">{escape(name)}</text>')
    colors = {name: i for i, name in enumerate(series)}
    borders = pairwise([LEFT, *((a + b) / 2 for a, b in pairwise(xs)), WIDTH - RIGHT])
    for k, (epoch, x, (before, after)) in enumerate(zip(epochs, xs, borders, strict=True)):  # shown under the pointer
        text = f"epoch {epoch}: " + ", ".join(f"{name} {form(values[k])}" for name, values in series.items())
        parts.append(
            f'<g class="at"><rect x="{before:.1f}" y="0" width="{max(after - before, 0):.1f}" height="{HEIGHT - BOTTOM}"/>'
            f'<line x1="{x}" x2="{x}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>'
        )
        side, anchor = (6, "start") if k < len(xs) / 2 else (-6, "end")
        drawn: dict[str, Any] = {name: ys[k] for name, ys in heights.items() if ys[k] is not None}
        parts += [f'<circle class="s{colors[name]}" cx="{x}" cy="{y}" r="3"/>' for name, y in drawn.items()]
        for name, y in _apart(drawn).items():
            at, value = f'x="{x + side:.1f}" y="{y - 5:.1f}" text-anchor="{anchor}"', escape(form(series[name][k]))
            parts.append(f'<text class="value s{colors[name]}" {at}>{value}</text>')
        parts.append(f"<title>{escape(text)}</title></g>")
    return "".join([*parts, "</svg>"])


def _number(text: str) -> float:
    value = float(text)
    if not abs(value) < MOST:
        raise ValueError(f"{text} is no value of a history")
    return value


def _scaled(value: float, log: bool) -> float | None:
    if not math.isfinite(value) or (log and value <= 0):
        return None
    return math.log10(value) if log else value


def _range(values: Sequence[float], log: bool) -> tuple[float, float, list[float]]:
    """Return the lower and the upper end of a scale, and its ticks."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if low == high:
        low, high = low - 0.5, high + 0.5
    ticks = _ticks(low, high, log)
    return (low, high, ticks) if log else (min(low, ticks[0]), max(high, ticks[-1]), ticks)


def _ticks(low: float, high: float, log: bool) -> list[float]:
    """Return about four round values between the two, or just beyond; on a logarithmic scale 1 and 3 times powers of ten."""
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
    """Return about eight epochs, the first one among them or close to one of them."""
    step = max(1, math.ceil((last - first) / 8))
    step = next((n for n in (1, 2, 5, 10, 20, 50, 100, 200, 500) if n >= step), step)
    whole = list(range(-(-first // step) * step, last + 1, step))
    return whole if whole and whole[0] - first < step / 2 else [first, *whole]


def _path(points: Iterable[tuple[float, float | None]]) -> str:
    """Return a line through points as the path of an SVG, with a gap for each y that is None."""
    parts, pen = [], "M"
    for x, y in points:
        if y is not None:
            parts.append(f"{pen}{x},{y}")
        pen = "M" if y is None else "L"
    return "".join(parts)


def _apart(places: Mapping[str, float]) -> dict[str, float]:
    """Move names until none covers another."""
    out: dict[str, float] = {}
    lowest = TOP + 0.0
    for name in sorted(places, key=lambda name: places[name]):
        out[name] = lowest = max(places[name], lowest)
        lowest += GAP
    excess = max(0.0, lowest - GAP - (HEIGHT - BOTTOM))
    return {name: y - excess for name, y in out.items()}
