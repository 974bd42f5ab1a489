"""Tensor: what it is made of, how it reads, and where it refuses."""

import copy
import pickle
import threading

import numpy as np
import pytest

import minigrad as mg
from minigrad.errors import DTypeError, GraphError, ShapeError
from minigrad.tensors.methods import Methods


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        (1.5, "float32"), (3, "int64"), (True, "bool"), ([1.0, 2], "float32"), ([1, 2], "int64"), ([], "float32"),
        (np.float64(1.0), "float64"), ([np.float64(1.0)], "float64"), (np.arange(3, dtype=np.int8), "int8"),
        (np.ones(2), "float64"), (np.ones(2, ">f8"), "float64"), (np.ones(2, np.float16), "float16"),
    ],
)  # fmt: skip
def test_dtypes_of_what_comes_in(data, dtype):
    t = mg.tensor(data)
    assert t.dtype == dtype and t.dtype.isnative


def test_a_tensor_owns_a_copy_in_the_same_memory_order():
    a = np.asfortranarray(np.arange(6.0).reshape(2, 3))[:, ::-1]
    t = mg.tensor(a)
    a[:] = 0
    assert t.numpy().tolist() == [[2.0, 1.0, 0.0], [5.0, 4.0, 3.0]]
    read_only = np.broadcast_to(np.ones(1), (3,))
    assert mg.tensor(read_only, requires_grad=True).array.flags.writeable


@pytest.mark.parametrize(
    ("data", "error", "says"),
    [
        (None, DTypeError, "object"), ("abc", DTypeError, "<U3"), ([1, None], DTypeError, "object"),
        (1j, DTypeError, "complex128"), (np.ones(2, complex), DTypeError, "complex"),
        (np.array(["2020-01-01"], "M8[D]"), DTypeError, "datetime"), (np.ma.ones(2), DTypeError, "MaskedArray"),
        (np.zeros(2, [("a", int)]), DTypeError, r"\[\('a'"),
        ([[1, 2], [3]], ShapeError, r"row \[1\] has length 1, row \[0\] has length 2"),
        ([[[1], [2]], [[3], [4, 5]]], ShapeError, r"row \[1\]\[1\]"), ([[1], 2], ShapeError, r"row \[1\] has a number"),
    ],
)  # fmt: skip
def test_what_a_tensor_cannot_be_made_of(data, error, says):
    with pytest.raises(error, match=says):
        mg.tensor(data)


def test_integers_cannot_require_a_gradient():
    for data in (3, np.arange(3), [True]):
        with pytest.raises(DTypeError, match=r"write 1\.0 instead of 1"):
            mg.tensor(data, requires_grad=True)


def test_numpy_is_a_read_only_view():
    t = mg.tensor([1.0, 2.0])
    assert np.shares_memory(t.numpy(), t.array)
    with pytest.raises(ValueError, match="read-only"):
        t.numpy()[0] = 5
    with pytest.raises(GraphError, match=r"t\.detach\(\)\.numpy\(\)"):
        t.requires_grad_().numpy()
    with pytest.raises(GraphError):
        np.asarray(t)
    assert np.asarray(t.detach()).tolist() == [1.0, 2.0]
    own = np.array(t.detach())
    own[0] = 5
    assert t.tolist() == [1.0, 2.0]


def test_results_of_0_d_arrays_are_arrays_inside():
    t = mg.tensor(2.0) * 3
    assert type(t.array) is np.ndarray and t.shape == () and t.item() == 6.0


def test_python_numbers_stay_weak_and_integers_divide_to_the_default():
    x = mg.tensor([1.0, 2.0])
    for result in (x * 2, 2 * x, x / 3, x**2, 2**x, x - 1, x * True, x + mg.tensor(1.0)):
        assert result.dtype == np.float32
    i = mg.tensor([1, 2])
    for result in (i / 2, i.mean(), i * 0.5, np.exp(i)):
        assert result.dtype == np.float32
    assert (i + 1).dtype == (i * i).dtype == i.sum().dtype == np.int64
    assert (x + np.float64(1)).dtype == (x + mg.tensor(np.array(1.0))).dtype == np.float32  # see test_promotion.py
    assert (x + mg.tensor(np.ones(2))).dtype == np.float64


