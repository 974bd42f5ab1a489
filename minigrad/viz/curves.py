"""How a training went: loss and accuracy by epoch."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minigrad.errors import DatasetFileError
from minigrad.viz.style import BLUE, INK, MARGIN, ORANGE, SMALL, SOFT, TEXT, head, new_figure, place, plain, write

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["curves"]

WIDTH, HEIGHT, BETWEEN = 3.6, 2.6, 1.35  # inches: of a panel, and between the two
COLUMNS = ("epoch", "loss", "acc", "val_loss", "val_acc")  # of a history, those that are drawn
LARGEST = 1e100  # value that is drawn
LOGARITHMIC = 20  # a loss that falls by more than this factor is drawn on a logarithmic scale


def curves(history: Any) -> Figure:
    """Loss and accuracy by epoch, in training and in test.

    `history` is a Trainer, its `history`, or the `history.csv` of a run. Raises ValueError where no epoch has ended.

    >>> epochs = [{"epoch": 1, "loss": 2.1, "acc": 0.4, "val_loss": 2.2, "val_acc": 0.3}]
    >>> [axes.get_title(loc="left") for axes in curves(epochs).axes]
    ['loss', 'accuracy in %']
    """
    rows = _rows(history)
    if not rows:
        raise ValueError("curves: the history is empty: no epoch has ended")
    last, best = rows[-1], max(rows, key=lambda row: row["val_acc"])
    figure = new_figure(2 * MARGIN + 0.35 + 2 * WIDTH + BETWEEN + 0.85, 4.65)
    n = len(rows)
    top = head(
        figure,
        f"{n} epoch{'s' * (n > 1)}: {100 * last['val_acc']:.1f} % in test",
        f"{100 * last['acc']:.1f} % in training; best in test {100 * best['val_acc']:.1f} %, in epoch {best['epoch']:.0f}",
    )
    left = MARGIN + 0.35
    loss = place(figure, left, top + 0.3, WIDTH, HEIGHT)
    accuracy = place(figure, left + WIDTH + BETWEEN, top + 0.3, WIDTH, HEIGHT)
    losses = [row[name] for row in rows for name in ("loss", "val_loss")]
    if min(losses) > 0 and max(losses) > LOGARITHMIC * min(losses):
        loss.set_yscale("log")
    _panel(loss, rows, ("loss", "val_loss"), "loss", "{:.3g}", 1)
    _panel(accuracy, rows, ("acc", "val_acc"), "accuracy in %", "{:.1f} %", 100)
    accuracy.plot(
        [best["epoch"]], [100 * best["val_acc"]], "o", color=ORANGE, markersize=5, markeredgecolor="white", zorder=4
    )
    write(figure, left + WIDTH, top + 0.3 + HEIGHT + 0.32, "epoch", SMALL, SOFT, ha="right")
    write(figure, left + 2 * WIDTH + BETWEEN, top + 0.3 + HEIGHT + 0.32, "epoch", SMALL, SOFT, ha="right")
    return figure


def _panel(axes: Axes, rows: list[dict[str, float]], names: Sequence[str], title: str, form: str, factor: float) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator

    plain(axes)
    axes.set_title(title, loc="left", fontsize=TEXT, color=INK, pad=10)
    epochs = [row["epoch"] for row in rows]
    series = [[factor * row[name] for row in rows] for name in names]
    marker = "o" if len(rows) == 1 else None
    for values, colour in zip(series, (BLUE, ORANGE), strict=True):
        axes.plot(epochs, values, color=colour, linewidth=1.8, solid_capstyle="round", marker=marker)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    if axes.get_yscale() == "log":
        axes.yaxis.set_major_locator(LogLocator(10, (1, 3)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_locator(LogLocator(10, ()))
    else:
        axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.margins(x=0.02)
    axes.autoscale_view()
    # Each line is named at its end; where the ends meet, the names make room.
    places = [float(axes.transAxes.inverted().transform(axes.transData.transform((0, v[-1])))[1]) for v in series]
    room = 0.12
    if abs(places[0] - places[1]) < room:
        middle, sign = sum(places) / 2, 1 if places[0] >= places[1] else -1
        places = [middle + sign * room / 2, middle - sign * room / 2]
    for name, values, y, colour in zip(("training", "test"), series, places, (BLUE, ORANGE), strict=True):
        text = f"{name}\n{form.format(values[-1])}"
        options: dict[str, Any] = {"transform": axes.transAxes, "va": "center", "fontsize": SMALL, "color": colour}
        axes.text(1.03, y, text, linespacing=1.25, **options)


def _rows(history: Any) -> list[dict[str, float]]:
    """One dict of numbers for each epoch."""
    if isinstance(history, str | Path):
        try:
            with Path(history).open(encoding="utf-8", newline="") as file:
                return [{name: _value(row[name]) for name in COLUMNS} for row in csv.DictReader(file)]
        except (ValueError, KeyError, TypeError, csv.Error) as error:
            raise DatasetFileError(f"{history}: not the history of a run: {error!r}") from None
    epochs = getattr(history, "history", history)
    return [dict(epoch) if isinstance(epoch, Mapping) else epoch._asdict() for epoch in epochs]


def _value(text: str) -> float:
    value = float(text)
    if not abs(value) < LARGEST:
        raise ValueError(f"{text} is no value of a history")
    return value
