"""Values, dtypes and shapes of the array API namespace beside NumPy's, which follows the standard as well."""

import itertools
import math
import operator
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import minigrad as mg
import minigrad.array_api as xp
from minigrad.array_api import elementwise
from tests.array_api.test_names import words

SIGNED, UNSIGNED = ("int8", "int16", "int32", "int64"), ("uint8", "uint16", "uint32", "uint64")
INTEGERS, FLOATS = (*SIGNED, *UNSIGNED), ("float32", "float64")
NUMBERS = (*INTEGERS, *FLOATS)
SPECIAL = (
    math.nan,
    math.inf,
    -math.inf,
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    1.5,
    2.0,
    -2.0,
    2.5,
    3.0,
    -3.0,
    1e-40,
    1e30,
    -1e30,
)
# The dtypes that a function takes by the standard, where those are not the floats.
ARITHMETIC = words("""
    abs ceil conj floor isfinite isinf isnan negative positive real round sign square trunc add floor_divide greater
    greater_equal less less_equal maximum minimum multiply pow remainder subtract
""")
TAKES = {
    **dict.fromkeys(ARITHMETIC, NUMBERS),
    **dict.fromkeys(("equal", "not_equal"), ("bool", *NUMBERS)),
    **dict.fromkeys(("logical_and", "logical_not", "logical_or", "logical_xor"), ("bool",)),
    **dict.fromkeys(("bitwise_and", "bitwise_invert", "bitwise_or", "bitwise_xor"), ("bool", *INTEGERS)),
    **dict.fromkeys(("bitwise_left_shift", "bitwise_right_shift"), INTEGERS),
}
UNARY = elementwise.__all__[: elementwise.__all__.index("add")]
BINARY = elementwise.__all__[len(UNARY) : -1]


def examples(dtype):
    """Every special case of a dtype."""
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        return np.array(SPECIAL, dtype)
    if dtype.kind == "b":
        return np.array([True, False])
    limits = np.iinfo(dtype)
    return np.array(
        [0, 1, 2, 3, 7, limits.max, limits.min, limits.max // 3, *([-1, -5] if dtype.kind == "i" else [])], dtype
    )


def check(ours, expected, what):
    """Compare dtype, shape and values; zeros with their sign."""
    expected = np.asarray(expected)
    assert (ours.dtype, tuple(ours.shape)) == (expected.dtype, expected.shape), what
    if expected.dtype.kind == "f":
        rtol = 1e-5 if expected.dtype == np.float32 else 1e-12
        np.testing.assert_allclose(ours.array, expected, rtol=rtol, atol=0, err_msg=str(what))
        assert (np.signbit(ours.array) == np.signbit(expected))[expected == 0].all(), what
    else:
        np.testing.assert_array_equal(ours.array, expected, str(what))


@pytest.mark.parametrize("name", UNARY)
def test_unary(name):
    for dtype in TAKES.get(name, FLOATS):
        x = examples(dtype)
        with np.errstate(all="ignore"):
            whole = name in ("ceil", "floor", "trunc") and x.dtype.kind in "iu"  # NumPy 2.0 makes floats of those
            check(getattr(xp, name)(xp.asarray(x)), x if whole else getattr(np, name)(x), (name, dtype))


def promotable(first, second):
    kinds = {np.dtype(first).kind, np.dtype(second).kind}
    return len(kinds) == 1 or (kinds == {"i", "u"} and "uint64" not in (first, second))


@pytest.mark.parametrize("name", BINARY)
def test_binary(name):
    """Of all pairs of dtypes with a common one; a 0-d tensor counts like any other, a Python number takes the dtype."""
    takes, ours, theirs = TAKES.get(name, FLOATS), getattr(xp, name), getattr(np, name)
    for first, second in itertools.product(takes, takes):
        if not promotable(first, second):
            continue
        x, y = examples(first)[:, None], examples(second)
        if y.dtype.kind in "iu" and (bound := {"pow": 6, "bitwise_left_shift": 8, "bitwise_right_shift": 8}.get(name)):
            y = y[(y >= 0) & (y < bound)]
        if y.dtype.kind in "iu" and name in ("floor_divide", "remainder"):
            y = y[y != 0]
        with np.errstate(all="ignore"):
            check(ours(xp.asarray(x), xp.asarray(y)), theirs(x, y), (name, first, second))
            check(ours(xp.asarray(x), xp.asarray(y[1])), theirs(x, y[1]), (name, first, second, "0-d"))
            if first == second:
                number = y[1].item()
                check(ours(xp.asarray(x), number), theirs(x, y[1]), (name, first, "number"))
                check(ours(number, xp.asarray(y)), theirs(y[1], y), (name, "number", second))


def test_the_table_of_promotion():
    for first, second in itertools.product(("bool", *NUMBERS), repeat=2):
        if promotable(first, second):
            x = xp.zeros(2, dtype=getattr(xp, first))
            assert xp.result_type(x, getattr(xp, second)) == np.promote_types(first, second)
            assert xp.can_cast(x, np.promote_types(first, second))
    assert xp.result_type(xp.int8, 1) == xp.int8 and xp.result_type(xp.float32, 1, 2.5) == xp.float32
    assert xp.result_type(xp.int64, xp.float32) == xp.result_type(xp.int64, 2.5) == xp.float32  # undefined in the standard
    assert not xp.can_cast(xp.int16, xp.int8) and xp.isdtype(xp.uint8, "integral")
    with pytest.raises(mg.DTypeError, match="no integer dtype holds both uint64 and int8"):
        xp.add(xp.ones(1, dtype=xp.uint64), xp.ones(1, dtype=xp.int8))


def test_what_is_no_operand():
    x = xp.ones(2)
    for wrong in ([1.0, 2.0], np.ones(2), "1", None):
        with pytest.raises(TypeError, match=f"add: needs tensors and Python numbers, got {type(wrong).__name__}\n.*asarray"):
            xp.add(x, wrong)
    with pytest.raises(TypeError, match="multiply: needs at least one tensor, got numbers alone"):
        xp.multiply(1, 2)
    with pytest.raises(OverflowError):
        xp.add(xp.ones(1, dtype=xp.uint8), 256)
    with pytest.raises(TypeError):
        xp.sin(x=x)


arrays = hnp.arrays(
    st.sampled_from(NUMBERS).map(np.dtype),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=1, max_side=3),
    elements=st.integers(0, 9),
)
few = settings(max_examples=12, deadline=None, derandomize=True, database=None)


