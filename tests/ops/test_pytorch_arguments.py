"""Arguments as PyTorch has them: its names for operands, its options, and what it refuses."""

import ast
import inspect
from operator import attrgetter
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import linalg
from minigrad.errors import DTypeError, GraphError, ShapeError

t = mg.tensor
X, Y, M = t([1.0, 2.0]), t([3.0, 5.0]), t([[1.0, 2.0], [3.0, 5.0]])
I = t([1, 0])


def same(found, wanted):
    pairs = zip(found, wanted, strict=True) if isinstance(found, tuple) else [(found, wanted)]
    for a, b in pairs:
        np.testing.assert_array_equal(a.numpy(), b, strict=isinstance(b, np.ndarray))


NAMED = [
    (lambda: mg.add(input=X, other=Y), [4, 7]), (lambda: mg.add(X, other=Y, alpha=2), [7, 12]),
    (lambda: mg.matmul(input=M, other=Y), [13, 34]), (lambda: X.pow(exponent=2), [1, 4]),
    (lambda: mg.heaviside(input=X, values=Y), [1, 1]), (lambda: mg.exp(input=X * 0), [1, 1]),
    (lambda: mg.where(X > 1, input=X, other=Y), [3, 2]), (lambda: mg.max(X, other=t([2.0, 1.0])), [2, 2]),
    (lambda: mg.lerp(input=X, end=Y, weight=0.5), [2, 3.5]), (lambda: mg.mm(input=M, mat2=M), [[7, 12], [18, 31]]),
    (lambda: mg.mv(M, vec=X), [5, 13]), (lambda: mg.outer(X, vec2=Y), [[3, 5], [6, 10]]), (lambda: X.dot(tensor=Y), 13),
    (lambda: mg.cat(tensors=[X, Y], dim=0), [1, 2, 3, 5]), (lambda: mg.stack(tensors=[X, Y], dim=1), [[1, 3], [2, 5]]),
    (lambda: mg.transpose(M, dim0=0, dim1=1), [[1, 3], [2, 5]]), (lambda: M.transpose(0, dim1=1), [[1, 3], [2, 5]]),
    (lambda: M.swapaxes(axis0=0, axis1=1), [[1, 3], [2, 5]]), (lambda: mg.swapdims(M, dim0=0, dim1=1), [[1, 3], [2, 5]]),
    (lambda: np.swapaxes(M, axis1=0, axis2=1), [[1, 3], [2, 5]]), (lambda: X.split(split_size=1), [[1], [2]]),
    (lambda: mg.hsplit(input=X, sections=2), [[1], [2]]), (lambda: X.tensor_split(indices=[1]), [[1], [2]]),
    (lambda: mg.permute(input=M, dims=(1, 0)), [[1, 3], [2, 5]]), (lambda: X.expand(size=(1, 2)), [[1, 2]]),
    (lambda: mg.broadcast_to(X, size=(1, 2)), [[1, 2]]), (lambda: X.view(size=(2, 1)), [[1], [2]]),
    (lambda: X.repeat(repeats=(2,)), [1, 2, 1, 2]), (lambda: X.tile(dims=(2,)), [1, 2, 1, 2]),
    (lambda: mg.flip(X, dims=(0,)), [2, 1]), (lambda: mg.roll(input=X, shifts=1, dims=0), [2, 1]),
    (lambda: mg.index_select(input=X, dim=0, index=I), [2, 1]), (lambda: mg.gather(input=X, dim=0, index=I), [2, 1]),
    (lambda: mg.searchsorted(X, input=t(2.0)), 1), (lambda: mg.embedding(indices=I, weight=M), [[3, 5], [1, 2]]),
    (lambda: F.embedding(input=I, weight=M), [[3, 5], [1, 2]]), (lambda: F.softmax(input=X * 0, dim=0), [0.5, 0.5]),
    (lambda: F.relu(input=-X), [0, 0]), (lambda: F.relu(input=-X, inplace=True), [0, 0]), (lambda: F.elu(input=X), [1, 2]),
    (lambda: F.pad(input=X, pad=(1, 0)), [0, 1, 2]), (lambda: F.one_hot(tensor=I), [[0, 1], [1, 0]]),
    (lambda: F.interpolate(input=X.reshape(1, 1, 2), scale_factor=2), [[[1, 1, 2, 2]]]),
    (lambda: linalg.det(A=M), linalg.det(M).item()), (lambda: linalg.solve(A=M, B=Y), linalg.solve(M, Y).tolist()),
    (lambda: mg.dist(input=X, other=X), 0), (lambda: mg.isclose(input=X, other=X), [True, True]),
    (lambda: mg.zeros_like(input=X), [0, 0]), (lambda: mg.isin(elements=X, test_element=2), [False, True]),
    (lambda: mg.zeros(size=(2,)), [0, 0]), (lambda: mg.ones(size=(1, 2)), [[1, 1]]), (lambda: mg.arange(end=2), [0, 1]),
    (lambda: mg.full(size=(2,), fill_value=3), [3, 3]),
    (lambda: mg.diagflat(X, offset=1), [[0, 1, 0], [0, 0, 2], [0, 0, 0]]),
    (lambda: mg.cov(input=M, correction=0), [[0.25, 0.5], [0.5, 1]]), (lambda: mg.polygamma(1, input=t([1.0])).round(), [2]),
]  # fmt: skip