def test_operators_on_both_sides():
    x, a = mg.tensor([[1.0, 2.0]], requires_grad=True), np.array([[3.0], [4.0]], np.float32)
    for result in (
        a @ x,
        a + x,
        a - x,
        a * x,
        a / x,
        a**x,
        x @ a,
        np.add(a, x),
        a.T[0] * x,
        np.float32(2) * x,
        np.multiply(x, a),
    ):
        assert isinstance(result, mg.Tensor) and result.requires_grad and result.dtype == np.float32
    for mask in (a > x, x > a, x >= 1, x > 1, x == 1, x != a):
        assert isinstance(mask, mg.Tensor) and mask.dtype == bool and not mask.requires_grad
    assert ((x > 1) & ~(x > 3) | (x == 1)).all()
    assert (7 // mg.tensor(2)).item() == 3 and (7 % mg.tensor(4)).item() == 3 and abs(mg.tensor(-2)).item() == 2


@pytest.mark.parametrize("other", [None, "a", [None], 1j, np.ones(2, complex), np.ma.ones(2), object()])
def test_operands_that_are_not_numbers(other):
    with pytest.raises(TypeError):
        mg.tensor([1.0, 2.0]) + other
    if not isinstance(other, np.ma.MaskedArray):  # its own operators run first
        with pytest.raises(TypeError):
            other * mg.tensor([1.0, 2.0])


def test_shapes_that_do_not_broadcast_say_where():
    a, b = mg.zeros(2, 3), mg.zeros(4)
    with pytest.raises(ShapeError, match=r"add: shapes \(2, 3\) and \(4,\) do not broadcast: axis -1 has sizes 3 and 4"):
        a + b
    with pytest.raises(ShapeError, match="axis -2 has sizes 2 and 5"):
        mg.where(a > 0, mg.zeros(5, 1), 0)


def test_repr():
    assert repr(mg.tensor([1.0, 2.5])) == "tensor([1.0000, 2.5000])"
    assert repr(mg.tensor([[1, 2], [3, 4]])) == "tensor([[1, 2],\n        [3, 4]])"
    assert repr(mg.tensor(np.ones(1))) == "tensor([1.], dtype=float64)"
    assert repr(mg.tensor(True)) == "tensor(True)"
    x = mg.tensor(2.0, requires_grad=True)
    assert repr(x) == "tensor(2., requires_grad=True)"
    assert repr(x * x) == "tensor(4., grad_fn=<Multiply>)"
    assert repr(mg.zeros(0, 3)) == "tensor([], size=(0, 3))"
    assert len(repr(mg.zeros(100_000))) < 100
    assert f"{x.detach():.3f}" == "2.000"


def test_numbers_out_of_tensors():
    assert (mg.tensor(2.5).item(), float(mg.tensor([2.5])), int(mg.tensor(3))) == (2.5, 2.5, 3)
    assert [10, 20][mg.tensor(1)] == 20 and mg.tensor([[1, 2]]).tolist() == [[1, 2]]
    assert bool(mg.tensor(0.0)) is False
    for f in (bool, float, int, mg.Tensor.item):
        with pytest.raises(ValueError, match="2 elements"):
            f(mg.tensor([1.0, 2.0]))
    assert len(mg.zeros(3, 2)) == 3 and [t.shape for t in mg.zeros(2, 3)] == [(3,), (3,)]
    for f in (len, iter):
        with pytest.raises(TypeError, match="0-d"):
            f(mg.tensor(1.0))
    assert mg.zeros(2, 3).size() == (2, 3) and mg.zeros(2, 3).size(1) == 3 and mg.zeros(2, 3).numel() == 6


def test_a_tensor_is_a_key_by_identity():
    a, b = mg.tensor(1.0), mg.tensor(1.0)
    assert len({a, b, a}) == 2 and {a: 1}[a] == 1


def test_requires_grad_can_be_asked_for_and_given_back():
    x = mg.tensor(1.0)
    x.requires_grad = True
    assert x.is_leaf and x.grad_fn is None
    y = x * 2
    assert not y.is_leaf and y.grad_fn.operation == "multiply"
    with pytest.raises(GraphError, match="result"):
        y.requires_grad = False
    x.requires_grad_(False)
    assert not (x * 2).requires_grad
    assert not y.detach().requires_grad and y.clone().requires_grad


def test_grad_can_be_assigned_if_it_fits():
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    x.grad = mg.tensor([3.0, 4.0])
    for bad, error in ((np.zeros(2), TypeError), (mg.zeros(3), ShapeError), (mg.zeros(2, dtype=np.float64), DTypeError)):
        with pytest.raises(error):
            x.grad = bad
    assert x.grad.tolist() == [3.0, 4.0]


def test_copy_changes_only_what_may_change():
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(GraphError, match="inside no_grad"):
        x.copy_([3.0, 4.0])
    with mg.no_grad():
        with pytest.raises(ShapeError, match="copy_"):
            x.copy_([1.0, 2.0, 3.0])
        assert x.copy_(mg.tensor(7.0)) is x
    assert x.tolist() == [7.0, 7.0]


def test_copies_and_pickles_of_leaves():
    x = mg.tensor(np.asfortranarray(np.ones((2, 3))), requires_grad=True)
    x.sum().backward()
    for y in (copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert y.requires_grad and y.is_leaf and (y == x).all() and not np.shares_memory(y.array, x.array)
    assert copy.deepcopy(x).grad.tolist() == x.grad.tolist()
    with pytest.raises(GraphError, match="detach"):
        copy.deepcopy(x * 2)


def test_max_has_pytorchs_meaning_and_np_max_numpys():
    x = mg.tensor([[1.0, 5.0, 5.0], [7.0, 0.0, 7.0]], requires_grad=True)
    values, indices = x.max(dim=1)
    assert indices.tolist() == [1, 0]
    values.backward(np.array([2.0, -3.0]))
    assert x.grad.tolist() == [[0, 2, 0], [-3, 0, 0]]
    x.grad = None
    np.max(x, axis=1).backward(np.array([2.0, -3.0]))
    assert x.grad.tolist() == [[0, 1, 1], [-1.5, 0, -1.5]]
    x.grad = None
    x.max().backward()
    assert x.grad.tolist() == [[0, 0, 0], [0.5, 0, 0.5]]
    with pytest.raises(ValueError):
        mg.zeros(0).max()


def test_axes_that_do_not_exist():
    x = mg.zeros(2, 3)
    for f in (
        lambda: x.sum(2),
        lambda: x.mean(-3),
        lambda: x.max(5),
        lambda: x.unsqueeze(4),
        lambda: x.squeeze(2),
        lambda: x.flatten(3),
    ):
        with pytest.raises(IndexError):
            f()
    with pytest.raises(ValueError):
        x.sum((0, 0))
    with pytest.raises(ValueError):
        x.permute(0, 0)
    with pytest.raises(TypeError, match=r"sum\(\): multiple values for argument 'axis'"):
        x.sum(0, axis=1)
    with pytest.raises(TypeError, match=r"^dim and axis name the same option"):
        x.mean(dim=0, keepdim=True, axis=1)


def test_reshapes_that_do_not_fit():
    x = mg.zeros(2, 3)
    with pytest.raises(ShapeError, match=r"6 elements of shape \(2, 3\) do not fit shape \(4, 2\)"):
        x.reshape(4, 2)
    with pytest.raises(ValueError, match="only one size can be -1"):
        x.reshape(-1, -1)
    with pytest.raises(ShapeError, match="broadcast_to"):
        x.broadcast_to(2, 4)
    with pytest.raises(ShapeError, match="array 1"):
        mg.concatenate([x, mg.zeros(2, 3, 1)])
    with pytest.raises(ShapeError, match="array 2"):
        mg.stack([x, x, mg.zeros(3)])
    for f in (mg.stack, mg.concatenate):
        with pytest.raises(ValueError, match="at least one"):
            f([])
    with pytest.raises(IndexError, match="out of bounds"):
        x[5]


def test_matmul_says_which_axes_disagree():
    with pytest.raises(ShapeError, match=r"\(2, 3\) and \(4, 5\) do not multiply: 3 != 4"):
        mg.zeros(2, 3) @ mg.zeros(4, 5)
    with pytest.raises(ShapeError, match="use \\* for a scalar"):
        mg.zeros(2) @ mg.tensor(1.0)
    with pytest.raises(ShapeError, match=r"leading axes \(2,\) and \(3,\)"):
        mg.zeros(2, 1, 3) @ mg.zeros(3, 3, 1)


def test_creation():
    assert mg.zeros(2, 3).shape == mg.ones((2, 3)).shape == mg.full((2, 3), 1.0).shape == (2, 3)
    assert mg.eye(2).tolist() == [[1, 0], [0, 1]] and mg.arange(2, 5).tolist() == [2, 3, 4]
    assert mg.rand(1000).dtype == mg.randn(2).dtype == np.float32 and mg.rand(1000).detach().numpy().min() >= 0
    x = mg.zeros(2, 3, dtype=np.float64)
    for f in (mg.zeros_like, mg.ones_like, mg.rand_like, mg.randn_like, lambda t: mg.full_like(t, 2)):
        assert f(x).shape == x.shape and f(x).dtype == x.dtype
    assert mg.zeros().shape == () and mg.randn().shape == ()
    assert mg.randn(2, requires_grad=True).requires_grad


def test_seeds_and_generators():
    state = np.random.get_state()[1].copy()
    mg.manual_seed(3)
    a = mg.randn(4)
    mg.manual_seed(3)
    assert (a == mg.randn(4)).all() and (a != mg.randn(4)).any()
    g = np.random.default_rng(0)
    assert (mg.rand(3, generator=g) == np.random.default_rng(0).random(3).astype(np.float32)).all()
    assert (np.random.get_state()[1] == state).all()


def test_the_default_dtype_can_be_changed_and_only_to_a_float():
    mg.set_default_dtype(np.float64)
    try:
        assert mg.tensor(1.5).dtype == mg.zeros(1).dtype == mg.nn.Linear(1, 1).weight.dtype == np.float64
    finally:
        mg.set_default_dtype(np.float32)
    with pytest.raises(DTypeError):
        mg.set_default_dtype(np.int64)


def test_a_gradient_may_be_taken_in_another_thread():
    x = mg.tensor([1.0], requires_grad=True)
    y = (x * 3).sum()
    thread = threading.Thread(target=y.backward)
    thread.start()
    thread.join()
    assert x.grad.item() == 3.0


def test_every_method_has_a_docstring():
    undocumented = [
        name
        for name, method in vars(Methods).items()
        if callable(method) and not name.startswith("__") and not (method.__doc__ or "").strip()
    ]
    assert undocumented == []
    assert ">>>" not in mg.Tensor.softmax.__doc__ and mg.Tensor.softmax.__name__ == "softmax"


def test_names_that_pytorch_programs_use():
    device = mg.device("cuda" if mg.cuda.is_available() else "cpu")
    assert str(device) == "cpu" and repr(device) == "device(type='cpu')" and device == mg.device("cpu:0")
    assert device.type == "cpu" and not mg.backends.mps.is_available() and not mg.accelerator.is_available()
    x = mg.zeros(2, 3, device=device)
    assert x.to(device).cpu().contiguous().device == device and not x.is_cuda
    for bad in (lambda: mg.device("cuda"), lambda: x.to("cuda:0"), lambda: x.cuda(), lambda: mg.ones(1, device="cuda"),
                lambda: mg.as_tensor(x, device="cuda"), lambda: mg.tensor(1.0, device="cuda")):  # fmt: skip
        with pytest.raises(ValueError, match="computes on the CPU"):
            bad()
    assert (
        x.to(mg.float64).dtype
        == x.to("cpu", mg.double).dtype
        == x.double().dtype
        == x.to(dtype=mg.float64).dtype
        == "float64"
    )
    assert x.to(mg.zeros(1, dtype=mg.int8)).dtype == x.type_as(mg.zeros(1, dtype=mg.int8)).dtype == mg.int8
    assert x.type(mg.long).dtype == np.int64 and x.to("float64", non_blocking=True).dtype == "float64"
    assert (x.nelement(), x.ndimension(), x.element_size(), x.itemsize, x.nbytes) == (6, 2, 4, 4, 24)
    assert x.stride() == (3, 1) and x.T.stride(0) == 1 and x.is_contiguous() and not x.T.is_contiguous()
    assert mg.as_tensor(x, device=device) is x and mg.is_floating_point(x) and not mg.is_floating_point(mg.tensor(1))
    assert mg.cuda.device_count() == 0 and mg.cuda.manual_seed_all(0) is None
    assert x.reshape(shape=(3, 2)).shape == x.permute(dims=(1, 0)).shape == (3, 2)
    with pytest.raises(TypeError, match="from_numpy: needs an array, got list"):
        mg.from_numpy([1.0])
    assert x.is_floating_point() and mg.is_tensor(x) and not mg.is_tensor(1) and mg.numel(x) == 6 and not x.is_complex()
    assert (
        x.new_zeros(2).dtype
        == x.new_ones((2, 1)).dtype
        == x.new_full((2,), 3).dtype
        == x.new_tensor([1]).dtype
        == mg.float32
    )
    assert x.new_tensor([1, 2], dtype=mg.float64, requires_grad=True).requires_grad and 0.0 in x and 1.0 not in x
    assert mg.as_tensor(x) is x and mg.as_tensor(x, dtype=mg.float64).dtype == mg.float64 and mg.asarray([1]).tolist() == [1]
    a = np.ones(2)
    t = mg.from_numpy(a)
    a[:] = 0
    assert t.tolist() == [1.0, 1.0] and (mg.half, mg.float, mg.double, mg.long) == (
        np.float16,
        np.float32,
        np.float64,
        np.int64,
    )
    assert mg.finfo(mg.float32).eps == np.finfo(np.float32).eps and mg.pi == np.pi


def test_more_creation():
    assert mg.empty(2).tolist() == [0, 0] and mg.empty_like(mg.ones(3)).shape == (3,)
    assert mg.linspace(0, 1, 5).tolist() == [0, 0.25, 0.5, 0.75, 1] and mg.logspace(0, 2, 3).tolist() == [1, 10, 100]
    g = mg.Generator().manual_seed(0)
    perm = mg.randperm(10, generator=g)
    assert sorted(perm.tolist()) == list(range(10)) and perm.dtype == np.int64
    assert (mg.randperm(10, generator=g.manual_seed(0)) == perm).all()
    draws = mg.randint(3, (1000,), generator=g)
    assert set(draws.tolist()) == {0, 1, 2} and set(mg.randint(5, 7, (100,)).tolist()) == {5, 6}
    p = mg.full((1000,), 0.25, requires_grad=True)
    coins = mg.bernoulli(p, generator=g)
    assert 0.2 < coins.mean().item() < 0.3 and coins.dtype == np.float32 and not coins.requires_grad
    x = mg.normal(mg.tensor([0.0, 10.0]), mg.tensor([1.0, 0.1]), generator=g)
    assert x.shape == (2,) and abs(x[1].item() - 10) < 1 and mg.normal(0.0, 1.0, (2, 3)).shape == (2, 3)
    f = mg.tensor(np.asfortranarray(np.ones((2, 3))))
    assert mg.zeros_like(f).array.flags.f_contiguous and mg.zeros_like(f, dtype=mg.int8).dtype == np.int8
    for make in (mg.zeros, mg.ones, mg.rand, mg.randn):
        assert make(2, requires_grad=True).requires_grad and make(2, dtype=np.float64).dtype == np.float64


def test_casts_to_integers_and_booleans_leave_the_graph():
    x = mg.tensor([1.5, -0.5], requires_grad=True)
    for y in (x.long(), x.bool(), x.byte(), x.astype(np.int32), x > 0, x.argmax()):
        assert not y.requires_grad and y.is_leaf
    assert x.half().requires_grad and x.double().requires_grad
    b = mg.tensor([True, False])
    assert b.clone().tolist() == [True, False] and b.clone() is not b and x.copy().requires_grad
    assert mg.ones(2, 3).t().shape == (3, 2) and mg.ones(3).t().shape == (3,)
    with pytest.raises(ShapeError, match=r"t: needs at most 2 axes"):
        mg.ones(1, 2, 3).t()


def test_the_older_word_for_the_correction_of_a_variance():
    x = mg.tensor([1.0, 2.0, 4.0])
    assert x.var(unbiased=False).item() == pytest.approx(np.var([1, 2, 4])) and x.var(unbiased=True).item() == x.var().item()
    assert x.std(0, unbiased=False, keepdim=True).shape == (1,) and x.std(unbiased=False).item() == pytest.approx(
        np.std([1, 2, 4])
    )


def test_hard_gumbel_softmax_is_one_hot_and_has_the_gradient_of_the_soft_one():
    x = [mg.tensor(np.array([[0.1, 0.5, -0.3]]), requires_grad=True) for _ in range(2)]
    w = np.array([[1.0, -2.0, 3.0]])
    for leaf, hard in zip(x, (False, True), strict=True):
        out = mg.nn.functional.gumbel_softmax(leaf, hard=hard, generator=np.random.default_rng(1))
        (out * w).sum().backward()
    np.testing.assert_allclose(sorted(out.tolist()[0]), [0, 0, 1], atol=1e-15)
    np.testing.assert_allclose(x[0].grad.numpy(), x[1].grad.numpy(), rtol=1e-12)