def with_axes(several=True):
    """An array, axes of it (one, several, none or all), and keepdims."""

    def choose(x):
        one = st.integers(-x.ndim, x.ndim - 1) if x.ndim else st.none()
        some = hnp.valid_tuple_axes(x.ndim) if several else st.nothing()
        return st.tuples(st.just(x), st.none() | one | some, st.booleans())

    return arrays.flatmap(choose)


@pytest.mark.parametrize("name", ["all", "any", "count_nonzero", "max", "min", "prod", "sum", "mean", "std", "var"])
@few
@given(with_axes())
def test_reductions(name, drawn):
    x, axis, keepdims = drawn
    x = x.astype(np.float64) if name in ("mean", "std", "var") and x.dtype.kind != "f" else x
    expected = getattr(np, name)(x, axis=axis, keepdims=keepdims)
    if name == "count_nonzero" and axis == ():
        expected = np.array(x != 0, np.int64)
    check(getattr(xp, name)(xp.asarray(x), axis=axis, keepdims=keepdims), expected, name)


@pytest.mark.parametrize("name", ["argmax", "argmin", "sort", "argsort", "cumulative_sum", "cumulative_prod", "diff"])
@few
@given(with_axes(several=False))
def test_along_an_axis(name, drawn):
    x, axis, keepdims = drawn
    if name.startswith("arg") and name != "argsort":
        check(getattr(xp, name)(xp.asarray(x), axis=axis, keepdims=keepdims),
              getattr(np, name)(x, axis=axis, keepdims=keepdims), name)  # fmt: skip
    elif x.ndim and axis is not None:
        if name == "argsort":  # keepdims stands for descending
            expected = np.argsort(-x.astype(np.int64) if keepdims else x, axis, stable=True)
            check(xp.argsort(xp.asarray(x), axis=axis, descending=keepdims), expected, name)
        elif name == "sort":
            expected = np.sort(x, axis)
            expected = np.flip(expected, axis) if keepdims else expected
            check(xp.sort(xp.asarray(x), axis=axis, descending=keepdims), expected, name)
        elif name == "diff":
            check(xp.diff(xp.asarray(x), axis=axis, n=1 + keepdims), np.diff(x, 1 + keepdims, axis), name)
        else:  # NumPy 2.1's functions
            size = np.ones([1 if at == axis % x.ndim else n for at, n in enumerate(x.shape)], x.dtype)
            op = np.cumsum if name.endswith("sum") else np.cumprod
            expected = op(x, axis)
            if keepdims:
                expected = np.concatenate([size * 0 if name.endswith("sum") else size, expected], axis, dtype=expected.dtype)
            check(getattr(xp, name)(xp.asarray(x), axis=axis, include_initial=keepdims), expected, name)