@pytest.mark.parametrize("call, wanted", NAMED)
def test_operands_by_pytorchs_names(call, wanted):
    same(call(), wanted)


@pytest.mark.parametrize(
    "call",
    [
        lambda: mg.add(X, Y, other=Y), lambda: mg.add(X, x=X, y=Y), lambda: mg.add(X, input=X), lambda: mg.exp(x=X, input=X),
        lambda: mg.matmul(X, input=X), lambda: mg.matmul(x=X, input=X, other=Y), lambda: mg.matmul(X, Y, other=Y),
        lambda: mg.transpose(M, 0, dim0=0), lambda: mg.transpose(M, dim0=0), lambda: mg.cat([X], arrays=[X]),
        lambda: mg.zeros(2, size=(2,)), lambda: mg.add(X), lambda: mg.add(X, nothing=Y),
        lambda: F.relu(X, x=X, inplace=True), lambda: F.relu(inplace=True),
    ],
)  # fmt: skip
def test_an_argument_is_given_once(call):
    with pytest.raises(TypeError):
        call()


OTHERWISE = {  # PyTorch's arguments that are not taken, and why
    "out": "a tensor is a value", "names": "axes have no names", "layout": "every tensor is dense",
    "pin_memory": "no device",
    "memory_format": "no choice", "generator": "taken wherever something is drawn", "out_dtype": "of devices",
    "sparse_grad": "every tensor is dense", "cudnn_enable": "of devices", "cudnn_enabled": "of devices",
    "dtype": "of sums and scans: see there", "unbiased": "see var", "rounding_mode": "see div", "train": "see F.dropout",
    "equation": "F.einsum takes it by place only", "obj": "by place", "assume_unique": "see isin", "invert": "see isin",
    "copy": "see asarray", "size_average": "left behind by PyTorch itself", "reduce": "as size_average",
    "antialias": "not offered", "args": "of a wrapper", "kwargs": "of a wrapper",
}  # fmt: skip


def known(op):
    inner = op if hasattr(op, "known") else getattr(op, "__wrapped__", op)  # F.relu takes inplace= besides
    return {*inspect.signature(op).parameters, *getattr(inner, "known", ())}


def stubs(torch):
    """The parameters of each overload of PyTorch's functions, as its stubs have them."""
    tree = ast.parse((Path(torch.__file__).parent / "_C" / "_VariableFunctions.pyi").read_text())
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, [arg.arg for arg in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]


def test_every_argument_of_pytorchs_functions_has_its_name():
    torch = pytest.importorskip("torch")
    functions = list(stubs(torch))
    for name in F.__all__:
        function = getattr(torch.nn.functional, name, None)
        if inspect.isfunction(function) and not function.__name__.startswith(("fn", "boolean")):
            functions.append((f"nn.functional.{name}", [*inspect.signature(function).parameters]))
    compared, missing = set(), set()
    for name, parameters in functions:
        try:
            op = attrgetter(name)(mg)
        except AttributeError:
            continue
        compared.add(name)
        names = known(op)
        missing |= {
            (name, p)
            for p in parameters[:2]
            if p not in names and p not in OTHERWISE and p not in ("self", "size") and name != "result_type"
        }
    assert len(compared) > 250
    assert {(name, p) for name, p in missing if p not in ("inplace",)} == set()


# Ranges


