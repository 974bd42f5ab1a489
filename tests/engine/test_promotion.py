"""Result types: PyTorch's table over all pairs of dtypes and kinds, floats from integers, and float16 summed in float32."""

import itertools
import math

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from tests.ops.specs import SPECS

DTYPES = "?Bbhilefd"
NUMBERS = (True, 2, 2.5)
FLOAT64 = {"float_power", "bincount of weights"}  # of integers, as in PyTorch
# torch.result_type (2.13) of the operand at the left with each of: arrays of the nine dtypes, 0-d arrays of them, numbers.
TABLE = {
    ("array", "?"): "?Bbhilefd ?Bbhilefd ?lf",
    ("array", "B"): "BBhhilefd BBBBBBefd BBf",
    ("array", "b"): "bhbhilefd bbbbbbefd bbf",
    ("array", "h"): "hhhhilefd hhhhhhefd hhf",
    ("array", "i"): "iiiiilefd iiiiiiefd iif",
    ("array", "l"): "llllllefd llllllefd llf",
    ("array", "e"): "eeeeeeefd eeeeeeeee eee",
    ("array", "f"): "ffffffffd fffffffff fff",
    ("array", "d"): "ddddddddd ddddddddd ddd",
    ("0-d", "?"): "?Bbhilefd ?Bbhilefd ?lf",
    ("0-d", "B"): "BBbhilefd BBhhilefd BBf",
    ("0-d", "b"): "bBbhilefd bhbhilefd bbf",
    ("0-d", "h"): "hBbhilefd hhhhilefd hhf",
    ("0-d", "i"): "iBbhilefd iiiiilefd iif",
    ("0-d", "l"): "lBbhilefd llllllefd llf",
    ("0-d", "e"): "eeeeeeefd eeeeeeefd eee",
    ("0-d", "f"): "ffffffefd ffffffffd fff",
    ("0-d", "d"): "ddddddefd ddddddddd ddd",
}
PAIRS = [
    (kind, char, other, expected)
    for (kind, char), row in TABLE.items()
    for other, expected in zip([*itertools.product(("array", "0-d"), DTYPES), *NUMBERS], row.replace(" ", ""), strict=True)
]


def array(kind, char):
    return np.ones(2 if kind == "array" else (), char)


def test_the_table_is_pytorchs():
    torch = pytest.importorskip("torch")
    for kind, char, other, expected in PAIRS:
        y = torch.tensor(array(*other)) if isinstance(other, tuple) else other
        theirs = torch.result_type(torch.tensor(array(kind, char)), y)
        assert np.dtype(str(theirs)[6:]) == np.dtype(expected), (kind, char, other)


@pytest.mark.parametrize("kind", ["array", "0-d"])
@pytest.mark.parametrize("char", DTYPES)
def test_operations_follow_the_table(kind, char):
    functions = (lambda x, y: x + y, lambda x, y: x * y, mg.maximum, lambda x, y: mg.where(mg.tensor(True), x, y))
    x = mg.tensor(array(kind, char))
    for other, expected in ((o, e) for k, c, o, e in PAIRS if (k, c) == (kind, char)):
        values = [mg.tensor(array(*other)), array(*other)] if isinstance(other, tuple) else [other]
        for y in values:
            assert mg.result_type(x, y) == expected
            for f in functions:
                assert f(x, y).dtype == f(y, x).dtype == np.dtype(expected), (f, other)
            quotient = x / y
            assert quotient.dtype == (np.dtype(expected) if expected in "efd" else np.float32)
            assert (x < y).dtype == bool


def test_numpys_scalars_are_numbers_and_0d_arrays_are_0d_tensors():
    x, n = mg.ones(2), mg.tensor([1, 2])
    for y in (np.float64(2), np.array(2.0), mg.tensor(np.array(2.0)), np.int64(2), np.float16(2)):
        assert (x * y).dtype == (y * x).dtype == np.float32
    assert (n * np.float64(2)).dtype == (n + np.float16(1)).dtype == np.float32
    assert (n * np.int8(2)).dtype == np.int64 and (mg.tensor([1], dtype=mg.int8) * np.int64(2)).dtype == np.int8
    assert (x * np.ones(2)).dtype == np.float64  # a plain array counts as a tensor of its dtype
    assert (x * [1.0, 2.0]).dtype == np.float32  # a list of Python's numbers is a tensor of the default dtype
    a, b = mg.tensor(0.1, dtype=mg.float64), mg.tensor([0.1])
    assert (a == b).tolist() == [True]  # in float32, as PyTorch


