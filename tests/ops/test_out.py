"""`out=`: the tensor that takes the result, of every kind of operation, by the rules of PyTorch."""

import numpy as np
import pytest

import minigrad as mg

X = np.array([[0.5, -1.0, 2.0], [3.0, 0.25, -0.75]])
SQUARE = X @ X.T + np.eye(2)
CALLS = {  # (dtype of out, or the dtypes of several; the call with the arrays X and SQUARE as tensors)
    "exp": ("float64", lambda lib, x, s, **o: lib.exp(x, **o)),
    "add": ("float64", lambda lib, x, s, **o: lib.add(x, 1, alpha=2, **o)),
    "float32": ("float32", lambda lib, x, s, **o: lib.mul(x, x, **o)),
    "eq": ("float64", lambda lib, x, s, **o: lib.eq(x, 2.0, **o)),
    "gt": ("bool", lambda lib, x, s, **o: lib.gt(x, 0, **o)),
    "div": ("float64", lambda lib, x, s, **o: lib.div(x, 2, **o)),
    "div to floor": ("float64", lambda lib, x, s, **o: lib.div(x, 2, rounding_mode="floor", **o)),
    "divide to zero": ("float64", lambda lib, x, s, **o: lib.divide(x, 2, rounding_mode="trunc", **o)),
    "clamp": ("float64", lambda lib, x, s, **o: lib.clamp(x, min=0, **o)),
    "where": ("float64", lambda lib, x, s, **o: lib.where(x > 0, x, x * x, **o)),
    "lerp": ("float64", lambda lib, x, s, **o: lib.lerp(x, x * x, 0.25, **o)),
    "sum": ("float64", lambda lib, x, s, **o: lib.sum(x, 1, **o)),
    "sum of dtype": ("float64", lambda lib, x, s, **o: lib.sum(x, 1, dtype=lib.float64, **o)),
    "mean": ("float64", lambda lib, x, s, **o: lib.mean(x, dim=0, keepdim=True, **o)),
    "std": ("float64", lambda lib, x, s, **o: lib.std(x, 1, **o)),
    "cumsum": ("float64", lambda lib, x, s, **o: lib.cumsum(x, 1, dtype=lib.float64, **o)),
    "argmax": ("int64", lambda lib, x, s, **o: lib.argmax(x, 1, **o)),
    "matmul": ("float64", lambda lib, x, s, **o: lib.matmul(s, x, **o)),
    "mm": ("float64", lambda lib, x, s, **o: lib.mm(s, x, **o)),
    "addmm": ("float64", lambda lib, x, s, **o: lib.addmm(x, s, x, **o)),
    "cat": ("float64", lambda lib, x, s, **o: lib.cat([x, x], 1, **o)),
    "stack": ("float64", lambda lib, x, s, **o: lib.stack((x, x), **o)),
    "index_select": ("float64", lambda lib, x, s, **o: lib.index_select(x, 1, lib.tensor([2, 0]), **o)),
    "tril": ("float64", lambda lib, x, s, **o: lib.tril(x, **o)),
    "inverse": ("float64", lambda lib, x, s, **o: lib.linalg.inv(s, **o)),
    "vector_norm": ("float64", lambda lib, x, s, **o: lib.linalg.vector_norm(x, **o)),
    "max": (("float64", "int64"), lambda lib, x, s, **o: lib.max(x, 1, **o)),
    "sort": (("float64", "int64"), lambda lib, x, s, **o: lib.sort(x, 1, **o)),
    "topk": (("float64", "int64"), lambda lib, x, s, **o: lib.topk(x, 2, **o)),
    "eigh": (("float64", "float64"), lambda lib, x, s, **o: lib.linalg.eigvalsh(s, **o)),
    "zeros": ("float64", lambda lib, x, s, **o: lib.zeros(2, 3, **o)),
    "ones": ("int64", lambda lib, x, s, **o: lib.ones((2,), **o)),
    "full": ("float64", lambda lib, x, s, **o: lib.full((2,), 3.0, **o)),
    "eye": ("float32", lambda lib, x, s, **o: lib.eye(3, **o)),
    "arange": ("float32", lambda lib, x, s, **o: lib.arange(1, 7, 2, **o)),
    "linspace": ("float64", lambda lib, x, s, **o: lib.linspace(0, 1, 5, **o)),
}
CALLS["eigh"] = ("float64", CALLS["eigh"][1])
DRAWS = {
    "rand": lambda **o: mg.rand(2, 3, **o), "randn": lambda **o: mg.randn((2, 3), **o),
    "normal": lambda **o: mg.normal(0.0, 1.0, (2, 3), **o), "randint": lambda **o: mg.randint(5, (2, 3), **o),
    "randperm": lambda **o: mg.randperm(6, **o), "bernoulli": lambda **o: mg.bernoulli(mg.tensor([0.2, 0.8]), **o),
    "multinomial": lambda **o: mg.multinomial(mg.tensor([0.2, 0.8]), 2, **o),
}  # fmt: skip