def test_ranges_of_integers():
    same(mg.arange(0, 5, 1.5, dtype=mg.int64), [0, 1, 2, 3, 4])  # the step is cut to 1 first
    same(mg.arange(0, 5, 1.5, dtype=mg.int32), [0, 1, 2, 3])  # but counted before, there
    same(mg.arange(0.1, -7.9, -4, dtype=mg.int64), [0, -4])
    same(mg.arange(2**53, 2**53 + 3), [2**53, 2**53 + 1, 2**53 + 2])
    same(mg.arange(t(3)), [0, 1, 2])
    assert mg.arange(t(3.0)).dtype == np.float32 and mg.arange(3, dtype=mg.float32).dtype == np.float32
    same(mg.linspace(-2, 0, 5, dtype=mg.int64), [-2, -1, -1, 0, 0])  # cut towards zero, reckoned from the nearer end
    same(mg.linspace(0.7, 5.9, 5, dtype=mg.int64), [0, 1, 2, 3, 5])
    same(mg.linspace(t(0.0), t(1.0), 3), [0, 0.5, 1])
    same(mg.logspace(0, 2, 5, 2, dtype=mg.int64), [1, 1, 2, 2, 4])
    assert mg.linspace(0, 1, 0).shape == (0,) and mg.linspace(5, 1, 1).tolist() == [5]


@pytest.mark.parametrize("dtype", [mg.float32, mg.float64])
def test_linspace_is_symmetric_and_meets_both_ends(dtype):
    rng = np.random.default_rng(0)
    for steps in (2, 3, 10, 101):
        start, end = rng.standard_normal(2)
        x = mg.linspace(start, end, steps, dtype=dtype).numpy()
        assert x[0] == dtype(start) and x[-1] == dtype(end)
        np.testing.assert_array_equal(x, mg.linspace(end, start, steps, dtype=dtype).numpy()[::-1])


def test_ranges_beside_pytorch():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)

    def outcome(lib, name, args, dtype):
        try:
            return getattr(lib, name)(*args, dtype=getattr(lib, dtype)).tolist()
        except (ValueError, RuntimeError):
            return None

    for _ in range(300):
        a, b, c = (float(rng.integers(-9, 9)) if rng.random() < 0.5 else round(rng.uniform(-9, 9), 1) for _ in range(3))
        dtype = str(rng.choice(["int64", "int32", "float32", "float64"]))
        ours, theirs = (outcome(lib, "arange", (a, b, c), dtype) for lib in (mg, torch))
        assert (ours is None) == (theirs is None)
        assert ours is None or np.allclose(ours, theirs, atol=1e-5), (a, b, c, dtype)
        ours, theirs = (outcome(lib, "linspace", (a, b, 7), dtype) for lib in (mg, torch))
        off = np.abs(np.subtract(ours, theirs)).max()  # PyTorch's fused arithmetic may miss a whole number by a hair
        assert off <= 1 if dtype[0] == "i" else off < 1e-5


# What cannot be


@pytest.mark.parametrize(
    "call, error, says",
    [
        (lambda: mg.arange(0, 3, 0), ValueError, "arange: the step must not be 0"),
        (lambda: mg.arange(0, 5, 0.4, dtype=mg.int64), ValueError, "the step must not be 0"),
        (lambda: mg.arange(0, 3, -1), ValueError, "arange: the step leads from 0 away from 3, got -1"),
        (lambda: mg.arange(0, np.inf), ValueError, "must be finite"), (lambda: mg.arange(0, 1, np.nan), ValueError,
        "finite"),
        (lambda: mg.arange(0, 2, dtype=mg.bool), DTypeError, "arange: .* dtype bool"),
        (lambda: mg.arange("a"), TypeError, "real numbers, got str"),
        (lambda: mg.linspace(0, 1, -1), ValueError, "linspace: steps must be at least 0, got -1"),
        (lambda: mg.linspace(0, 1, 2.5), TypeError, "linspace: needs an integer, got 2.5"),
        (lambda: mg.linspace(0, 300, 4, dtype=mg.uint8), ValueError, "300 is out of bounds for dtype uint8"),
        (lambda: mg.logspace(0, 1, 3, dtype=mg.bool), DTypeError, "logspace: .* dtype bool"),
        (lambda: mg.zeros(2, -1), ShapeError, r"zeros: a size must be at least 0, got \(2, -1\)"),
        (lambda: mg.rand(2.0), TypeError, "rand: needs an integer, got 2.0"), (lambda: mg.eye(-1), ShapeError,
        "eye: a size"),
        (lambda: mg.hsplit(mg.ones(4), 0), ValueError, "does not divide into 0 equal pieces"),
        (lambda: mg.roll(X, ()), ValueError, "roll: needs a shift"),
        (lambda: mg.isclose(X, Y, rtol=-0.4), ValueError, "isclose: rtol must be at least 0, got -0.4"),
        (lambda: mg.allclose(X, Y, atol=np.nan), ValueError, "atol must be at least 0, got nan"),
        (lambda: mg.cdist(M, M, compute_mode="fast"), ValueError, "compute_mode must be 'use_mm.*got 'fast'"),
        (lambda: mg.repeat_interleave(M.long()), ShapeError, r"repeats alone must be a vector, got shape \(2, 2\)"),
        (lambda: mg.repeat_interleave(X, 2, output_size=5), ValueError, "size 4 along axis 0, output_size is 5"),
        (lambda: mg.index_add(I, 0, I, I, alpha=0.5), DTypeError, "alpha must be an integer for x of dtype int64"),
        (lambda: mg.linalg.vector_norm(mg.zeros(0), -1), ValueError, "ord -1 of no elements"),
        (lambda: mg.ones(3).view(mg.float64), ShapeError, "view: .* cannot be read as float64"),
        (lambda: mg.quantile(X, 1.5), ValueError, "within"),
    ],
)  # fmt: skip
def test_refusals(call, error, says):
    with pytest.raises(error, match=says):
        call()