def test_float32_models_stay_float32():
    x, mask = mg.tensor([1.0, 2.0, 4.0], requires_grad=True), mg.tensor([True, False, True])
    mean = (x * mask).sum() / mask.sum()
    assert mean.dtype == np.float32 and mean.item() == 2.5
    loss = ((x - mg.tensor([1, 2, 3])) * mg.tensor(np.array(0.5)) + np.float64(1)).sum()
    loss.backward()
    assert loss.dtype == x.grad.dtype == np.float32
    assert mg.cat([x, mg.tensor([1])]).dtype == mg.stack([x[0], mg.tensor(1)]).dtype == np.float32


def test_gradients_are_of_the_promoted_values():
    # x**2 * n in float32; each input's gradient is of its own dtype, to any order.
    x = mg.tensor([1.5, 2.0], dtype=mg.float16, requires_grad=True)
    y = mg.tensor([3.0, 5.0], requires_grad=True)
    gx, gy = mg.autograd.grad((x * x * y).sum(), [x, y], create_graph=True)
    assert (gx.dtype, gx.tolist()) == (np.float16, [9.0, 20.0]) and (gy.dtype, gy.tolist()) == (np.float32, [2.25, 4.0])
    (gxx,) = mg.autograd.grad(gx.sum(), x)
    assert (gxx.dtype, gxx.tolist()) == (np.float16, [6.0, 10.0])


def test_integers_wrap_only_where_sums_do():
    u = mg.tensor([2, 200], dtype=mg.uint8)
    assert (u * 300).tolist() == [88, 96] and (u + 300).tolist() == [46, 244] and (u - 3).tolist() == [255, 197]
    assert (u < 300).tolist() == [True, True]  # PyTorch compares with 300 - 256
    for refused in (lambda: u.clip(0, 300), lambda: mg.where(u > 2, u, 300)):
        with pytest.raises(mg.DTypeError, match="300 is beyond uint8, 0 to 255"):
            refused()
    assert (u.sum() - 301).item() == -99 and u.sum().dtype == u.prod().dtype == u.cumsum(0).dtype == np.int64
    assert mg.tensor([True, True]).sum().dtype == mg.tensor([True]).cumprod(0).dtype == np.int64
    weighed = mg.bincount(u, mg.tensor([200, 100], dtype=mg.uint8))
    assert type(weighed) is mg.Tensor and weighed.dtype == np.float64 and weighed[[2, 200]].tolist() == [200, 100]
    assert u.sum_to_size(1).tolist() == [202] and u.sum_to_size(1).dtype == u.sum_to_size(()).dtype == np.int64
    assert u.prod(0, dtype=mg.uint8).item() == 144 and u.prod(dtype=mg.uint8).dtype == np.uint8
    assert u.sum(dtype=mg.uint8).item() == 202 and u.cumsum(0, dtype=mg.int8).tolist() == [2, -54]


def test_unsigned_integers_beside_signed_ones_of_their_size_are_refused():
    with pytest.raises(mg.DTypeError, match="no integer dtype holds both uint64 and int64"):
        mg.tensor(np.ones(1, np.uint64)) + mg.tensor([1])


