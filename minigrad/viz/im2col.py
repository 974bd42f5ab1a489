"""im2col as a picture: the windows of images as the rows of a matrix, and convolution as one product."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from minigrad.arrays import Array
from minigrad.errors import ShapeError
from minigrad.kernels.geometry import both_sides, output_sizes, per_axis
from minigrad.viz.palette import LIGHT
from minigrad.viz.style import BLUE, INK, LINE, MARGIN, ORANGE, PAPER, SMALL, SOFT, TEXT, head, new_figure, place

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["WindowProduct", "im2col", "window_product"]

GREEN = LIGHT["parameter-line"]
WIDE, LEAST, NARROW, GAP = 3.9, 2.2, 1.15, 0.25  # inches: the room for the columns, for the filters, between the two
CELL, LINED, THIN = 0.17, 0.035, 0.025  # inches: the largest cell, the smallest with lines around it, the thinnest mark
TALL, IMAGE, LABEL = 2.4, 1.8, 0.44  # inches: the most for the columns, and for an image; the room for a label of two lines
CHANNELS = 3  # of an image or a filter, at most that many are drawn


def im2col(
    shape: Sequence[int], kernel_size: Any, stride: Any = 1, padding: Any = 0, *, out_channels: int = 1,
    window: tuple[int, int, int] = (0, 0, 0),
) -> Figure:  # fmt: skip
    """Draw a convolution as a product of matrices, with one window, one filter and their product in color.

    shape         the shape (N, C, H, W) of the images
    kernel_size   of the windows, an int or a pair (KH, KW), like `stride` and `padding`; see `conv2d`
    out_channels  the number of filters; the first is in blue
    window        (n, oh, ow), the place of the window in orange

    The window is a row of the columns, the filter a column of the filter matrix; the green cell of their product is that of
    the output. The darker an orange cell, the later in its row; it is multiplied by the blue cell of the same shade. Padding
    is gray. At most three channels are drawn.

    Raises ShapeError for images that are not (N, C, H, W) and windows that do not fit, IndexError for a window that is not
    there. "Deep Learning from Scratch", 7.4.3; Chellapilla, Puri and Simard (2006).

    >>> figure = im2col((10, 3, 7, 7), 5, out_channels=2, window=(5, 0, 1))
    >>> [text.get_text() for text in figure.axes[0].texts][-4:]
    ['columns  (90, 75)', 'row 46 = (5·3 + 0)·3 + 1', 'product  (90, 2)', '[46, 0]']
    """
    made = window_product(shape, kernel_size, stride, padding, out_channels, window)
    C, (KH, KW), (PH, PW), (top, left) = made.images[1], made.kernel, made.padding, made.corner
    (rows, n), (_, F, OH, OW), (image, oh, ow) = made.columns, made.out, made.window
    H, W, shown = made.images[2] + 2 * PH, made.images[3] + 2 * PW, min(C, CHANNELS)
    cell = min(CELL, (WIDE - (shown - 1) * GAP) / (shown * W), IMAGE / H)
    step = cell * W + GAP  # from one channel to the next
    height = 3 * LABEL + (H + KH + OH) * cell + 2 * GAP  # of what is above the columns
    wide, down, thin = min(WIDE, n * CELL), min(TALL, rows * CELL), min(NARROW, F * CELL)
    long, right = min(height - LABEL, n * CELL), MARGIN + max(wide, shown * step - GAP, LEAST) + GAP
    figure = new_figure(right + NARROW + MARGIN, MARGIN + 1 + height + GAP + down + LABEL)
    remark = f"{rows:,} window{'s' * (rows > 1)} of {C}×{KH}×{KW} = {n} numbers, {F} filter{'s' * (F > 1)}"
    y = head(figure, "convolution as one matrix product", remark) + 0.05
    axes = place(figure, 0, 0, *figure.get_size_inches())
    shades, one = np.linspace(0.25, 1, n).reshape(C, KH, KW), np.ones((1, 1))
    few = f", {CHANNELS} of {C} channels" if C > CHANNELS else ""

    y = _label(axes, MARGIN, y, f"x  {made.images}", f"image {image}, window ({oh}, {ow}){few}", ORANGE)
    below = _label(axes, MARGIN, y + H * cell + GAP, f"w  {(F, C, KH, KW)}", f"filter 0{few}", BLUE)
    for x, shade in zip(MARGIN + step * np.arange(shown), shades, strict=False):
        _matrix(axes, x, y, cell * W, cell * H, H, W, color=LINE)
        _matrix(axes, x + PW * cell, y + PH * cell, cell * (W - 2 * PW), cell * (H - 2 * PH), H - 2 * PH, W - 2 * PW)
        _shade(axes, x + left * cell, y + top * cell, cell * KW, cell * KH, shade, ORANGE)
        _shade(axes, x, below, cell * KW, cell * KH, shade, BLUE)
    y = _label(axes, MARGIN, below + KH * cell + GAP, f"out  {made.out}", f"[{image}, 0, {oh}, {ow}]", GREEN)
    _matrix(axes, MARGIN, y, cell * OW, cell * OH, OH, OW)
    _shade(axes, MARGIN + ow * cell, y + oh * cell, cell, cell, one, GREEN)

    end, y, x = y + OH * cell, y + OH * cell + GAP, right - GAP - wide  # of the filters; the corner of the columns
    row = y + made.row * down / rows
    _label(axes, right, end - long - LABEL, f"filters  {(n, F)}", "column 0", BLUE)
    _matrix(axes, right, end - long, thin, long, n, F, KH * KW)
    _shade(axes, right, end - long, thin / F, long, shades.reshape(n, 1), BLUE)
    _matrix(axes, x, y, wide, down, rows, n, OH * OW, KH * KW)
    _shade(axes, x, row, wide, down / rows, shades.reshape(1, n), ORANGE)
    _label(
        axes, x, y + down + 0.08, f"columns  {made.columns}", f"row {made.row} = ({image}·{OH} + {oh})·{OW} + {ow}", ORANGE
    )
    _matrix(axes, right, y, thin, down, rows, F, OH * OW)
    _shade(axes, right, row, thin / F, down / rows, one, GREEN)
    _label(axes, right, y + down + 0.08, f"product  {(rows, F)}", f"[{made.row}, 0]", GREEN)
    axes.set(xlim=(0, figure.get_figwidth()), ylim=(figure.get_figheight(), 0), aspect="auto")
    axes.set_axis_off()
    return figure


class WindowProduct(NamedTuple):
    """A convolution as a product of matrices, and where one of its windows is."""

    images: tuple[int, ...]  # (N, C, H, W)
    kernel: tuple[int, ...]
    padding: tuple[int, ...]
    out: tuple[int, ...]  # (N, F, OH, OW)
    columns: tuple[int, int]  # N*OH*OW rows of C*KH*KW numbers
    window: tuple[int, int, int]  # (n, oh, ow)
    row: int  # of the window
    corner: tuple[int, int]  # of the window in the padded image: its first row and column


def window_product(
    shape: Sequence[int], kernel_size: Any, stride: Any = 1, padding: Any = 0, out_channels: int = 1,
    window: tuple[int, int, int] = (0, 0, 0),
) -> WindowProduct:  # fmt: skip
    """Return the shapes of a convolution as a product, and the row and the corner of a window; see `im2col`.

    >>> made = window_product((10, 3, 7, 7), 5, window=(5, 0, 1))
    >>> made.columns, made.row, made.corner
    ((90, 75), 46, (0, 1))
    """
    op = "viz.im2col"
    if len(shape) != 4 or min(*shape, out_channels) < 1:
        raise ShapeError(
            f"{op}: needs images (N, C, H, W) and a filter, got shape {tuple(shape)} and {out_channels} filters"
        )
    N, C, *size = shape
    kernel, stride = per_axis(op, "kernel_size", kernel_size, 2, 1), per_axis(op, "stride", stride, 2, 1)
    padding = per_axis(op, "padding", padding, 2, 0)
    OH, OW = output_sizes(op, tuple(size), kernel, stride, both_sides(padding), (1, 1))
    (n, oh, ow), out = window, (N, out_channels, OH, OW)
    if not (0 <= n < N and 0 <= oh < OH and 0 <= ow < OW):
        raise IndexError(f"{op}: there is no window {tuple(window)}; there are {N} images of {OH}×{OW} windows")
    columns, corner = (N * OH * OW, C * kernel[0] * kernel[1]), (oh * stride[0], ow * stride[1])
    return WindowProduct((N, C, *size), kernel, padding, out, columns, (n, oh, ow), (n * OH + oh) * OW + ow, corner)


def _label(axes: Axes, x: float, y: float, text: str, remark: str, color: str) -> float:
    """Write a label of two lines; return the height below it."""
    axes.text(x, y, text, fontsize=TEXT, color=INK, va="top", parse_math=False)
    axes.text(x, y + 0.19, remark, fontsize=SMALL, color=color, va="top", parse_math=False)
    return y + LABEL


def _matrix(
    axes: Axes, x: float, y: float, width: float, height: float, rows: int, columns: int, every_row: int = 0,
    every_column: int = 0, color: str = PAPER,
) -> None:  # fmt: skip
    """Draw a matrix with lines between its cells, and with darker ones after each `every_row` rows."""
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle((x, y), width, height, facecolor=color, edgecolor=SOFT, linewidth=0.9))
    _lines(axes, x, y, width, height, (rows, columns), LINE)
    _lines(axes, x, y, width, height, (rows // (every_row or rows), columns // (every_column or columns)), SOFT)


def _lines(axes: Axes, x: float, y: float, width: float, height: float, parts: tuple[int, ...], color: str) -> None:
    """Divide a rectangle into rows and columns, where they are large enough to be told apart."""
    look: dict[str, Any] = {"color": color, "linewidth": 0.5, "zorder": 2}
    if height / parts[0] >= LINED:
        axes.hlines(y + height * np.arange(1, parts[0]) / parts[0], x, x + width, **look)
    if width / parts[1] >= LINED:
        axes.vlines(x + width * np.arange(1, parts[1]) / parts[1], y, y + height, **look)


def _shade(axes: Axes, x: float, y: float, width: float, height: float, shades: Array, color: str) -> None:
    """Fill cells with shades of a color, 0 to 1, and draw a line of that color around them; at least `THIN` is drawn."""
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.patches import Rectangle

    width, height = max(width, THIN), max(height, THIN)
    colors = LinearSegmentedColormap.from_list("shades", [PAPER, color])
    extent = (x, x + width, y + height, y)
    axes.imshow(shades, cmap=colors, vmin=0, vmax=1, extent=extent, interpolation="nearest", zorder=2)
    broad = min(width, height) > 2 * THIN
    if broad:
        _lines(axes, x, y, width, height, shades.shape, PAPER)
    axes.add_patch(Rectangle((x, y), width, height, fill=False, edgecolor=color, linewidth=1.2 if broad else 0.5, zorder=3))