@few
@given(arrays)
def test_sets(x):
    t = xp.asarray(x)
    for name, fields in (
        ("unique_all", ("values", "indices", "inverse_indices", "counts")),
        ("unique_counts", ("values", "counts")),
        ("unique_inverse", ("values", "inverse_indices")),
    ):
        ours, theirs = getattr(xp, name)(t), getattr(np, name)(x)
        assert ours._fields == fields
        for field in fields:
            check(getattr(ours, field), getattr(theirs, field), (name, field))
    check(xp.unique_values(t), np.unique(x), "unique_values")
    check(xp.isin(t, t[..., :1] if x.ndim else 3, invert=True), np.isin(x, x[..., :1] if x.ndim else 3, invert=True), "isin")
    vector = np.sort(x.reshape(-1))
    for side in ("left", "right"):
        check(xp.searchsorted(xp.asarray(vector), t, side=side), np.searchsorted(vector, x, side), side)
    if x.ndim:
        for ours, theirs in zip(xp.nonzero(t), np.nonzero(x), strict=True):
            check(ours, theirs, "nonzero")


def test_reductions_of_nothing():
    for name, x, axis in itertools.product(
        ("mean", "std", "var", "sum", "prod", "all", "any"), (xp.ones((0, 2)),), (None, 0, 1, (0, 1))
    ):
        with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
            check(getattr(xp, name)(x, axis=axis), getattr(np, name)(x.array, axis=axis), (name, axis))


def test_nan_is_distinct():
    x = xp.asarray([math.nan, 1.0, math.nan])
    assert xp.unique_counts(x).counts.tolist() == [1, 1, 1]
    with pytest.raises(ValueError, match="nonzero: a 0-d tensor"):
        xp.nonzero(xp.asarray(1))


