"""Loss and accuracy of a training by epoch, as a matplotlib Figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minigrad.viz.charts import Chart, history_rows, loss_and_accuracy
from minigrad.viz.style import BLUE, INK, MARGIN, ORANGE, SMALL, SOFT, TEXT, data_axes, head, new_figure, place, write

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["curves"]

WIDTH, HEIGHT, BETWEEN = 3.6, 2.6, 1.35  # inches: of a panel, and between the two
ROOM = 0.12  # least distance of two names at the ends of lines, as a share of the panel's height


def curves(history: Any, *, held_out: str = "test") -> Figure:
    """Plot loss and accuracy by epoch, in training and on held-out images.

    history     a Trainer, its `history`, or the `history.csv` of a run
    held_out    what the held-out images are for: "test", or "validation", whose best epoch is marked; the best of many
                epochs on test images would be better than the network is

    Raises ValueError where no epoch has ended.

    >>> epochs = [{"epoch": 1, "loss": 2.1, "acc": 0.4, "val_loss": 2.2, "val_acc": 0.3}]
    >>> [axes.get_title(loc="left") for axes in curves(epochs).axes]
    ['loss', 'accuracy in %']
    """
    rows = history_rows(history)
    if not rows:
        raise ValueError("curves: the history is empty: no epoch has ended")
    last, best = rows[-1], max(rows, key=lambda row: (row["val_acc"], -row["val_loss"]))
    figure = new_figure(2 * MARGIN + 0.35 + 2 * WIDTH + BETWEEN + 0.85, 4.65)
    n, marked = len(rows), f"; best in validation {100 * best['val_acc']:.1f} %, in epoch {best['epoch']:.0f}"
    top = head(
        figure,
        f"{n} epoch{'s' * (n > 1)}: {100 * last['val_acc']:.1f} % in {held_out}",
        f"{100 * last['acc']:.1f} % in training" + (marked if held_out == "validation" else ""),
    )
    for i, (chart, form) in enumerate(zip(loss_and_accuracy(rows, held_out), ("{:.3g}", "{:.1f} %"), strict=True)):
        left = MARGIN + 0.35 + i * (WIDTH + BETWEEN)
        axes = place(figure, left, top + 0.3, WIDTH, HEIGHT)
        _panel(axes, chart, form)
        write(figure, left + WIDTH, top + 0.3 + HEIGHT + 0.32, "epoch", SMALL, SOFT, ha="right")
    point: dict[str, Any] = {"color": ORANGE, "markersize": 5, "markeredgecolor": "white", "zorder": 4}
    if held_out == "validation":
        axes.plot([best["epoch"]], [100 * best["val_acc"]], "o", **point)
    return figure


def _panel(axes: Axes, chart: Chart, form: str) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator

    data_axes(axes)
    axes.set_title(chart.title, loc="left", fontsize=TEXT, color=INK, pad=10)
    if chart.log:
        axes.set_yscale("log")
    marker = "o" if len(chart.epochs) == 1 else None
    for values, color in zip(chart.series.values(), (BLUE, ORANGE), strict=True):
        axes.plot(chart.epochs, values, color=color, linewidth=1.8, solid_capstyle="round", marker=marker)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    if chart.log:
        axes.yaxis.set_major_locator(LogLocator(10, (1, 3)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_locator(LogLocator(10, ()))
    else:
        axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.margins(x=0.02)
    axes.autoscale_view()
    # Each line is named at its end; names that would overlap are moved apart.
    to_panel = axes.transData + axes.transAxes.inverted()
    places = [float(to_panel.transform((0, values[-1]))[1]) for values in chart.series.values()]
    if abs(places[0] - places[1]) < ROOM:
        middle, sign = sum(places) / 2, 1 if places[0] >= places[1] else -1
        places = [middle + sign * ROOM / 2, middle - sign * ROOM / 2]
    look: dict[str, Any] = {"transform": axes.transAxes, "va": "center", "fontsize": SMALL, "linespacing": 1.25}
    for (name, values), y, color in zip(chart.series.items(), places, (BLUE, ORANGE), strict=True):
        axes.text(1.03, y, f"{name}\n{form.format(values[-1])}", color=color, **look)