def test_integer_division():
    a, b = mg.tensor([2**40 + 1, -7, 7]), mg.tensor([1, 2, -2])
    assert mg.div(a, b, rounding_mode="trunc").tolist() == [2**40 + 1, -3, -3]
    assert mg.divide(a, b, rounding_mode="floor").tolist() == [2**40 + 1, -4, -4]
    for divide in (lambda p, q: p // q, lambda p, q: p % q, mg.fmod, lambda p, q: mg.div(p, q, rounding_mode="trunc")):
        for zero in (0, mg.tensor([1, 0, 1])):
            with pytest.raises(ZeroDivisionError, match="integers cannot be divided by zero"):
                divide(a, zero)
    with np.errstate(divide="ignore"):
        assert (a.float() // 0).tolist() == [np.inf, -np.inf, np.inf]
        assert mg.tensor([2, 0]).reciprocal().tolist() == [0.5, np.inf]


def test_what_is_whole_stays_whole():
    n = mg.tensor([2, -3])
    for f in (mg.floor, mg.ceil, mg.trunc, mg.round, mg.rint, mg.sign, mg.square, F.relu, F.hardtanh):
        assert f(n).dtype == np.int64, f
    assert mg.heaviside(mg.tensor([5, 0]), mg.tensor([7, 7])).tolist() == [1, 7]
    b = mg.tensor([True, False])
    assert mg.sign(b).dtype == bool and mg.square(b).dtype == np.int64
    assert mg.float_power(n, 2).dtype == np.float64
    assert mg.ldexp(mg.tensor([3.0]), mg.tensor([0.5])).item() == pytest.approx(3 * 2**0.5)
    for refused in (lambda: -b, lambda: b - b, lambda: b // b, lambda: b % b, lambda: b**b):
        with pytest.raises(mg.DTypeError, match="boolean"):
            refused()


def test_halves_are_summed_in_float32():
    ones, large = mg.ones(100_000, dtype=mg.float16), mg.tensor([300.0, 400.0], dtype=mg.float16)
    assert ones.mean().item() == 1
    with np.errstate(over="ignore"):
        assert ones.sum().item() == np.inf
        assert F.mse_loss(large, large + 300).item() == np.inf  # 90,000 is no half
    assert large.norm().item() == mg.linalg.vector_norm(large).item() == 500
    assert F.rms_norm(large, (2,)).tolist() == [0.8486328125, 1.1318359375]
    assert F.layer_norm(mg.tensor([-300.0, 300.0], dtype=mg.float16), (2,)).tolist() == [-1, 1]
    assert F.normalize(large, dim=0).tolist() == [np.float16(0.6), np.float16(0.8)]
    assert F.cosine_similarity(large, large, dim=0).item() == 1
    assert F.mse_loss(large, large + 200).item() == 40_000  # but a sum of squares on the way may be none
    assert F.avg_pool1d(mg.full((1, 1, 4), 60_000.0, dtype=mg.float16), 4).item() == np.float16(60_000)
    net = mg.nn.BatchNorm1d(2).half()
    x = mg.tensor(np.array([[-300, 100], [300, 500]], np.float16), requires_grad=True)
    out = net(x)
    assert out.dtype == np.float16 and out.tolist() == [[-1, -1], [1, 1]]
    assert net.running_mean.dtype == np.float16 and net.running_mean.tolist() == [0, 30]
    (out * mg.tensor([[1.0, 0.0], [0.0, 0.0]], dtype=mg.float16)).sum().backward()
    assert x.grad.dtype == np.float16 and np.isfinite(x.grad.numpy()).all()


def test_halves_are_rounded_once():
    rng = np.random.default_rng(0)
    three = [rng.standard_normal((3, 4, 4)) for _ in range(3)]
    one = [a[0] for a in three]
    calls = [(mg.lerp, three), (mg.addcmul, three), (mg.addcdiv, three), (mg.baddbmm, three), (mg.addmm, one)]
    calls += [
        (mg.addbmm, [one[0], *three[1:]]),
        (mg.addmv, [one[0][0], one[1], one[2][0]]),
        (mg.addr, [one[0], one[1][0], one[2][0]]),
    ]
    calls += [(F.conv_transpose2d, [three[0], rng.standard_normal((3, 5, 2, 2)), rng.standard_normal(5)])]
    calls += [(F.batch_norm, [three[0], *np.abs(one[0])])]
    for op, arrays in calls:
        halves = [mg.tensor(a, dtype=mg.float16) for a in arrays]
        once = op(*[h.float() for h in halves]).half()
        assert (op(*halves) == once).all(), op


def test_what_no_half_holds_on_the_way_is_not_in_the_result():
    def half(*rows, **options):
        return mg.tensor(np.array(rows), dtype=mg.float16, **options)

    # Down the rows NumPy adds and multiplies in float16: it overflows, and 2048 + 1 is 2048.
    ones, large = mg.ones(4096, 2, dtype=mg.float16), half([6e4, 1.0], [6e4, 1.0], [-6e4, 1.0], [-6e4, 1.0])
    for result, expected in (
        (large.sum(0), [0, 4]), (half([300.0, 2.0], [300.0, 2.0], [0.01, 2.0]).prod(0), [900, 8]), (ones.sum(0), [4096] * 2),
        (mg.softmax(ones, 0)[0], [1 / 4096] * 2), (mg.logsumexp(ones, 0), [1 + math.log(4096)] * 2),
        (half([300.0, 300.0]) @ half([300.0], [-299.0]), [[300]]),
    ):  # fmt: skip
        assert result.dtype == np.float16 and result.tolist() == np.array(expected, np.float16).tolist()
    b = half(0.0, 0.0, requires_grad=True)
    (b + large).backward(large)
    assert b.grad.tolist() == [0, 4]


def test_an_option_dtype_is_the_dtype():
    h = mg.ones(3, dtype=mg.float16)
    for f in (
        mg.sum,
        mg.mean,
        mg.prod,
        mg.nansum,
        lambda x, **o: x.cumsum(0, **o),
        lambda x, **o: mg.softmax(x, 0, **o),
        lambda x, **o: F.softmin(x, 0, **o),
    ):
        assert f(h, dtype=mg.float32).dtype == np.float32 and f(h, dtype=mg.float64).dtype == np.float64
    for norm in (mg.norm, mg.linalg.norm, mg.linalg.vector_norm, lambda x, **o: mg.linalg.matrix_norm(x[None], **o)):
        assert norm(h, dtype=mg.float32).dtype == np.float32 and norm(h).dtype == np.float16
    assert mg.tensor([1, 2]).mean(dtype=mg.float64).item() == 1.5
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    x.sum(dtype=mg.float64).backward()
    assert x.grad.dtype == np.float32 and x.grad.tolist() == [1, 1]


# Every operation beside itself on float64.

INTEGER_CALCULUS = (  # wraps by nature, or has another meaning for integers
    "power", "number to a power", "operators with numbers and arrays", "addmm", "cumprod", "argpartition", "partition",
    "topk of many", "cholesky", "cholesky_ex", "eigh", "eigvalsh", "logdet", "pinv of low rank", "cov, weighed",
    "nextafter", "addbmm", "addr", "scatter_reduce", "index_reduce",
)  # fmt: skip


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_every_operation_agrees_with_itself_on_float64(spec):
    for seed, char in itertools.product(range(2), "?Bblef"):
        if spec.name in INTEGER_CALCULUS and char != "f":
            continue
        with np.errstate(all="ignore"):
            _compare(spec, np.random.default_rng(seed), np.dtype(char))


def _compare(spec, rng, dtype):
    sample = spec.sample(rng)
    bounds = {"b": (0, 2), "u": (0, 201), "i": (-100, 101)}

    def drawn(a):
        return a.astype(dtype) if dtype.kind == "f" else rng.integers(*bounds[dtype.kind], a.shape).astype(dtype)

    floats = [isinstance(a, np.ndarray) and a.dtype.kind == "f" for a in sample.args]
    args = [drawn(a) if is_float else a for a, is_float in zip(sample.args, floats, strict=True)]

    def called(to):
        given = [mg.tensor(a, to) if is_float else a for a, is_float in zip(args, floats, strict=True)]
        out = spec.fn(*given, **sample.kwargs)
        return list(out) if isinstance(out, tuple | list) else [out]

    try:
        wide = called(np.float64)
    except (ValueError, TypeError, ArithmeticError):
        return  # outside the domain of the operation
    try:
        narrow = called(dtype)
    except (mg.DTypeError, np.linalg.LinAlgError):
        return
    for ours, expected in zip(narrow, wide, strict=True):
        if not isinstance(ours, mg.Tensor):
            continue
        ours, expected = ours.detach().numpy(), expected.detach().numpy()
        assert ours.shape == expected.shape
        if ours.dtype.kind != "f":
            whole = np.nan_to_num(expected).astype(np.int64).astype(ours.dtype)
            assert dtype.kind == "f" or (ours == whole).all()  # a place among halves may be another
            continue
        assert ours.dtype == (dtype if dtype.kind == "f" else np.float32) or spec.name in FLOAT64
        inside = ~(np.abs(expected) > 1e30)  # of what float32 holds, also on the way
        ours, expected = ours[inside], expected[inside]
        scale = np.abs(expected[np.isfinite(expected)]).max(initial=1e-3)
        tolerance = {"e": 4e-3, "f": 5e-5}.get(dtype.char, 5e-4)
        np.testing.assert_allclose(
            ours.astype(float), expected.astype(ours.dtype).astype(float), rtol=tolerance, atol=tolerance * scale
        )


def test_a_choice_of_numbers_is_of_their_dtype():
    for condition in (mg.tensor([True, False]), mg.tensor([1.0, 0.0]), mg.tensor([1.0, 0.0], dtype=mg.float64)):
        assert mg.where(condition, 1.0, 2).dtype == np.float32 and mg.where(condition, 1, 2).dtype == np.int64
        assert mg.where(condition, True, False).dtype == bool
        assert mg.where(condition, mg.ones(2), 2.0).dtype == np.float32


def test_a_mask_fills_in_the_dtype_of_what_it_fills():
    b = mg.tensor([True, False])
    assert b.masked_fill(mg.tensor([True, True]), 10).dtype == bool
    assert mg.tensor([1, 2]).masked_fill(b, mg.tensor(7, dtype=mg.int8)).dtype == np.int64
    assert mg.ones(2).masked_fill(b, 3).dtype == mg.ones(2).masked_fill(b, np.float64(3)).dtype == np.float32


def test_lists_are_of_the_default_dtype():
    layer = mg.nn.Linear(3, 2)
    assert layer([[1.0, 2.0, 3.0]]).dtype == np.float32
    assert (mg.ones(2) @ [[1.0], [2.0]]).tolist() == [3.0]
