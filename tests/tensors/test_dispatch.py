"""np.f(tensor): NumPy's meaning of arguments, out=, where=, methods of ufuncs, and what is refused."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.engine.registry import FUNCTIONS, UFUNCS
from minigrad.errors import DTypeError, GraphError, ShapeError
from minigrad.tensors.dispatch import ACCUMULATIONS, REDUCTIONS

A = np.array([[1.0, -2.0, 3.0], [0.5, 4.0, -1.0]])


def tracked(a=A):
    return mg.tensor(a, requires_grad=True)


def value(t):
    return t.detach().numpy() if isinstance(t, mg.Tensor) else t


@pytest.mark.parametrize("ufunc", [u for u in REDUCTIONS if REDUCTIONS[u] in FUNCTIONS], ids=lambda u: u.__name__)
def test_reduce_is_the_reduction(ufunc):
    for options in ({}, {"axis": 1}, {"axis": None}, {"axis": -1, "keepdims": True}, {"axis": (0, 1)}):
        found = ufunc.reduce(tracked(), **options)
        assert isinstance(found, mg.Tensor)
        np.testing.assert_array_equal(value(found), ufunc.reduce(A, **options))
    assert ufunc.reduce(tracked(), 1).shape == (2,)


@pytest.mark.parametrize("ufunc", [u for u in ACCUMULATIONS if ACCUMULATIONS[u] in FUNCTIONS], ids=lambda u: u.__name__)
def test_accumulate_is_the_scan(ufunc):
    for options in ({}, {"axis": 1}):
        np.testing.assert_allclose(value(ufunc.accumulate(tracked(), **options)), ufunc.accumulate(A, **options), rtol=1e-15)


def test_outer_and_its_gradient():
    x, y = tracked(A[0]), tracked(A)
    out = np.subtract.outer(x, y)
    np.testing.assert_array_equal(value(out), np.subtract.outer(A[0], A))
    g = np.random.default_rng(0).standard_normal(out.shape)
    out.backward(g)
    np.testing.assert_allclose(x.grad.numpy(), g.sum((1, 2)), rtol=1e-14)
    np.testing.assert_allclose(y.grad.numpy(), -g.sum(0), rtol=1e-14)
    assert isinstance(np.multiply.outer(A, x), mg.Tensor) and np.multiply.outer(2.0, x).shape == (3,)


def test_out_takes_the_result_as_a_value():
    x, out = tracked(), mg.zeros(2, 3, dtype=np.float64)
    before = out * 1
    assert np.multiply(x, 3.0, out=out) is out and np.add(out, 1.0, out) is out
    out.backward(A)
    np.testing.assert_allclose(x.grad.numpy(), 3 * A)
    assert before.tolist() == np.zeros((2, 3)).tolist()
    total = mg.zeros(3, dtype=np.float64)
    assert np.sum(x, axis=0, out=total) is total and np.add.reduce(x, 0, None, total) is total
    np.testing.assert_array_equal(value(total), A.sum(0))
    plain = mg.zeros(2, 3, dtype=np.float64)
    assert np.add(A, A, out=plain) is plain and plain.tolist() == (2 * A).tolist()
    with pytest.raises(GraphError, match=r"np\.add: a leaf"):
        np.add(A, A, out=x)
    with pytest.raises(ShapeError):
        np.add(A, A, out=total)
    with pytest.raises(DTypeError, match="float64"):
        np.add(A, A, out=mg.zeros(2, 3, dtype=np.int64))


def test_where_needs_out_and_keeps_the_rest():
    x, out, mask = tracked(), mg.ones(2, 3, dtype=np.float64), A > 0
    np.log(x, out=out, where=mask)
    np.testing.assert_allclose(value(out), np.where(mask, np.log(np.abs(A)), 1.0))
    out.backward(np.ones((2, 3)))
    np.testing.assert_allclose(x.grad.numpy(), np.where(mask, 1 / A, 0))
    into = np.full((2, 3), 7.0)
    assert np.subtract(A, A[:1] * mg.tensor(2.0), out=into, where=[True, False, True]) is into
    assert into.tolist() == np.subtract(A, 2 * A[:1], out=np.full((2, 3), 7.0), where=[True, False, True]).tolist()
    with pytest.raises(TypeError, match=r"np\.log: where= needs out="):
        np.log(x, where=mask)


def test_an_array_on_the_left():
    a, x, w = A.copy(), mg.tensor(A), tracked()
    a += x  # nothing is recorded: the array takes the sum
    assert type(a) is np.ndarray and a.tolist() == (2 * A).tolist()
    with pytest.raises(GraphError, match="write a = a \\+ t"):
        a += w
    a[0] = x[1]
    assert a.tolist() == [A[1].tolist(), (2 * A[1]).tolist()]
    with pytest.raises(GraphError, match="requires a gradient"):
        a[0] = w[0]
    assert a[0].tolist() == A[1].tolist()
    for result in (a @ w.T, a + w, a / w, np.add(a, w), a - w, a[0] * w, 2**w, np.float64(3) * w, [1.0, 2.0, 3.0] * w):
        assert isinstance(result, mg.Tensor) and result.requires_grad and result.dtype == np.float64
    a[w > 0] = 0  # a tensor of booleans is an index
    assert (a[A > 0] == 0).all() and (a[A < 0] != 0).all()


def test_numpys_order_and_defaults_of_arguments():
    x = tracked()
    for call in (
        lambda t: np.sum(t, 0, None, None, True), lambda t: np.var(t, 1), lambda t: np.var(t, 1, None, None, 1),
        lambda t: np.max(t, 1, keepdims=True), lambda t: np.clip(t, a_min=0, a_max=2), lambda t: np.clip(t, -1, None),
        lambda t: np.reshape(t, (3, 2)), lambda t: np.transpose(a=t), lambda t: np.mean(a=t, axis=0), lambda t: np.pad(t, 1),
        lambda t: np.concatenate((t, A), axis=1), lambda t: np.where(A > 0, t, 0), lambda t: np.stack([t, t], -1),
        lambda t: np.expand_dims(t, 0), lambda t: np.squeeze(t[:1], axis=0), lambda t: np.broadcast_to(t, (2, 2, 3)),
        lambda t: np.take_along_axis(t, np.array([[1], [0]]), 1), lambda t: np.matmul(t, A.T),
        lambda t: np.add(t, A, dtype=None),
    ):  # fmt: skip
        found = call(x)
        assert isinstance(found, mg.Tensor)
        np.testing.assert_allclose(value(found), call(A), rtol=1e-14)


@pytest.mark.filterwarnings("ignore:numpy.fix is deprecated:DeprecationWarning")  # NumPy 2.5
def test_every_registered_function_means_what_numpys_does():
    """Called on one matrix, alone and with an axis: the same values, or a refusal that has a reason."""
    refused = set()
    for function in FUNCTIONS:
        for options in ({}, {"axis": 0}, {"axis": -1}, {"axis": 1, "keepdims": True}, {"axis": None}):
            try:
                expected = function(A, **options)
            except (TypeError, ValueError, np.linalg.LinAlgError):
                continue  # needs more, or has no axis
            try:
                found = function(tracked(), **options)
            except (TypeError, ValueError):
                refused.add(function.__name__)
                continue
            pairs = zip(found, expected, strict=True) if isinstance(expected, tuple | list) else [(found, expected)]
            for mine, theirs in pairs:
                if isinstance(theirs, np.dtype):
                    assert mine == theirs
                    continue
                np.testing.assert_allclose(value(mine), theirs, rtol=1e-12, atol=1e-14, err_msg=function.__name__)
    assert refused <= {"where", "clip", "meshgrid", "result_type", "diff", "argpartition", "partition", "broadcast_arrays"}


def test_options_that_no_operation_has():
    x = tracked()
    for call, says in (
        (lambda: np.max(x, 0, None, initial=3), r"np\.max: option initial"),
        (lambda: np.std(x, 0, np.float32), r"np\.std: option dtype is not supported[\s\S]*astype"),
        (lambda: np.sum(x, where=A > 0), r"np\.sum: option where"),
        (lambda: np.max(x, initial=3), r"np\.max: option initial"),
        (lambda: np.add(x, x, dtype=np.float32), r"np\.add: option dtype"),
        (lambda: np.add(x, x, casting="unsafe"), r"np\.add: option casting"),
    ):  # fmt: skip
        with pytest.raises(TypeError, match=says):
            call()
    with pytest.raises(TypeError, match="dim"):
        np.sum(x, dim=0)


def test_functions_without_a_rule_say_so():
    x = tracked()
    for call, says in (
        (lambda: np.fft.fft(x), r"np\.fft\.fft: has no gradient rule[\s\S]*t\.detach\(\)\.numpy\(\)"),
        (lambda: np.fft.fft(x.detach()), r"np\.fft\.fft: [\s\S]*use t\.numpy\(\)"), (lambda: np.unwrap(x), r"np\.unwrap"),
        (lambda: np.spacing(x), r"np\.spacing"),
        (lambda: np.add.at(x, [0], 1), r"np\.add\.at[\s\S]*x\[i\] \+= v"),
        (lambda: np.add.reduceat(x, [0]), r"np\.add\.reduceat"), (lambda: np.subtract.reduce(x), r"np\.subtract\.reduce"),
        (lambda: np.histogram(x), r"np\.histogram"), (lambda: np.add(A, A, out=(x,)) and np.fix(x), "leaf|np.trunc"),
    ):  # fmt: skip
        with pytest.raises((TypeError, GraphError), match=says):
            call()
    assert x.tolist() == A.tolist() and x.grad is None


def test_questions_about_values_are_answered():
    x = tracked()
    assert np.shape(x) == (2, 3) and np.ndim(x) == 2 and np.size(x) == 6 and np.allclose(x, A) and np.array_equal(A, x)
    assert np.result_type(x, np.float32) == np.float64 and not np.iscomplexobj(x)
    assert np.shares_memory(x, x[:1]) and not np.may_share_memory(x, A)
    like = np.zeros_like(x)
    like[0] = x[1]  # what HIPS-style code does with it
    assert like.requires_grad and np.full_like(x, 2.0).tolist() == [[2.0] * 3] * 2 and np.ones_like(x).dtype == np.float64
    columns = np.zeros_like(x, shape=(2, 2))  # what im2col does with it
    columns[:, 1] = 3 * x[:, 0]
    columns.sum().backward()
    assert columns.dtype == np.float64 and x.grad.tolist() == [[3.0, 0.0, 0.0]] * 2
    assert np.empty_like(x, shape=3).tolist() == [0.0] * 3 and np.ones_like(x, np.int8, shape=(1,)).tolist() == [1]


def test_arrays_of_tensors():
    x = tracked(A[0])
    for make in (np.array, np.asarray, lambda t: np.array([t, t]), lambda t: np.array([t[0], t[1]])):
        with pytest.raises(GraphError, match=r"mg\.stack.*detach\(\)\.numpy\(\)"):
            make(x)
    d = x.detach()
    assert np.array([d, d]).tolist() == [A[0].tolist()] * 2 and np.asarray(d).dtype == np.float64
    assert np.array(d, dtype=np.float32).dtype == np.float32 and mg.tensor([d[0], d[1]]).tolist() == A[0, :2].tolist()
    with pytest.raises(ValueError):
        np.array(d.reshape(3, 1).T.reshape(1, 3), np.float32, copy=False)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: x * 1j, lambda x: 1j + x, lambda x: x + np.ones(3, complex), lambda x: x + [1j, 2, 3],
        lambda x: x.astype(complex),
        lambda x: x ** np.complex64(1), lambda x: mg.tensor(1j), lambda x: mg.zeros(2, dtype=complex),
        lambda x: np.add(x, (1j, 2, 3)),
        lambda x: mg.tensor([1.0], dtype=complex), lambda x: mg.where(x > 0, x, 1j), lambda x: x.to(np.complex128),
        lambda x: x.__setitem__(0, 1j), lambda x: mg.full((2,), 1j), lambda x: x.fill_(1j), lambda x: np.multiply(x, 1j),
        lambda x: np.matmul(np.ones((2, 3), complex), x), lambda x: (x * 2).sum().backward(np.array(1j)),
    ],
)  # fmt: skip
def test_complex_numbers_are_refused_everywhere(call):
    x = mg.tensor([1.0, 2.0, 3.0])
    with pytest.raises(DTypeError, match="complex"):
        call(x if "backward" not in call.__code__.co_names else x.requires_grad_())
    assert x.tolist() == [1.0, 2.0, 3.0]


def test_an_option_dtype_converts_before():
    x = mg.tensor(np.full(2, 200, np.uint8))
    assert np.sum(x, 0, np.float32).dtype == np.float32 and np.sum(x, dtype=np.uint8).tolist() == 144


def test_every_registered_ufunc_is_dispatched():
    for ufunc, op in UFUNCS.items():
        names = getattr(op, "names", None)
        if names and len(names) == 1:
            x = mg.tensor(np.array([True, False]) if ufunc is np.invert else np.array([0.5, 0.25]))
            with np.errstate(invalid="ignore"):  # arccosh of 0.5
                assert isinstance(ufunc(x), mg.Tensor), ufunc
