"""The style of matplotlib pictures: color-blind-safe colors (Okabe and Ito, 2008), sizes of type, tiles.

Nothing here touches pyplot or global settings. A picture is laid out in inches from its upper left corner.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad.arrays import Array
from minigrad.viz.palette import LIGHT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

INK, SOFT, LINE, PAPER = (LIGHT[name] for name in ("ink", "soft", "box-line", "paper"))
BLUE, ORANGE = (
    LIGHT["input-line"],
    LIGHT["fault-line"],
)  # Okabe and Ito (2008); orange darkened so that it is legible as text
TITLE, TEXT, SMALL = 13, 10, 8.5  # points
MARGIN = 0.35  # inches
TILE = 0.85  # inches: the side of a small image


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of `width` by `height` inches that pyplot does not manage."""
    try:
        from minigrad.viz.figure import Standalone
    except ImportError as error:
        if error.name is None or not error.name.startswith("matplotlib"):
            raise
        raise ImportError("pictures need matplotlib\n  hint: pip install matplotlib", name=error.name) from None
    return Standalone(figsize=(width, height), facecolor=PAPER, dpi=150)


def place(figure: Figure, x: float, y: float, width: float, height: float) -> Axes:
    """Add axes of that size, their upper left corner `x` and `y` inches from the figure's."""
    w, h = figure.get_size_inches()
    return figure.add_axes((x / w, 1 - (y + height) / h, width / w, height / h))


def write(figure: Figure, x: float, y: float, text: str, size: float = TEXT, color: str = INK, **options: Any) -> None:
    """Write text with its upper left corner, unless aligned otherwise, at `x` and `y` inches; a dollar sign is literal."""
    w, h = figure.get_size_inches()
    look: dict[str, Any] = {"fontsize": size, "color": color, "va": "top", "ha": "left", "parse_math": False}
    figure.text(x / w, 1 - y / h, text, **look | options)


def head(figure: Figure, title: str, remark: str = "") -> float:
    """Write a title with a remark below it; return the height in inches at which the content can begin."""
    write(figure, MARGIN, MARGIN, title, TITLE, fontweight="bold")
    if remark:
        write(figure, MARGIN, MARGIN + 0.27, remark, TEXT, SOFT)
    return MARGIN + (0.68 if remark else 0.42)


def data_axes(axes: Axes) -> None:
    """Style axes for data: two light lines, a faint grid to read values from, nothing else."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(LINE)
    axes.set_facecolor(PAPER)
    axes.set_axisbelow(True)
    axes.grid(True, axis="y", color=LINE, linewidth=0.6)
    axes.tick_params(which="both", colors=SOFT, labelcolor=SOFT, labelsize=SMALL, length=0)


def show_image(axes: Axes, image: Array, colors: Any = "gray_r", low: float | None = None, high: float | None = None) -> Any:
    """Show an image without axes, its pixels not smoothed; NaN is transparent."""
    axes.set_axis_off()
    if image.ndim == 3:
        axes.figure.photographs = True  # type: ignore[union-attr]
    return axes.imshow(image, cmap=colors, vmin=low, vmax=high, interpolation="nearest", aspect="auto")


def framed_image(
    figure: Figure, x: float, y: float, image: Array, low: float, high: float, frame: str = LINE, colors: Any = "gray_r",
    width: float = TILE, height: float = TILE,
) -> Axes:  # fmt: skip
    """Add an image of that size, in inches, with a line of color `frame` around it."""
    from matplotlib.patches import Rectangle

    axes = place(figure, x, y, width, height)
    show_image(axes, image, colors, low, high)
    line: dict[str, Any] = {"clip_on": False, "fill": False, "edgecolor": frame, "linewidth": 1.2}
    axes.add_patch(Rectangle((0, 0), 1, 1, transform=axes.transAxes, **line))
    return axes


@functools.cache
def diverging() -> Colormap:
    """Return a colormap with blue for negative, white for zero and orange for positive values."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("minigrad", ["#00446f", BLUE, "#f7f7f7", "#d9650f", "#8a2f00"])


def columns_for(n: int) -> int:
    """Return the number of columns for n tiles: between a square and twice as wide as high, with the fewest empty places.

    >>> columns_for(30), columns_for(64), columns_for(7)
    (6, 8, 4)
    """
    return min(range(math.ceil(math.sqrt(n)), math.ceil(math.sqrt(2 * n)) + 1), key=lambda columns: -n % columns)


def mosaic(tiles: Array, columns: int, gap: float = 0.4, zoom: int = 10) -> Array:
    """Return images (n, H, W) or (n, H, W, 3) in rows of `columns`, each pixel `zoom` wide, with gaps of NaN in between.

    `gap` is the width of a gap in pixels of the images.

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