x23, x3, v2 = np.arange(6.0).reshape(2, 3) + 0.25, np.arange(3.0) + 0.125, np.array([1, 0])
SHAPES = {  # a call, and NumPy's of the same arrays
    "broadcast_arrays": (lambda xp, x, y, i: xp.broadcast_arrays(x, y)[1], lambda x, y, i: np.broadcast_arrays(x, y)[1]),
    "broadcast_to": (lambda xp, x, y, i: xp.broadcast_to(y, (2, 3)), lambda x, y, i: np.broadcast_to(y, (2, 3))),
    "concat": (lambda xp, x, y, i: xp.concat([x, x], axis=1), lambda x, y, i: np.concatenate([x, x], 1)),
    "concat flat": (lambda xp, x, y, i: xp.concat([x, y], axis=None), lambda x, y, i: np.concatenate([x, y], None)),
    "stack": (lambda xp, x, y, i: xp.stack([x, x], axis=-1), lambda x, y, i: np.stack([x, x], -1)),
    "unstack": (lambda xp, x, y, i: xp.unstack(x, axis=1)[2], lambda x, y, i: x[:, 2]),
    "expand_dims": (lambda xp, x, y, i: xp.expand_dims(x, axis=(0, -1)), lambda x, y, i: x[None, :, :, None]),
    "squeeze": (lambda xp, x, y, i: xp.squeeze(xp.expand_dims(x, axis=1), axis=1), lambda x, y, i: x),
    "flip": (lambda xp, x, y, i: xp.flip(x), lambda x, y, i: np.flip(x)),
    "flip none": (lambda xp, x, y, i: xp.flip(x, axis=()), lambda x, y, i: x),
    "roll": (lambda xp, x, y, i: xp.roll(x, (1, -1), axis=(0, 1)), lambda x, y, i: np.roll(x, (1, -1), (0, 1))),
    "roll flat": (lambda xp, x, y, i: xp.roll(x, 2), lambda x, y, i: np.roll(x, 2)),
    "moveaxis": (lambda xp, x, y, i: xp.moveaxis(x, 0, -1), lambda x, y, i: x.T),
    "permute_dims": (lambda xp, x, y, i: xp.permute_dims(x, (1, 0)), lambda x, y, i: x.T),
    "matrix_transpose": (lambda xp, x, y, i: xp.matrix_transpose(x), lambda x, y, i: x.T),
    "reshape": (lambda xp, x, y, i: xp.reshape(x, (3, -1), copy=True), lambda x, y, i: x.reshape(3, -1)),
    "repeat": (lambda xp, x, y, i: xp.repeat(x, 2), lambda x, y, i: np.repeat(x, 2)),
    "repeat each": (lambda xp, x, y, i: xp.repeat(x, i, axis=0), lambda x, y, i: np.repeat(x, i, 0)),
    "tile": (lambda xp, x, y, i: xp.tile(x, (2, 1, 2)), lambda x, y, i: np.tile(x, (2, 1, 2))),
    "take": (lambda xp, x, y, i: xp.take(x, i, axis=1), lambda x, y, i: x[:, i]),
    "take vector": (lambda xp, x, y, i: xp.take(y, i), lambda x, y, i: y[i]),
    "take_along_axis": (lambda xp, x, y, i: xp.take_along_axis(x, i[:, None]), lambda x, y, i: x[[0, 1], i][:, None]),
    "tril": (lambda xp, x, y, i: xp.tril(x, k=-1), lambda x, y, i: np.tril(x, -1)),
    "triu": (lambda xp, x, y, i: xp.triu(x, k=1), lambda x, y, i: np.triu(x, 1)),
    "meshgrid": (lambda xp, x, y, i: xp.meshgrid(y, y)[0], lambda x, y, i: np.meshgrid(y, y)[0]),
    "where": (lambda xp, x, y, i: xp.where(x > 2, x, 0), lambda x, y, i: np.where(x > 2, x, 0)),
    "clip": (lambda xp, x, y, i: xp.clip(x, 1, y), lambda x, y, i: np.clip(x, 1, y)),
    "diff joined": (
        lambda xp, x, y, i: xp.diff(y, prepend=x[0, :1], append=x[1]),
        lambda x, y, i: np.diff(y, prepend=x[0, :1], append=x[1]),
    ),
    "matmul": (lambda xp, x, y, i: xp.matmul(x, y), lambda x, y, i: x @ y),
    "vecdot": (lambda xp, x, y, i: xp.vecdot(x, y), lambda x, y, i: x @ y),
    "tensordot": (lambda xp, x, y, i: xp.tensordot(x, x, axes=((0,), (0,))), lambda x, y, i: x.T @ x),
    "trace": (lambda xp, x, y, i: xp.linalg.trace(x, offset=1), lambda x, y, i: np.trace(x, 1)),
    "diagonal": (lambda xp, x, y, i: xp.linalg.diagonal(x, offset=1), lambda x, y, i: np.diagonal(x, 1)),
    "outer": (lambda xp, x, y, i: xp.linalg.outer(y, y), lambda x, y, i: np.outer(y, y)),
    "cross": (lambda xp, x, y, i: xp.linalg.cross(x, x[:, [1, 2, 0]]), lambda x, y, i: np.cross(x, x[:, [1, 2, 0]])),
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_shapes(name):
    """In float64, with the gradient of the same function of NumPy's dispatch, and for integers."""
    ours, theirs = SHAPES[name]
    for dtype in (np.float64, np.int64):
        x, y = x23.astype(dtype), x3.astype(dtype)
        check(ours(xp, xp.asarray(x), xp.asarray(y), xp.asarray(v2)), theirs(x, y, v2), (name, dtype))
    x, y = mg.tensor(x23, requires_grad=True), mg.tensor(x3, requires_grad=True)
    out = ours(xp, x, y, xp.asarray(v2))
    assert out.requires_grad
    weights = np.cos(np.arange(out.numel()).reshape(out.shape))
    gradients = mg.autograd.grad((out * weights).sum(), [x, y], allow_unused=True)
    for leaf, g in zip((x23, x3), gradients, strict=True):
        step = np.sin(np.arange(leaf.size).reshape(leaf.shape) + 1.0) * 1e-6
        ends = [theirs(*[a + sign * step if a is leaf else a for a in (x23, x3)], v2) for sign in (1, -1)]
        slope = ((ends[0] - ends[1]) * weights).sum() / 2e-6
        assert slope == pytest.approx(0 if g is None else (g.numpy() * step).sum() / 1e-6, abs=1e-6)


def test_creation():
    for ours, expected in (
        (xp.arange(3), np.arange(3)),
        (xp.arange(5, 0, -2, dtype=xp.float64), np.arange(5, 0, -2.0)),
        (xp.arange(1, 2, 0.25), np.arange(1, 2, 0.25, np.float32)),
        (xp.eye(2, 3, k=1), np.eye(2, 3, 1, np.float32)),
        (xp.linspace(0, 1, 4, endpoint=False, dtype=xp.float64), np.linspace(0, 1, 4, False)),
        (xp.linspace(0, 8, 3), np.linspace(0, 8, 3, dtype=np.float32)),
        (xp.full(2, True), np.full(2, True)),
        (xp.full((2, 1), 7), np.full((2, 1), 7)),
        (xp.full((), 2.5), np.full((), 2.5, np.float32)),
        (xp.full_like(xp.ones(2, dtype=xp.int8), 3), np.full(2, 3, np.int8)),
        (xp.zeros(()), np.zeros((), np.float32)),
        (xp.ones(3, dtype=xp.bool), np.ones(3, bool)),
        (xp.empty((0, 2)), np.zeros((0, 2), np.float32)),
        (xp.empty_like(xp.ones(2), dtype=xp.uint8), np.zeros(2, np.uint8)),
        (xp.ones_like(xp.zeros(2, dtype=xp.bool)), np.ones(2, bool)),
        (xp.zeros_like(xp.ones((1, 2))), np.zeros((1, 2), np.float32)),
        (xp.asarray([[1, 2], [3, 4]], dtype=xp.uint8), np.array([[1, 2], [3, 4]], np.uint8)),
        (xp.asarray([True, False]), np.array([True, False])),
        (xp.meshgrid(xp.arange(2), xp.arange(3), indexing="ij")[1], np.meshgrid(range(2), range(3), indexing="ij")[1]),
    ):
        check(ours, expected, expected)


def test_only_axes_of_size_1_are_squeezed():
    with pytest.raises(ValueError, match=r"squeeze: axis 1 of shape \(1, 2\) has size 2, not 1"):
        xp.squeeze(xp.ones((1, 2)), (0, 1))
    assert xp.squeeze(xp.ones((1, 2)), ()).shape == (1, 2)
    with pytest.raises(IndexError, match=r"squeeze: axis 7 does not exist: the array has 2 axes; valid are -2\.\.1"):
        xp.squeeze(xp.ones((1, 2)), 7)
    with pytest.raises(IndexError, match=r"squeeze: an axis is named twice: \(0, -2\)"):
        xp.squeeze(xp.ones((1, 2)), (0, -2))


def test_nothing_to_work_on():
    """A grid of no axes has no coordinates; nothing has no dtype, and cannot be joined."""
    assert xp.meshgrid() == [] == xp.meshgrid(indexing="ij") == xp.broadcast_arrays()
    with pytest.raises(TypeError, match="result_type: needs at least one tensor or dtype, got none"):
        xp.result_type()
    for join in (xp.concat, xp.stack):
        with pytest.raises(TypeError, match=f"{join.__name__}: needs at least one tensor, got none$"):
            join([])
    for step in (0, 0.0):
        with pytest.raises(ValueError, match=f"arange: the step must not be 0, got {step}"):
            xp.arange(0, 3, step)


@pytest.mark.parametrize(
    ("x", "y", "quotient"),
    [(math.inf, 2.0, math.nan), (-math.inf, -2.0, math.nan), (2.0, -math.inf, -1.0), (-2.0, math.inf, -1.0)],
)
def test_infinities_are_divided_as_in_python(x, y, quotient):
    """Which the standard permits beside the limit of the quotient. Python's ``//`` of floats is the rule of all three."""
    tensors = xp.asarray(x, dtype=xp.float64), xp.asarray(y, dtype=xp.float64)
    with np.errstate(invalid="ignore"):
        for result in (x // y, float(xp.floor_divide(*tensors)), float(tensors[0] // tensors[1])):
            np.testing.assert_equal(result, quotient)


def test_copies():
    x = xp.asarray([1, 2])
    assert xp.asarray(x) is xp.asarray(x, copy=False) is xp.astype(x, xp.int64, copy=False) is x
    for copy in (xp.asarray(x, copy=True), xp.astype(x, xp.int64), xp.reshape(x, (2,), copy=True)):
        copy[0] = 9
        assert x.tolist() == [1, 2]
    view = xp.reshape(xp.matrix_transpose(xp.reshape(x, (2, 1), copy=False)), (2,), copy=False)
    view[0] = 9
    assert x.tolist() == [9, 2]
    for obj, dtype in ((1.0, None), ([1], None), (np.ones(2), None), (x, xp.int8)):
        with pytest.raises(ValueError, match="by a copy, and copy is False"):
            xp.asarray(obj, dtype=dtype, copy=False)


def test_limits_of_dtypes():
    info = xp.finfo(xp.ones(1))
    assert info.eps == 2**-23 and info.bits == 32 and info.dtype == xp.float32 and type(info.max) is float
    assert xp.finfo(xp.float64).smallest_normal == 2.0**-1022 and -info.min == info.max
    limits = xp.iinfo(xp.int8)
    assert (limits.bits, limits.max, limits.min, limits.dtype) == (8, 127, -128, xp.int8) and type(limits.max) is int
    assert xp.iinfo(xp.ones(1, dtype=xp.uint16)).max == 65535


def test_small_integers_are_added_in_64_bits():
    x = xp.full(3, 100, dtype=xp.int8)
    assert xp.sum(x).item() == 300 and xp.prod(x).item() == 10**6 and xp.cumulative_sum(x)[-1].item() == 300
    assert xp.sum(xp.asarray([True, True])).dtype == xp.int64 and xp.sum(xp.ones(2, dtype=xp.uint8)).dtype == xp.uint64
    assert xp.sum(x, dtype=xp.int8).item() == 44 and xp.sum(x, dtype=xp.float32).dtype == xp.float32
    assert xp.linalg.trace(xp.full((3, 3), 100, dtype=xp.uint8)).dtype == xp.uint64
    for name in ("cumulative_sum", "cumulative_prod", "take"):
        more = (xp.asarray([0]),) if name == "take" else ()
        with pytest.raises(ValueError, match=f"{name}: without axis, x must be a vector, got shape"):
            getattr(xp, name)(xp.ones((2, 2)), *more)


def test_clipping_keeps_the_dtype():
    x = xp.asarray([1, 200], dtype=xp.uint8)
    assert xp.clip(x, max=xp.asarray([300, 100], dtype=xp.int16)).tolist() == [1, 100]
    assert xp.clip(x, max=xp.asarray(300, dtype=xp.int16)).dtype == xp.uint8
    assert xp.clip(xp.ones(1), 2.0, xp.asarray(3.0, dtype=xp.float64)).dtype == xp.float32
    assert xp.clip(x, 1.5).tolist() == [1.5, 200.0] and xp.clip(x).tolist() == x.tolist()  # nothing is truncated


def test_numbers_chosen_by_where():
    mask = xp.asarray([True, False])
    assert xp.where(mask, 1, 2).dtype == xp.int64 and xp.where(mask, True, False).dtype == xp.bool
    assert xp.where(mask, 1.0, 2).dtype == xp.float32  # the default dtype
    assert xp.where(mask, xp.ones(2, dtype=xp.int8), xp.asarray(1, dtype=xp.uint8)).dtype == xp.int16


@pytest.mark.parametrize("dtype", FLOATS)
def test_linear_algebra(dtype):
    n = np.random.default_rng(0)
    a = n.normal(size=(2, 3, 3)).astype(dtype)
    s, wide, v = (a @ a.mT + 3 * np.eye(3, dtype=dtype)), a[:, :2], a[0, 0]
    t, ts, tw, tv = map(xp.asarray, (a, s, wide, v))
    tolerance = {"rtol": 2e-4, "atol": 2e-5} if dtype == "float32" else {"rtol": 1e-9, "atol": 1e-12}

    def close(ours, theirs):
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours.array, theirs, **tolerance)

    for name, args, arrays, options in (
        ("cholesky", [ts], [s], {}), ("cholesky", [ts], [s], {"upper": True}), ("det", [t], [a], {}),
        ("eigvalsh", [ts], [s], {}), ("inv", [t], [a], {}), ("pinv", [tw], [wide], {}), ("svdvals", [tw], [wide], {}),
        ("matrix_power", [t, -2], [a, -2], {}), ("matrix_norm", [tw], [wide], {}),
        ("matrix_norm", [tw], [wide], {"ord": 2, "keepdims": True}), ("matrix_norm", [tw], [wide], {"ord": "nuc"}),
        ("vector_norm", [t], [a], {"ord": 3}), ("vector_norm", [t], [a], {"axis": (0, 2), "keepdims": True}),
        ("solve", [t, ts], [a, s], {}), ("solve", [t[0], tv], [a[0], v], {}), ("matmul", [t, tw.mT], [a, wide.mT], {}),
    ):  # fmt: skip
        close(getattr(xp.linalg, name)(*args, **options), getattr(np.linalg, name)(*arrays, **options))
    close(xp.linalg.vector_norm(t, axis=()), np.abs(a))
    close(xp.linalg.solve(t, tv), np.linalg.inv(a) @ v)  # a vector beside a stack of matrices
    close(xp.linalg.solve(t, xp.ones((3, 1), dtype=t.dtype)), np.linalg.solve(a, np.ones((3, 1), dtype)))
    cube = np.stack([s[0], 2 * s[0], s[1]])
    close(xp.linalg.solve(xp.asarray(cube), ts[0]), np.linalg.inv(cube) @ s[0])  # one matrix beside a stack of as many
    assert xp.linalg.matrix_rank(t).tolist() == [3, 3] and xp.linalg.matrix_rank(t, rtol=2.0).tolist() == [0, 0]
    for mode in ("reduced", "complete"):
        q, r = xp.linalg.qr(tw.mT, mode=mode)
        close(q @ r, wide.mT)
    values, vectors = xp.linalg.eigh(ts)
    close(vectors * values[:, None, :] @ vectors.mT, s)
    u, d, vh = xp.linalg.svd(tw, full_matrices=False)
    close(u * d[:, None, :] @ vh, wide)
    sign, logabsdet = xp.linalg.slogdet(t)
    close(sign * xp.exp(logabsdet), np.linalg.det(a))


def test_gradients_flow():
    x = mg.tensor([0.5, 2.0], dtype=mg.float32, requires_grad=True)
    y = xp.sum(xp.multiply(xp.sort(x, descending=True), xp.asarray([1.0, 3.0], dtype=xp.float64)))
    y.backward()
    assert y.dtype == xp.float64 and x.grad.dtype == xp.float32 and x.grad.tolist() == [3.0, 1.0]


def test_hypothesis_draws_tensors():
    """Its strategies for any namespace, which array-api-tests draws its arrays by."""
    from hypothesis.extra.array_api import make_strategies_namespace

    strategies = make_strategies_namespace(xp)
    assert strategies.api_version >= "2021.12"
    shapes = strategies.array_shapes(min_side=0, max_dims=3, max_side=3)

    @few
    @given(st.data())
    def draw(data):
        x = data.draw(strategies.arrays(strategies.real_dtypes(), shapes))
        y = data.draw(strategies.arrays(x.dtype, strategies.broadcastable_shapes(x.shape, min_side=0, max_dims=3)))
        index = data.draw(strategies.indices(x.shape))
        assert isinstance(x, mg.Tensor)
        with np.errstate(all="ignore"):
            check(xp.maximum(x, y), np.maximum(x.array, y.array), "maximum")
        check(x[index], x.array[index], index)

    draw()


OPERATORS = {
    "add": "add", "sub": "subtract", "truediv": "divide", "mod": "remainder", "pow": "pow", "and_": "bitwise_and",
    "rshift": "bitwise_right_shift", "lt": "less", "eq": "equal",
}  # fmt: skip


def test_operators_differ_from_the_standard_beside_0d_tensors_alone():
    """They are PyTorch's; the guide says so. The functions of the namespace never differ."""
    strict = pytest.importorskip("array_api_strict", reason="array_api_strict has the standard's operators")
    pairs = [(a, b) for a, b in itertools.product(("bool", *NUMBERS), repeat=2) if promotable(a, b)]
    differ = set()
    for symbol, name in OPERATORS.items():
        apply = getattr(operator, symbol)
        for (first, second), shapes in itertools.product(pairs, (((2,), (2,)), ((2,), ()), ((), ()))):
            expected, x = (
                [m.ones(shape, dtype=getattr(m, dtype)) for shape, dtype in zip(shapes, (first, second), strict=True)]
                for m in (strict, xp)
            )
            try:
                wanted = str(apply(*expected).dtype).rpartition(".")[2]
            except TypeError:  # not of these dtypes
                continue
            assert str(getattr(xp, name)(*x).dtype) == wanted, (name, first, second, shapes)
            if str(apply(*x).dtype) != wanted:
                assert first != second
                differ.add(shapes)
    assert differ == {((2,), ())}
