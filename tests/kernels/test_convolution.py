"""The three maps of a convolution against plain loops, on integers with ==, along each way of laying out the windows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigrad.kernels import convolution as kernel
from minigrad.kernels.windows import gather_windows, overlap_add, window_counts
from tests.ops.specs.convolution import drawn, naive_conv


@pytest.fixture(params=["copied", "overlapping", "overlapping in parts", "in bands", "in bands of two"])
def layout(request, monkeypatch):
    """As if an image were always too narrow, or always wide enough, for windows that overlap in memory, or for bands."""
    monkeypatch.setattr(kernel, "WIDE", 10**9 if request.param == "copied" else 1)
    monkeypatch.setattr(kernel, "MANY", 1 if "bands" in request.param else 10**9)
    monkeypatch.setattr(kernel, "HELD", 50)
    monkeypatch.setattr(kernel, "SHARE", 200)
    if request.param == "in bands of two":
        monkeypatch.setattr(kernel, "BAND", 2)
    if request.param == "overlapping in parts":
        monkeypatch.setattr(kernel, "SMALL", 4)
        monkeypatch.setattr(kernel, "SHORT", 1)
        monkeypatch.setattr(kernel, "SUMMED", 1)


def a_case(seed, n):
    """Integer images, weights and products that fit, with their geometry; padding may differ on both sides, or crop."""
    rng = np.random.default_rng(seed)
    case = drawn(rng, n)
    if rng.random() < 0.5:
        case["first"] = case["groups"]  # one filter for each group
    kernel, groups = case["kernel"], case["groups"]
    stride = tuple(int(v) for v in rng.integers(1, 4, n))
    dilation = tuple(int(v) for v in rng.integers(1, 4, n) * (rng.random(n) < 0.5) + 1)
    padding = tuple(
        (int(p), int(p) - int(less)) for p, less in zip(rng.integers(0, 3, n), rng.integers(0, 3, n), strict=True)
    )
    extents = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    room = [(3 if n == 3 else 4 * s) + 1 for s in stride]
    size = tuple(int(max(1, e - sum(p)) + rng.integers(0, r)) for e, p, r in zip(extents, padding, room, strict=True))
    x = rng.integers(-9, 10, (case["N"], case["second"] * groups, *size)).astype(float)
    w = rng.integers(-9, 10, (case["first"], case["second"], *kernel)).astype(float)
    y = rng.integers(-9, 10, (len(x), len(w), *window_counts(size, kernel, stride, padding, dilation))).astype(float)
    return x, w, y, (stride, padding, dilation, groups)


def bordered(x, padding):
    """`x` with zeros around it, or with its border cut off where the padding is negative."""
    x = np.pad(x, [(0, 0), (0, 0), *((max(p, 0), max(q, 0)) for p, q in padding)])
    return x[
        (slice(None), slice(None), *(slice(None, n + min(q, 0)) for n, (_, q) in zip(x.shape[2:], padding, strict=True)))
    ]


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.usefixtures("layout")
@given(seed=st.integers(0, 2**32 - 1))
def test_convolution_and_both_of_its_adjoints(n, seed):
    x, w, y, (stride, padding, dilation, groups) = a_case(seed, n)
    geometry = stride, padding, dilation, groups
    out = kernel.convolve(x, w, None, *geometry)
    np.testing.assert_array_equal(out, naive_conv(bordered(x, padding), w, None, stride, 0, dilation, groups))
    to_x = kernel.convolve_transposed(y, w, x.shape[2:], *geometry)
    to_w = kernel.convolve_for_weight(x, y, w.shape[2:], *geometry)
    assert to_x.shape == x.shape and to_w.shape == w.shape
    assert np.vdot(out, y) == np.vdot(to_x, x) == np.vdot(to_w, w)


@pytest.mark.parametrize("n", [1, 2, 3])
@given(seed=st.integers(0, 2**32 - 1))
def test_windows_and_their_adjoint(n, seed):
    x, w, _, (stride, padding, dilation, _) = a_case(seed, n)
    cols = gather_windows(x, w.shape[2:], stride, padding, dilation)
    assert cols.flags.c_contiguous and cols.shape[-1] == len(x)
    c = np.random.default_rng(seed).integers(-9, 10, cols.shape).astype(float)
    assert np.vdot(cols, c) == np.vdot(x, overlap_add(c, x.shape[2:], stride, padding, dilation))


def test_wide_images_share_rows_in_memory():
    """KH times less to copy and to keep than im2col."""
    x = np.ones((8, 3, 20, 64), np.float32)
    columns = kernel._columns(x, (5, 3), (20, 64), (1, 1), ((2, 2), (1, 1)), (1, 1), 1, 4, 256)
    owner = columns
    while owner.base is not None:
        owner = owner.base
    assert columns.nbytes == 4 * 20 * 64 * 8 * 3 * 15 and owner.nbytes == 4 * 24 * 3 * 3 * (64 * 8 + kernel.LINE)


def test_a_pointwise_convolution_copies_no_windows():
    x = np.moveaxis(np.ones((3, 20, 30, 8), np.float32), -1, 0)
    columns = kernel._columns(x, (1, 1), (20, 30), (1, 1), ((0, 0), (0, 0)), (1, 1), 1, 4, 256)
    assert np.shares_memory(columns, x)


def test_skinny_products_are_cut_into_parts():
    for width, products, parts in (2400, 750, 2), (32 * 32 * 32, 64 * 576, 1), (100, 750, 1), (300, 512 * 4608, 1):
        assert kernel._parts(width, products, 512) == parts
    assert kernel._parts(4799, 750, 512) == 1 and kernel._parts(0, 5, 512) == 1  # a prime, and an empty batch


def test_a_bias_of_more_precision_is_not_rounded():
    ones = np.ones((1, 1, 2, 2), np.float32)
    geometry = (1, 1), ((0, 0), (0, 0)), (1, 1), 1
    out = kernel.convolve(ones, ones, np.array([1e-9]), *geometry)
    assert out.dtype == np.float64 and out.item() == 4 + 1e-9


def test_only_windows_that_hold_an_infinity_or_nan_notice_it():
    x = np.moveaxis(np.ones((2, 6, 8, 16)), -1, 0)
    x[0, 0, 2, 3], x[1, 1, 5, 5] = np.inf, np.nan
    out = kernel.convolve(x, np.ones((2, 1, 3, 3)), None, (1, 1), ((1, 1), (1, 1)), (1, 1), 2)
    expected = naive_conv(bordered(x, ((1, 1), (1, 1))), np.ones((2, 1, 3, 3)), None, 1, 0, 1, 2)
    np.testing.assert_array_equal(out, expected)
    assert np.isfinite(out).sum() == out.size - 9 - 6


@pytest.mark.parametrize(
    ("channels", "kernel_size", "stride", "dilation", "padding"),
    [
        (1, (3, 3), (1, 1), (1, 1), ((1, 1), (1, 1))),
        (1, (3, 3), (2, 2), (1, 1), ((1, 1), (1, 1))),
        (2, (2, 3), (3, 2), (1, 3), ((0, 2), (2, -1))),  # rows that no window reads, a border cut off
        (2, (1, 2), (1, 3), (1, 1), ((1, -1), (0, 4))),
        (3, (3,), (2,), (2,), ((2, 1),)),
    ],
)
def test_bands(channels, kernel_size, stride, dilation, padding, monkeypatch):
    """Two bands or more in a row of windows, in several blocks of groups, on the way there and back."""
    monkeypatch.setattr(kernel, "HELD", 800)
    monkeypatch.setattr(kernel, "SHARE", 1600)
    rng, groups, O = np.random.default_rng(0), 5, (3, 8)[-len(stride) :]
    size = tuple(
        (o - 1) * s + d * (k - 1) + 1 - sum(p)
        for o, s, d, k, p in zip(O, stride, dilation, kernel_size, padding, strict=True)
    )
    x = rng.integers(-9, 10, (16, channels * groups, *size)).astype(float)
    w = rng.integers(-9, 10, (groups, channels, *kernel_size)).astype(float)
    y = rng.integers(-9, 10, (16, groups, *O)).astype(float)
    assert kernel._band(16, kernel_size, O, dilation, groups, groups) == 4
    geometry = stride, padding, dilation, groups
    out = kernel.convolve(x, w, None, *geometry)
    np.testing.assert_array_equal(out, naive_conv(bordered(x, padding), w, None, stride, 0, dilation, groups))
    to_x = kernel.convolve_transposed(y, w, size, *geometry)
    to_w = kernel.convolve_for_weight(x, y, kernel_size, *geometry)
    monkeypatch.setattr(kernel, "MANY", 10**9)
    np.testing.assert_array_equal(to_x, kernel.convolve_transposed(y, w, size, *geometry))
    np.testing.assert_array_equal(to_w, kernel.convolve_for_weight(x, y, kernel_size, *geometry))


def test_where_bands_save_time():
    assert kernel._band(64, (3, 3), (32, 32), (1, 1), 8, 8) == 4 and kernel._band(64, (3, 3), (14, 14), (1, 1), 8, 8) == 7
    assert kernel._band(64, (3, 3), (37, 37), (1, 1), 8, 8) == 0  # a large prime
    assert kernel._band(1, (3, 3), (32, 32), (1, 1), 8, 8) == 0 and kernel._band(64, (3, 3), (32, 32), (1, 1), 16, 8) == 0


def test_a_strided_depthwise_convolution_passes_back_in_bands(monkeypatch):
    """A sum of windows over images took four times as long."""
    calls = []
    in_bands = kernel._convolve_in_bands
    monkeypatch.setattr(kernel, "_convolve_in_bands", lambda *args: calls.append(args) or in_bands(*args))
    g, w = np.ones((16, 2, 4, 4)), np.ones((2, 1, 3, 3))
    kernel.convolve_transposed(g, w, (8, 8), (2, 2), ((1, 1), (1, 1)), (1, 1), 2)
    assert len(calls) == 1