@pytest.mark.parametrize(
    "draw, error, says",
    [
        (lambda: mg.randint(3, 3, (2,)), ValueError, "randint: high must be greater than low, got low 3 and high 3"),
        (lambda: mg.randint(0, (2,)), ValueError, "got low 0 and high 0"), (lambda: mg.randint(3), TypeError,
        "needs a size"),
        (lambda: mg.randint(0, 300, (2,), dtype=mg.uint8), ValueError, "randint: 299 is out of bounds for dtype uint8"),
        (lambda: mg.randint(0, 3.5, (2,)), TypeError, "randint: needs an integer, got 3.5"),
        (lambda: mg.randperm(-1), ShapeError, "randperm: a size must be at least 0"),
        (lambda: mg.randperm(300, dtype=mg.uint8), ValueError, "out of bounds for dtype uint8"),
        (lambda: mg.normal(0.0, -1.0, (2,)), ValueError, "normal: std must be at least 0, got -1.0"),
        (lambda: mg.normal(0.0, t([1.0, np.nan])), ValueError, "normal: std"),
        (lambda: mg.normal(I, 1.0), DTypeError, "normal: the dtype must be of floats, got int64"),
        (lambda: mg.normal(mg.zeros(2), mg.ones(3)), ShapeError, r"normal: shapes \(2,\) and \(3,\) do not broadcast"),
        (lambda: mg.bernoulli(t([2.0])), ValueError, r"bernoulli: a probability must be within \[0, 1\]"),
        (lambda: mg.bernoulli(t([np.nan])), ValueError, "bernoulli"), (lambda: mg.bernoulli(I), DTypeError, "of floats"),
        (lambda: mg.bernoulli(X, p=2), ValueError, "got 2"), (lambda: mg.rand(2, dtype=mg.int64), DTypeError,
        "rand: .* int64"),
        (lambda: mg.randn(2, dtype=mg.bool), DTypeError, "randn: .* bool"), (lambda: mg.rand_like(I), DTypeError, "int64"),
        (lambda: mg.zeros(3).uniform_(3, -1), ValueError, "uniform_: needs bounds from_ <= to .* got 3 and -1"),
        (lambda: mg.zeros(3).uniform_(0, np.inf), ValueError, "uniform_"),
        (lambda: mg.zeros(3).half().uniform_(0, 1e6), ValueError, "within the float16 range"),
        (lambda: I.clone().uniform_(0, 1), DTypeError, "uniform_: .* dtype int64"),
        (lambda: mg.zeros(3).normal_(0, -1), ValueError, "normal_"), (lambda: I.clone().normal_(), DTypeError, "normal_"),
        (lambda: mg.zeros(3).bernoulli_(2), ValueError, r"bernoulli_: p must be within \[0, 1\], got 2"),
        (lambda: mg.zeros(2).bernoulli_(t([0.0, -1.0])), ValueError, "bernoulli_"),
        (lambda: mg.nn.init.uniform_(mg.zeros(2), 3, -1), ValueError, "uniform_: needs bounds a <= b, got 3 and -1"),
        (lambda: mg.nn.init.normal_(mg.zeros(2), 0, -1), ValueError, "normal_: std must be at least 0, got -1"),
        (lambda: F.dropout(X, np.nan), ValueError, "dropout: p"),
    ],
)  # fmt: skip
def test_draws_that_cannot_be_leave_the_source_alone(draw, error, says):
    before = mg.random.default_generator().bit_generator.state
    with pytest.raises(error, match=says):
        draw()
    assert mg.random.default_generator().bit_generator.state == before


