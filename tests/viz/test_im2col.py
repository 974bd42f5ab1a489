"""The picture of im2col: its numbers are those of `mg.im2col` and `conv2d`, and the cells in color are where it says."""

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import viz
from minigrad.errors import ShapeError
from minigrad.viz.im2col import window_product

pytest.importorskip("matplotlib")

CASES = [  # shape, kernel_size, stride, padding, window
    ((1, 3, 7, 7), 5, 1, 0, (0, 1, 1)),
    ((10, 3, 7, 7), 5, 1, 0, (9, 2, 0)),
    ((2, 1, 4, 4), 3, 1, 1, (1, 0, 3)),
    ((3, 5, 9, 17), (3, 2), (2, 3), (1, 0), (2, 3, 4)),
    ((2, 1, 1, 1), 1, 1, 0, (1, 0, 0)),
]


@pytest.mark.parametrize("shape, size, stride, padding, window", CASES)
def test_the_row_is_the_window_and_its_product_the_output(shape, size, stride, padding, window, rng):
    made = window_product(shape, size, stride, padding, 4, window)
    x, (KH, KW), (PH, PW), (top, left) = rng.standard_normal(shape), made.kernel, made.padding, made.corner
    w = rng.standard_normal((4, shape[1], KH, KW))
    columns, out = mg.im2col(x, KH, KW, stride, padding), F.conv2d(mg.tensor(x), mg.tensor(w), None, stride, padding)
    padded = np.pad(x, ((0, 0), (0, 0), (PH, PH), (PW, PW)))
    assert columns.shape == made.columns and out.shape == made.out
    n, oh, ow = window
    assert columns[made.row].tolist() == padded[n, :, top : top + KH, left : left + KW].ravel().tolist()
    assert (columns @ w.reshape(4, -1).T)[made.row, 0] == pytest.approx(out[n, 0, oh, ow].item())


@pytest.mark.parametrize("shape, size, stride, padding, window", CASES)
def test_the_cells_in_color(shape, size, stride, padding, window):
    made = window_product(shape, size, stride, padding, 2, window)
    (axes,) = viz.im2col(shape, size, stride, padding, out_channels=2, window=window).axes
    shown = min(shape[1], 3)
    images = axes.get_images()
    pairs, (out, column, row, product) = images[: 2 * shown], images[2 * shown :]
    (rows, n), shades = made.columns, row.get_array()[0]
    assert column.get_array()[:, 0].tolist() == shades.tolist() and len(shades) == n
    assert n == 1 or (np.diff(shades) > 0).all()
    KH, KW = made.kernel
    planes = shades.reshape(-1, KH, KW)
    for c in range(shown):  # the same shades in the window, the filter, the row and the column
        for image in pairs[2 * c : 2 * c + 2]:
            assert image.get_array().tolist() == planes[c].tolist()
    frames = [rectangle.get_bbox() for rectangle in axes.patches]  # of matrices and of shades, in the order drawn
    image = next(box for box in frames if box.x0 <= pairs[0].get_extent()[0])
    cell = image.height / (shape[2] + 2 * made.padding[0])
    assert offset(pairs[0], image, cell) == pytest.approx(made.corner[::-1])
    matrix, whole = (min((b for b in frames if inside(of, b)), key=lambda b: -b.height) for of in (row, product))
    assert offset(row, matrix, matrix.height / rows)[1] == pytest.approx(made.row)
    assert offset(product, whole, whole.height / rows) == pytest.approx((0, made.row))
    maps = min((b for b in frames if inside(out, b)), key=lambda b: -b.height)
    assert offset(out, maps, maps.height / made.out[2]) == pytest.approx(window[:0:-1])
    assert offset(column, whole, 1.0)[0] == pytest.approx(0) and column.get_extent()[2] < whole.y0


def offset(image, box, cell):
    """How many cells to the right of and below the corner of a box an image begins."""
    left, _, _, top = image.get_extent()
    return (left - box.x0) / cell, (top - box.y0) / cell


def inside(image, box):
    left, right, bottom, top = image.get_extent()
    return box.x0 - 1e-6 <= left and right <= box.x1 + 0.03 and box.y0 - 1e-6 <= top and bottom <= box.y1 + 0.03


def test_what_is_written():
    (axes,) = viz.im2col((1, 16, 7, 7), 5, out_channels=30, window=(0, 1, 2)).axes
    assert [text.get_text() for text in axes.texts] == [
        "x  (1, 16, 7, 7)", "image 0, window (1, 2), 3 of 16 channels", "w  (30, 16, 5, 5)", "filter 0, 3 of 16 channels",
        "out  (1, 30, 3, 3)", "[0, 0, 1, 2]", "filters  (400, 30)", "column 0",
        "columns  (9, 400)", "row 5 = (0·3 + 1)·3 + 2", "product  (9, 30)", "[5, 0]",
    ]  # fmt: skip
    head = [text.get_text() for text in viz.im2col((1, 1, 3, 3), 3).texts]
    assert head[1] == "1 window of 1×3×3 = 9 numbers, 1 filter"


@pytest.mark.parametrize("shape", [(1, 1, 300, 5), (1, 3, 5, 300), (64, 256, 14, 14)])
def test_large_pictures_stay_small(shape):
    width, height = viz.im2col(shape, 3, padding=1, out_channels=512).get_size_inches()
    assert width <= 6 and height <= 11


def test_it_is_saved_as_other_figures(tmp_path):
    figure = viz.im2col((1, 3, 7, 7), 5)
    for suffix in ("svg", "png"):
        figure.savefig(tmp_path / f"picture.{suffix}")
        assert (tmp_path / f"picture.{suffix}").stat().st_size > 1000


def test_refused():
    for shape in ((3, 7, 7), (0, 3, 7, 7)):
        with pytest.raises(ShapeError, match=r"viz.im2col: needs images \(N, C, H, W\)"):
            viz.im2col(shape, 5)
    with pytest.raises(ShapeError, match="0 filters"):
        viz.im2col((1, 3, 7, 7), 5, out_channels=0)
    with pytest.raises(ShapeError, match="larger than the padded input"):
        viz.im2col((1, 3, 7, 7), 8)
    for window in ((1, 0, 0), (0, 3, 0), (0, 0, 3), (0, -1, 0)):
        with pytest.raises(IndexError, match="1 images of 3×3 windows"):
            viz.im2col((1, 3, 7, 7), 5, window=window)
