"""Plots of numbers: lines over a number, and a function of two numbers with the paths of optimizers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad.arrays import Array, array_of
from minigrad.errors import ShapeError
from minigrad.viz.palette import LIGHT
from minigrad.viz.style import BLUE, INK, MARGIN, ORANGE, SMALL, SOFT, data_axes, head, new_figure, place

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["landscape", "lines"]

WIDTH, HEIGHT, LETTER = 3.8, 2.7, 0.078  # inches: of the panel, and of a letter in the names on its right
COLORS = (BLUE, ORANGE, "#007a59", "#8e6bbf", SOFT)  # Okabe and Ito (2008), darkened to be legible as text
ROOM = 0.075  # least distance of two names, as a share of the panel's height


def lines(
    x: Any, series: Mapping[str, Any], *, points: tuple[Any, Any] | None = None, log: bool = False, title: str = ""
) -> Figure:
    """Plot up to five lines over the same numbers, each named at its end.

    x          the numbers (n,)
    series     the values (n,) of each line, by name
    points     numbers and values of data, drawn as dots
    log        whether the values are on a logarithmic scale

    Raises ShapeError for a line that has not the shape of `x`, ValueError for more lines than there are colors.

    >>> x = np.linspace(-1, 1, 5)
    >>> lines(x, {"x": x, "x squared": x**2}).axes[0].get_lines()[1].get_label()
    'x squared'
    """
    if not 0 < len(series) <= len(COLORS):
        raise ValueError(f"lines: draws 1 to {len(COLORS)} lines, got {len(series)}")
    numbers, values = array_of(x), {name: array_of(line) for name, line in series.items()}
    for name, line in values.items():
        if numbers.ndim != 1 or line.shape != numbers.shape:
            raise ShapeError(f"lines: {name!r} has shape {line.shape}, x has {numbers.shape}; both must be (n,)")
    axes = _panel(title, values)
    if points is not None:
        axes.plot(*map(array_of, points), "o", color=INK, markersize=2.5, alpha=0.5)
    if log:
        axes.set_yscale("log")
    for (name, line), color in zip(values.items(), COLORS, strict=False):
        axes.plot(numbers, line, color=color, linewidth=1.8, solid_capstyle="round", label=name)
    axes.margins(x=0.02)
    axes.autoscale_view()
    to_panel, lowest = axes.transData + axes.transAxes.inverted(), -np.inf
    ends = {name: float(to_panel.transform((0, line[-1]))[1]) for name, line in values.items()}
    colors = dict(zip(values, COLORS, strict=False))
    for name in sorted(ends, key=lambda name: ends[name]):  # names that would overlap are moved apart
        lowest = max(ends[name], lowest + ROOM)
        look: dict[str, Any] = {"fontsize": SMALL, "color": colors[name], "va": "center", "parse_math": False}
        axes.text(1.03, lowest, name, transform=axes.transAxes, **look)
    return axes.figure  # type: ignore[return-value]


def landscape(
    f: Callable[[Array], Any], x: tuple[float, float], y: tuple[float, float], *,
    paths: Mapping[str, Sequence[Any]] | None = None, title: str = "",
) -> Figure:  # fmt: skip
    """Plot the level lines of a function of two numbers, and the paths of points that search its minimum.

    f          a function of an array (2, ...) of points, elementwise in all but the first axis
    x, y       the ranges of the two numbers
    paths      the points (n, 2) of each path, by name; their last points are marked

    Levels are closer to each other where the function is small.

    >>> figure = landscape(lambda p: p[0] ** 2 + p[1] ** 2, (-1, 1), (-1, 1), paths={"Newton": [(1, 1), (0, 0)]})
    >>> figure.axes[0].get_lines()[0].get_label()
    'Newton'
    """
    axes = _panel(title, paths or {}, 0.35)
    across, up = np.linspace(*x, 161), np.linspace(*y, 121)
    height = array_of(f(np.stack(np.meshgrid(across, up))))
    levels = height.min() + np.ptp(height) * np.linspace(0.02, 1, 14) ** 3
    axes.contour(across, up, height, levels, colors=LIGHT["card-line"], linewidths=0.8)
    axes.grid(False)
    for (name, path), color in zip((paths or {}).items(), COLORS, strict=False):
        points = np.stack([array_of(point) for point in path])
        axes.plot(*points.T, "o-", color=color, linewidth=1.3, markersize=2.5, label=name)
        axes.plot(*points[-1], "o", color=color, markersize=6, markeredgecolor="white")
    axes.set(xlim=x, ylim=y)
    if paths:
        look: dict[str, Any] = {"loc": "upper left", "frameon": False, "fontsize": SMALL, "labelcolor": INK}
        axes.legend(bbox_to_anchor=(1.0, 1.02), borderaxespad=0, handlelength=1.2, **look)
    return axes.figure  # type: ignore[return-value]


def _panel(title: str, names: Iterable[str], beside: float = 0.15) -> Axes:
    """Return axes in a new figure, with room for the names on their right, which begin `beside` inches from them."""
    top = MARGIN + (0.42 if title else 0.0)  # as `head` returns it
    room = beside + LETTER * max(map(len, names), default=0)
    figure = new_figure(MARGIN + 0.3 + WIDTH + room + 0.1, top + HEIGHT + 0.45)
    if title:
        head(figure, title)
    axes = place(figure, MARGIN + 0.3, top, WIDTH, HEIGHT)
    data_axes(axes)
    return axes