def test_draws_in_the_dtype_asked_for():
    assert mg.randint(0, 1, (3,), dtype=mg.float32, device="cpu").tolist() == [0, 0, 0]
    assert mg.randint(high=3, size=(2,)).dtype == np.int64 and mg.randint(3, size=(2,), dtype=mg.float16).dtype == np.float16
    assert mg.randint(0, 2, (2,), dtype=mg.bool).dtype == bool and mg.randint(-2, -1, (2,)).tolist() == [-2, -2]
    assert sorted(mg.randperm(3, device="cpu", dtype=mg.float32).tolist()) == [0, 1, 2]
    one = np.float64(1)
    for args, dtype in [
        ((t([0.0], dtype=mg.float64), 1.0), np.float64), ((0.0, t([1.0], dtype=mg.float64)), np.float64),
        ((t([0.0]), t([1.0], dtype=mg.float64)), np.float32), ((0.0, 1.0, (2,)), np.float32), ((one, one, (2,)), np.float32),
    ]:  # fmt: skip
        assert mg.normal(*args).dtype == dtype
    assert mg.normal(0.0, 0.0, (2,), dtype=mg.float64, requires_grad=True).requires_grad
    assert mg.bernoulli(mg.zeros(2), p=1).tolist() == [1, 1] and mg.zeros(2).bernoulli_(t([1.0, 0.0])).tolist() == [1, 0]


# Joining, indexing, order


def test_an_empty_vector_is_where_collecting_starts():
    x, empty = t([[1.0, 2.0, 3.0]], requires_grad=True), t([], requires_grad=True)
    for axis in (0, 1, -1):
        joined = mg.cat([empty, x, t([])], axis)
        assert joined.tolist() == [[1, 2, 3]]
    joined.sum().backward()
    assert x.grad.tolist() == [[1, 1, 1]] and empty.grad.shape == (0,)
    assert mg.cat([t([]), t([])]).shape == (0,) and mg.cat([mg.zeros(0, 3), x]).shape == (1, 3)
    with pytest.raises(ShapeError, match=r"array 2 has shape \(2,\), array 1 has \(1, 3\)"):
        mg.cat([t([]), x, X])
    with pytest.raises(ShapeError, match=r"array 1 has shape \(0, 2\), array 0 has \(1, 3\)"):
        mg.cat([x, mg.zeros(0, 2)])


def test_an_integer_beside_an_index_array_only_selects():
    x = mg.arange(24).reshape(2, 3, 4)
    assert x[0, :, [1, 0]].tolist() == [[1, 0], [5, 4], [9, 8]]
    assert x.numpy()[0, :, [1, 0]].tolist() == [[1, 5, 9], [0, 4, 8]]  # an array is NumPy's
    assert x[:, [1, 0], 0].shape == (2, 2) and x[[0, 1], :, [1, 0]].shape == (2, 3)
    y = x.clone()
    y[0, :, [1, 0]] = t([[1, 2], [3, 4], [5, 6]])
    assert y[0, :, :2].tolist() == [[2, 1], [4, 3], [6, 5]]
    with pytest.raises(ShapeError):
        y[0, :, [1, 0]] = mg.ones(2, 3, dtype=mg.int64)
    y = mg.zeros(3)
    y[t([True, False, True])] = mg.ones(1, 2)  # a leading axis of size 1 is dropped beside a mask, too
    assert y.tolist() == [1, 0, 1]
    with pytest.raises(ShapeError, match="setitem"):
        y[t([True, False, True])] = mg.ones(2, 1)


def test_the_gradient_of_arrays_that_dots_part():
    x = np.arange(12.0).reshape(2, 2, 3)
    index = (slice(None), np.array([0, 1]), ..., np.array([2, 0]))
    w = np.array([[1.0, 2.0], [3.0, 4.0]])
    given = t(x, requires_grad=True)
    (mg.getitem(given, index) * t(w)).sum().backward()
    wanted = np.zeros_like(x)
    np.add.at(wanted, index, w)
    np.testing.assert_array_equal(given.grad.numpy(), wanted)


