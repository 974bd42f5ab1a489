"""How pictures look: colours that a colour-blind reader tells apart, one size of type for each purpose, and tiles.

Nothing here touches pyplot or anybody's settings. A picture is laid out in inches from its upper left corner.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad.arrays import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

INK, SOFT, LINE, PAPER = "#1d2530", "#5d6878", "#d9dfe7", "#ffffff"
BLUE, ORANGE, GREEN = "#0072b2", "#c84c00", "#007a59"  # Okabe and Ito (2008), darkened until they can be read as text
TITLE, TEXT, SMALL = 13, 10, 8.5  # points
MARGIN = 0.35  # inches


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of `width` by `height` inches that belongs to nobody but the caller."""
    try:
        from minigrad.viz.figure import Standalone
    except ImportError as error:
        if error.name is None or not error.name.startswith("matplotlib"):
            raise
        raise ImportError("pictures need matplotlib\n  hint: pip install minigrad[plot]", name=error.name) from None
    return Standalone(figsize=(width, height), facecolor=PAPER, dpi=150)


def place(figure: Figure, x: float, y: float, width: float, height: float) -> Axes:
    """Axes of that size, their upper left corner `x` and `y` inches from the figure's."""
    w, h = figure.get_size_inches()
    return figure.add_axes((x / w, 1 - (y + height) / h, width / w, height / h))


def write(figure: Figure, x: float, y: float, text: str, size: float = TEXT, colour: str = INK, **options: Any) -> None:
    """Text whose upper left corner, unless aligned otherwise, is at `x` and `y` inches; a dollar in it is a dollar."""
    w, h = figure.get_size_inches()
    look: dict[str, Any] = {"fontsize": size, "color": colour, "va": "top", "ha": "left", "parse_math": False}
    figure.text(x / w, 1 - y / h, text, **look | options)


def head(figure: Figure, title: str, remark: str = "") -> float:
    """A title with a remark below it; gives the height in inches at which the picture proper can begin."""
    write(figure, MARGIN, MARGIN, title, TITLE, fontweight="bold")
    if remark:
        write(figure, MARGIN, MARGIN + 0.27, remark, TEXT, SOFT)
    return MARGIN + (0.68 if remark else 0.42)


def plain(axes: Axes) -> None:
    """Axes for data: two quiet lines, a faint grid to read values from, nothing else."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(LINE)
    axes.set_facecolor(PAPER)
    axes.set_axisbelow(True)
    axes.grid(True, axis="y", color=LINE, linewidth=0.6)
    axes.tick_params(which="both", colors=SOFT, labelcolor=SOFT, labelsize=SMALL, length=0)


def show_image(
    axes: Axes, image: Array, colours: Any = "gray_r", low: float | None = None, high: float | None = None
) -> Any:
    """An image without axes, its pixels as they are; what is NaN is left out."""
    axes.set_axis_off()
    return axes.imshow(image, cmap=colours, vmin=low, vmax=high, interpolation="nearest", aspect="auto")


def frame(axes: Axes, colour: str) -> None:
    """A line around an image."""
    from matplotlib.patches import Rectangle

    line = Rectangle((0, 0), 1, 1, transform=axes.transAxes, clip_on=False, fill=False, edgecolor=colour, linewidth=1.2)
    axes.add_patch(line)


@functools.cache
def diverging() -> Colormap:
    """Blue for what is negative, white for zero, orange for what is positive."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("minigrad", ["#00446f", BLUE, "#f7f7f7", "#d9650f", "#8a2f00"])


def columns_for(n: int) -> int:
    """Into how many columns n tiles go: between a square and twice as wide as high, with the fewest places left empty.

    >>> columns_for(30), columns_for(64), columns_for(7)
    (6, 8, 4)
    """
    return min(range(math.ceil(math.sqrt(n)), math.ceil(math.sqrt(2 * n)) + 1), key=lambda columns: -n % columns)


def mosaic(tiles: Array, columns: int, gap: float = 0.4, zoom: int = 10) -> Array:
    """Images (n, H, W) or (n, H, W, 3) in rows of so many columns, each pixel `zoom` wide, with gaps of NaN between them.

    >>> mosaic(np.ones((3, 2, 2)), columns=2, zoom=1, gap=1).shape
    (5, 5)
    """
    n, H, W = tiles.shape[:3]
    space, rows = round(gap * zoom), math.ceil(n / columns)
    height, width = H * zoom + space, W * zoom + space
    out = np.full((rows * height - space, columns * width - space, *tiles.shape[3:]), np.nan)
    for i, tile in enumerate(tiles):
        y, x = i // columns * height, i % columns * width
        out[y : y + H * zoom, x : x + W * zoom] = tile.repeat(zoom, 0).repeat(zoom, 1)
    return out