def outs_of(lib, dtypes):
    made = tuple(lib.zeros(0, dtype=getattr(lib, name)) for name in ([dtypes] if isinstance(dtypes, str) else dtypes))
    return made[0] if isinstance(dtypes, str) else made


def called(lib, name):
    """The result without `out`, and with it."""
    dtypes, call = CALLS[name]
    x, s, out = lib.tensor(X), lib.tensor(SQUARE), outs_of(lib, dtypes)
    plain, put = call(lib, x, s), call(lib, x, s, out=out)
    return [
        [t.numpy() for t in (results if isinstance(results, tuple) else (results,))] for results in (plain, put, out)
    ], all(a is b for a, b in zip(*((r if isinstance(r, tuple) else (r,)) for r in (put, out)), strict=True))


@pytest.mark.parametrize("name", CALLS)
def test_out_takes_the_result(name):
    (plain, put, out), same = called(mg, name)
    assert same
    for a, b, c in zip(plain, put, out, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-6)
        np.testing.assert_array_equal(b, c)


@pytest.mark.parametrize("name", CALLS)
def test_as_pytorch(name):
    torch = pytest.importorskip("torch")
    for a, b in zip(called(mg, name)[0][1], called(torch, name)[0][1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-12)
        assert a.dtype == b.dtype and a.shape == b.shape


@pytest.mark.parametrize("name", DRAWS)
def test_draws(name):
    mg.manual_seed(0)
    plain = DRAWS[name]()
    out = mg.zeros(plain.shape, dtype=mg.float64)
    mg.manual_seed(0)
    assert DRAWS[name](out=out) is out and out.dtype == np.float64
    np.testing.assert_allclose(out.numpy(), plain.numpy(), rtol=1e-6)
    assert DRAWS[name](out=None).shape == plain.shape


def test_shapes():
    x, out = mg.tensor(X), mg.zeros(3)
    with pytest.warns(UserWarning, match=r"exp: out was resized from \(3,\) to \(2, 3\)") as seen:
        mg.exp(x, out=out)
    assert out.shape == (2, 3) and seen[0].filename == __file__
    assert mg.exp(x, out=out) is out and mg.exp(x, out=None) is not out  # no warning


def test_the_result_of_out_is_its_own():
    x = mg.tensor(X)
    out = mg.empty(0, dtype=mg.float64)
    mg.positive(x, out=out)
    out[0, 0] = 7.0
    assert x[0, 0] == 0.5
    mg.add(x, x, out=x)  # an input may take the result
    np.testing.assert_array_equal(x.numpy(), 2 * X)


def test_refusals_change_nothing():
    x = mg.tensor(X)
    whole, pair = mg.zeros(2, 3, dtype=mg.int64), (mg.zeros(2), mg.zeros(2, dtype=mg.bool))
    with pytest.raises(mg.DTypeError, match="exp: the result is of dtype float64, and out of int64, which cannot hold it"):
        mg.exp(x, out=whole)
    with pytest.raises(mg.DTypeError, match="max: the result is of dtype int64, and out of bool"):
        mg.max(x, 1, out=pair)
    assert not whole.any() and not pair[0].any()
    for out, message in ((x, "a tuple of 2 tensors, got Tensor"), ((x,), "a tuple of 2 tensors"), ([1, 2], "a tuple of 2")):
        with pytest.raises(TypeError, match=f"max: out must be {message}"):
            mg.max(x, 1, out=out)
    with pytest.raises(TypeError, match="exp: out must be a tensor, got ndarray"):
        mg.exp(x, out=np.zeros(3))


def test_nothing_is_recorded():
    x, leaf, out = mg.tensor(X), mg.tensor(X, requires_grad=True), mg.zeros(2, 3)
    for call, who in (
        (lambda: mg.exp(leaf, out=out), "an input"), (lambda: mg.exp(x, out=leaf), "out"),
        (lambda: mg.rand(2, 3, out=leaf), "out"), (lambda: mg.mean(leaf * 2, out=out), "an input"),
    ):  # fmt: skip
        with pytest.raises(mg.GraphError, match=rf"out= records nothing, and {who} requires a gradient\n  hint: leave out="):
            call()
    assert not out.any() and (leaf.detach().numpy() == X).all()
    with mg.no_grad():
        mg.exp(leaf, out=out)
        mg.exp(x, out=leaf)
    assert out.requires_grad is False and leaf.requires_grad and leaf.is_leaf
    np.testing.assert_allclose(leaf.detach().numpy(), np.exp(X))