def test_scatter_reduces():
    zeros, at = mg.zeros(3), t([0, 0])
    assert zeros.scatter(0, at, mg.ones(2), reduce="add").tolist() == [2, 0, 0]
    assert zeros.scatter(0, at, value=2.0).tolist() == [2, 0, 0] and mg.ones(3).scatter(0, at, 3, reduce="multiply")[0] == 9
    assert mg.zeros(3).scatter_(0, at, 1.0, reduce="add").tolist() == [2, 0, 0]
    assert zeros.scatter(0, at, t([1, 2]), reduce="add").dtype == np.float32
    with pytest.raises(GraphError, match="no gradient rule for 'src'"):
        mg.ones(3).scatter(0, at, t([1.0, 2.0], requires_grad=True), reduce="multiply")
    assert mg.index_add(t([5], dtype=mg.uint8), 0, t([0]), t([1], dtype=mg.uint8), alpha=-1).tolist() == [4]


def test_numbers_along_their_one_axis():
    x, zero, one = t(0.6, requires_grad=True), t(0), t([0])
    for found in (
        x.squeeze(0), x.index_select(0, one), x.index_select(-1, zero), x.gather(0, zero), x.transpose(0, -1),
        x.swapaxes(0, 0), x.kthvalue(1, 0).values, x.quantile(0.5, 0), mg.norm(x, 2, 0), mg.linalg.vector_norm(x, 1, -1),
        x.scatter_add(0, zero, t(0.0)), x.index_add(0, one, t(0.0)), F.prelu(x, t([0.25])), x.scatter(0, zero, t(0.6)),
        x.index_copy(0, zero, t(0.6)), x.index_fill(0, zero, 0.6),
    ):  # fmt: skip
        assert found.shape == () and found.item() == pytest.approx(0.6)
    F.prelu(-x, t(0.25)).backward()
    assert x.grad.item() == pytest.approx(-0.25)
    assert x.gather(0, t([0, 0])).shape == (2,) and F.prelu(t(-1.0), t(0.25)).shape == ()
    assert [i.tolist() for i in mg.nonzero(x, as_tuple=True)] == [[0]] and mg.nonzero(t(0.0), as_tuple=True)[0].shape == (0,)
    assert X.transpose(0, 0).tolist() == [1, 2] and mg.gather(X, 0, mg.zeros(2, 0, dtype=mg.int64)).shape == (2, 0)
    with pytest.raises(IndexError, match="of a 0-d array there is one slice"):
        x.index_select(0, t([0, 0]))
    for call in (lambda: x.squeeze(1), lambda: x.transpose(0, 1), lambda: x.quantile(0.5, 1)):
        with pytest.raises(IndexError):
            call()


def test_a_vector_transposed_by_number():
    v = t([1.0, 2.0], requires_grad=True)
    np.transpose(v, 0).sum().backward()
    assert v.grad.tolist() == [1, 1]


def test_counts_alone_say_the_places():
    same(mg.repeat_interleave(t([1, 2, 0, 1])), np.array([0, 1, 1, 3]))
    same(mg.repeat_interleave(t([1, 2]), output_size=3), [0, 1, 1])


def test_search():
    s, v = t([1.0, 2.0, 2.0]), t([2.0])
    assert mg.searchsorted(s, v, out_int32=True).dtype == np.int32 and mg.searchsorted(s, v).tolist() == [1]
    assert mg.searchsorted(s, v, side="right").tolist() == mg.searchsorted(s, v, right=True).tolist() == [3]
    assert mg.searchsorted(t([2.0, 1.0]), v, sorter=t([1, 0])).tolist() == [1]


# Numbers of several variables


def test_covariances_of_one_variable():
    assert mg.cov(t([[1.0, 2.0]])).tolist() == 0.5 and mg.corrcoef(t([1.0, 2.0])).tolist() == 1
    same(mg.cov(M, fweights=t([1, 2])).round(decimals=5), np.float32([[0.33333, 0.66667], [0.66667, 1.33333]]))


def test_a_fraction_has_the_slope_between_its_neighbours():
    q, x = t(0.6, requires_grad=True), t([1.0, 2.0, 4.0])
    mg.quantile(x, q).backward()
    assert q.grad.item() == 4
    assert not mg.quantile(x, q, interpolation="lower").requires_grad


def test_norms_of_lists_of_axes_and_of_nothing():
    ones = mg.ones(2, 2)
    for options in ({"dim": [0, 1]}, {"p": "fro", "dim": [0, 1]}, {"dim": []}):
        assert mg.norm(ones, **options).shape == () and mg.norm(ones, **options).item() == 2
    for found in (linalg.norm(ones, dim=[0, 1]), linalg.vector_norm(ones, dim=[])):
        assert found.shape == () and found.item() == 2
    assert mg.norm(ones, dtype=mg.float64).dtype == linalg.vector_norm(ones, dtype=mg.float64).dtype == np.float64
    assert linalg.matrix_norm(ones, dtype=mg.float64).dtype == linalg.norm(ones, dtype=mg.float64).dtype == np.float64
    for ord in (1, 2, np.inf, "nuc", "fro"):
        assert linalg.matrix_norm(mg.zeros(0, 3), ord).item() == 0
        assert linalg.matrix_norm(mg.zeros(2, 3, 0), ord).tolist() == [0, 0]
    assert linalg.matrix_norm(mg.zeros(0, 3), -1).tolist() == 0


def test_ranks_by_absolute_and_relative_tolerance():
    x = mg.tensor(np.diag([4.0, 1.0, 0.1]))
    found = [linalg.matrix_rank(x, **options).item() for options in (
        {"atol": 0.5}, {"tol": 0.5}, {"rtol": 0.3}, {"atol": 0.05, "rtol": 0.3}, {"atol": 2.0, "rtol": 0.01}, {"atol": 0.5,
        "rtol": 0.0, "hermitian": True}, {},
    )]  # fmt: skip
    assert found == [2, 2, 1, 1, 1, 2, 3]
    pairs = mg.stack([x, 10 * x])
    assert linalg.matrix_rank(pairs, atol=t([0.5, 0.5]), rtol=0.0).tolist() == [2, 3]
    np.testing.assert_allclose(linalg.pinv(x, atol=0.5).numpy(), np.diag([0.25, 1, 0]))
    np.testing.assert_allclose(linalg.pinv(pairs, atol=0.5, rtol=0.01)[1].numpy(), np.diag([0.025, 0.1, 1]))
    assert linalg.pinv(mg.zeros(2, 2), atol=1.0).tolist() == [[0, 0], [0, 0]]


def test_products():
    ones = mg.ones(2)
    assert mg.einsum("i,i->", [ones, ones]).item() == 2 and mg.einsum("i->", [1.0, 2.0]) == 3
    assert np.signbit(mg.outer(t([-0.0]), t([0.0])).numpy()).all()
    assert np.signbit(mg.einsum("bi,bj->bji", t([[-0.0]]), t([[0.0]])).numpy()).all()
    assert mg.cdist(mg.ones(1, 2), mg.zeros(1, 2), compute_mode="use_mm_for_euclid_dist").item() == pytest.approx(2**0.5)


def test_bits_read_in_another_dtype():
    assert t([1.0]).view(mg.int32).tolist() == [1065353216] and t([1065353216]).int().view(dtype=mg.float32).tolist() == [1]
    bits = mg.ones(2, 2).t().view(mg.uint8)
    assert bits.shape == (2, 8) and bits.view(mg.float32).tolist() == [[1, 1], [1, 1]]
    x = t([1.0], requires_grad=True)
    assert not x.view(mg.int32).requires_grad and x.view(1, 1).requires_grad


def test_images_at_another_resolution_beside_pytorch():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    for mode, options in [
        ("bicubic", {}), ("bicubic", {"align_corners": True}), ("nearest-exact", {}), ("bilinear", {"align_corners": True}),
    ]:  # fmt: skip
        for size in ((7, 5), (2, 3), (1, 1)):
            x = rng.standard_normal((2, 2, 4, 3))
            ours, theirs = t(x, requires_grad=True), torch.tensor(x, requires_grad=True)
            a = F.interpolate(ours, size, mode=mode, **options)
            b = torch.nn.functional.interpolate(theirs, size, mode=mode, **options)
            w = rng.standard_normal(a.shape)
            (a * t(w)).sum().backward()
            (b * torch.tensor(w)).sum().backward()
            np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), atol=1e-12)
            np.testing.assert_allclose(ours.grad.numpy(), theirs.grad.numpy(), atol=1e-12)
