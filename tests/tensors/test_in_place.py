"""In-place spellings: x becomes the result of a pure operation, its views follow, and nothing saved is ever written to."""

import copy
import gc
import pickle
import weakref

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.errors import DTypeError, GraphError, ShapeError


def leaf(*values):
    return mg.tensor(np.array(values), requires_grad=True)


def same(*tensors):
    return [t.tolist() for t in tensors]


def test_a_saved_value_stays_what_it_was():
    w = leaf(3.0, -2.0)
    x = w * 2
    y = x * x
    x += 1
    z = x * x
    assert same(x, y, z) == [[7.0, -3.0], [36.0, 16.0], [49.0, 9.0]]
    y.backward(np.array([1.0, -3.0]), retain_graph=True)
    assert w.grad.tolist() == [24.0, 48.0]  # 8 w g, with the x of then
    w.grad = None
    z.backward(np.array([1.0, -3.0]))
    assert w.grad.tolist() == [28.0, 36.0]  # 4 (2 w + 1) g


OPERATORS = {
    "+=": (lambda x, y: x.__iadd__(y), lambda x, y: x + y),
    "-=": (lambda x, y: x.__isub__(y), lambda x, y: x - y),
    "*=": (lambda x, y: x.__imul__(y), lambda x, y: x * y),
    "/=": (lambda x, y: x.__itruediv__(y), lambda x, y: x / y),
    "**=": (lambda x, y: x.__ipow__(y), lambda x, y: x**y),
    "@=": (lambda x, y: x.__imatmul__(y), lambda x, y: x @ y),
    "add_": (lambda x, y: x.add_(y, alpha=-2), lambda x, y: x - 2 * y),
    "sub_": (lambda x, y: x.sub_(y, alpha=3), lambda x, y: x - 3 * y),
    "mul_": (lambda x, y: x.mul_(y), lambda x, y: x * y),
    "div_": (lambda x, y: x.div_(y), lambda x, y: x / y),
    "pow_": (lambda x, y: x.pow_(y), lambda x, y: x**y),
    "exp_": (lambda x, y: x.exp_() * y, lambda x, y: np.exp(x) * y),
    "clamp_": (lambda x, y: x.clamp_(min=0.9, max=1.2) * y, lambda x, y: np.clip(x, 0.9, 1.2) * y),
    "neg_": (lambda x, y: x.neg_() * y, lambda x, y: -x * y),
    "copy_": (lambda x, y: x.copy_(y) + 0 * y, lambda x, y: y + 0 * x),
    "x[i] = v": (lambda x, y: x.__setitem__(0, y[1]) or x, lambda x, y: mg.stack([y[1], x[1]])),
    "x[mask] = v": (lambda x, y: x.__setitem__(x > y, 5.0) or x * y, lambda x, y: mg.where(x > y, 5.0, x) * y),
}  # fmt: skip


@pytest.mark.parametrize("name", OPERATORS)
def test_each_spelling_is_its_pure_operation(name):
    in_place, pure = OPERATORS[name]
    rng = np.random.default_rng(0)
    arrays, g, v = rng.uniform(0.5, 1.5, (2, 2, 2)), rng.standard_normal((2, 2)), rng.standard_normal((2, 2))
    found = []
    for f in (in_place, pure):
        a, b = (mg.tensor(array, requires_grad=True) for array in arrays)
        x, y = a * 1.0, b * 1.0
        out = f(x, y)
        first = mg.autograd.grad(out, [a, b], g, create_graph=True, allow_unused=True)
        total = sum(((t * t * v).sum() for t in first if t is not None), mg.tensor(0.0, dtype=np.float64))
        second = mg.autograd.grad(total, [a, b], allow_unused=True) if total.requires_grad else (None, None)
        zero = np.zeros((2, 2))
        found.append([out.detach().numpy()] + [zero if t is None else t.detach().numpy() for t in (*first, *second)])
    for mine, expected in zip(*found, strict=True):
        np.testing.assert_allclose(mine, expected, rtol=1e-12)


def test_the_name_stays_the_tensor():
    x = mg.tensor([1.0, 2.0])
    alias, view = x, x[0]
    x += 1
    x[1] = 9.0
    assert x is alias and alias.tolist() == [2.0, 9.0] and view.item() == 2.0
    assert x.mul_(2) is x and x.zero_() is x and x.fill_(4) is x and same(x) == [[4.0, 4.0]]
    view += 5
    assert x.tolist() == [9.0, 4.0]
    x[0] += 1  # read, add, write back
    assert x.tolist() == [10.0, 4.0]


def test_arrays_outside_are_neither_read_late_nor_written():
    a, i = np.array([5.0, 6.0]), np.array([0, 1])
    x = mg.zeros(2, dtype=np.float64)
    w = leaf(1.0, 1.0)
    x[i] = a
    x *= w
    a[:] = 0
    i[:] = 0
    x.backward(np.array([1.0, 10.0]))
    assert w.grad.tolist() == [5.0, 60.0] and x.tolist() == [5.0, 6.0]


def test_assignment_gives_each_element_its_own_gradient():
    x, v = leaf(1.0, 2.0, 3.0), leaf(10.0)
    y = x * 2
    y[1] = v[0] * v[0]
    y.backward(np.array([1.0, -2.0, 3.0]))
    assert x.grad.tolist() == [2.0, 0.0, 6.0] and v.grad.tolist() == [-40.0]


def test_a_constant_becomes_a_result():
    x, w = mg.zeros(3, dtype=np.float64), leaf(2.0)
    assert x.is_leaf
    for k in range(3):
        x[k] = w[0] ** (k + 1)
    assert x.grad_fn is not None and not x.is_leaf
    x.backward(np.array([1.0, 2.0, 4.0]))
    assert w.grad.tolist() == [1 + 2 * 4 + 4 * 12]


def test_hooks_belong_to_the_value_they_were_set_on_and_retain_grad_to_the_newest():
    w, seen = leaf(3.0), []
    x = w * 2
    x.retain_grad()
    x.register_hook(lambda g: seen.append(("before", g.item())))
    x *= 5
    x.register_hook(lambda g: seen.append(("after", g.item())))
    (x * 7).sum().backward()
    assert seen == [("after", 7.0), ("before", 35.0)] and x.grad.item() == 7.0 and w.grad.item() == 70.0


def test_a_leaf_that_requires_a_gradient_refuses():
    changes = [
        lambda t: t.__iadd__(1), lambda t: t.__setitem__(0, 1.0), lambda t: t.exp_(), lambda t: t.zero_(),
        lambda t: t.copy_(mg.zeros(2)), lambda t: t.fill_(1.0), lambda t: t.clamp_(min=0), lambda t: t.uniform_(),
        lambda t: t.normal_(),
    ]  # fmt: skip
    mg.manual_seed(0)
    expected = mg.rand(2)
    mg.manual_seed(0)
    for change in changes:
        x = leaf(1.0, 2.0)
        with pytest.raises(GraphError, match=r"leaf that requires a gradient[\s\S]*no_grad\(\)"):
            change(x)
        assert x.tolist() == [1.0, 2.0] and x.is_leaf and x.requires_grad and x.grad is None and mg.is_grad_enabled()
    assert (mg.rand(2) == expected).all()  # nothing was drawn


def test_under_no_grad_a_leaf_takes_a_new_value_and_stays_a_leaf():
    w = nn.Parameter([1.0, 2.0])
    stale = (w * w).sum()
    (w * 3).sum().backward()
    with mg.no_grad():
        alias = w
        w -= 0.5 * w.grad
        assert w is alias and type(w) is nn.Parameter
        w[0] = 7.0
        w.grad.zero_()
    assert w.tolist() == [7.0, 0.5] and w.is_leaf and w.requires_grad and w.grad.tolist() == [0.0, 0.0]
    with pytest.raises(GraphError, match="was written to"):
        stale.backward()
    (w * w).sum().backward()
    assert w.grad.tolist() == [14.0, 1.0]


def test_under_no_grad_a_result_keeps_its_history():
    w = leaf(2.0)
    x = w * 3
    saved, unsaved = x * x, x + 1
    with mg.no_grad():
        x += 100
    assert x.item() == 106.0
    unsaved.backward(retain_graph=True)
    assert w.grad.item() == 3.0
    with pytest.raises(GraphError, match="was written to"):
        saved.backward()
    x.backward()
    assert w.grad.item() == 6.0


def test_shape_and_dtype_stay():
    x, i = mg.zeros(2), mg.zeros(2, dtype=np.int64)
    x += np.ones(2)  # a float64 operand
    assert x.dtype == np.float32
    with pytest.raises(ShapeError, match=r"add_: the result has shape \(3, 2\), the tensor has \(2,\)"):
        x += mg.zeros(3, 2)
    with pytest.raises(ShapeError, match="do not broadcast"):
        x += mg.zeros(3)
    with pytest.raises(DTypeError, match=r"multiply_: the result is of dtype float.*int64"):
        i *= 2.5
    with pytest.raises(DTypeError):
        i /= 2
    with pytest.raises(ShapeError, match="copy_"):
        x.copy_(mg.zeros(3))
    with pytest.raises(ShapeError, match="fill_"):
        x.fill_([1.0, 2.0])
    i.copy_(mg.tensor([1.7, 2.2]))  # copy_ casts, as in PyTorch
    assert same(x, i) == [[1.0, 1.0], [1, 2]] and i.dtype == np.int64


def test_spellings_that_change_the_shape():
    w = leaf(1.0, 2.0, 3.0)
    x = w * 2
    assert x.unsqueeze_(0).shape == (1, 3) and x.t_().shape == (3, 1) and x.transpose_(0, 1).shape == (1, 3)
    x.squeeze_()
    x.backward(np.array([1.0, -2.0, 3.0]))
    assert w.grad.tolist() == [2.0, -4.0, 6.0]
    with mg.no_grad(), pytest.raises(ShapeError, match=r"unsqueeze_: .*\(3, 1\), the tensor has \(3,\) and keeps it"):
        w.unsqueeze_(1)
    assert w.shape == (3,) and mg.zeros(2, 1).squeeze_().shape == (2,)


def test_data_is_the_tensor_outside_the_graph():
    w = leaf(1.0, 2.0)
    y = (w * w).sum()
    window = w.data
    assert not window.requires_grad and window.is_leaf and window.tolist() == [1.0, 2.0]
    w.data -= 0.5
    w.data.add_(1.0)
    w.data[0] = 9.0
    assert window.tolist() == w.tolist() == [9.0, 2.5] and w.requires_grad
    with pytest.raises(GraphError, match="was written to"):  # where PyTorch's gradient is silently wrong
        y.backward()
    w.data = mg.tensor([4.0, 5.0])
    assert w.tolist() == [4.0, 5.0] and w.dtype == np.float32  # it takes the value as it is
    with pytest.raises(ShapeError):
        (w * 2).data = mg.zeros(3)
    with pytest.raises(DTypeError):
        w.data = mg.tensor([1, 2])
    (w.data * w).sum().backward()
    assert w.grad.tolist() == [4.0, 5.0]
    nn.init.zeros_(w.data)
    assert w.tolist() == [0.0, 0.0]


def test_detach_in_place():
    w = leaf(2.0)
    h = w * 3
    with pytest.raises(GraphError, match="detach_: a view"):
        h[0].detach_()
    h.detach_()
    assert not h.requires_grad and h.is_leaf and not (h * 2).requires_grad


def test_draws_in_place():
    x = mg.zeros(1000)
    g = np.random.default_rng(0)
    assert x.uniform_(2, 3, generator=g) is x and 2 <= x.min().item() < 2.1 < 2.9 < x.max().item() < 3
    assert abs(x.normal_(5, 0.1, generator=g).mean().item() - 5) < 0.02 and x.dtype == np.float32
    assert abs(x.bernoulli_(0.3, generator=g).mean().item() - 0.3) < 0.1 and set(x.tolist()) == {0.0, 1.0}
    with pytest.raises(ValueError, match="std"):
        x.normal_(0, -1)


def distance(draws, distribution):
    """The largest difference between the share of draws up to a value and the distribution function there."""
    ordered = np.sort(draws.numpy())
    return np.abs(distribution(ordered) - (np.arange(len(ordered)) + 0.5) / len(ordered)).max()


@pytest.mark.parametrize(
    ("name", "options", "distribution"),
    [
        ("exponential_", {"lambd": 2.0}, lambda x: 1 - np.exp(-2 * x)),
        ("cauchy_", {"median": 1.0, "sigma": 3.0}, lambda x: 0.5 + np.arctan((x - 1) / 3) / np.pi),
        ("log_normal_", {"mean": 0.5, "std": 0.7}, lambda x: mg.special.ndtr((np.log(x) - 0.5) / 0.7)),
    ],
)
def test_continuous_draws_follow_their_distribution(name, options, distribution):
    x = mg.zeros(4000, dtype=mg.float64)
    assert getattr(x, name)(**options, generator=np.random.default_rng(0)) is x
    assert distance(x, distribution) < 1.6 / 4000**0.5  # exceeded by one sequence in a hundred
    with pytest.raises(ValueError, match=rf"{name}: \w+ must be greater than 0, got 0"):
        getattr(x, name)(**options | {[*options][-1]: 0})
    with pytest.raises(mg.DTypeError, match=f"{name}: draws floats"):
        getattr(mg.zeros(2, dtype=mg.int64), name)()


def test_whole_draws_in_place():
    g = np.random.default_rng(0)
    n = mg.zeros(4000, dtype=mg.int64).geometric_(0.25, generator=g)
    counts = np.bincount(n.numpy())
    assert counts[0] == 0 and np.allclose(counts[1:5] / 4000, 0.25 * 0.75 ** np.arange(4), atol=0.03)
    with pytest.raises(ValueError, match="p must be between 0 and 1, got 1"):
        n.geometric_(1)
    assert set(mg.zeros(100).random_(3, generator=g).tolist()) == {0, 1, 2}
    assert set(mg.zeros(100, dtype=mg.int8).random_(-2, 2, generator=g).tolist()) == {-2, -1, 0, 1}
    bounds = {"bool": (0, 1), "uint8": (0, 255), "int8": (0, 127), "float16": (0, 2048)}
    for dtype, (least, most) in bounds.items():
        x = mg.zeros(50_000, dtype=getattr(mg, dtype)).random_(generator=g).numpy()
        assert (x.min(), x.max()) == (least, most)
    assert mg.zeros(100, dtype=mg.int64).random_(generator=g).max().item() > 2**62
    assert 2**23 < mg.zeros(1000).random_(generator=g).max().item() <= 2**24
    for bounds in ((3, 3), (0, 257), (-1, 3)):
        with pytest.raises(ValueError, match="random_: needs from_ < to within 0 to 256 for uint8"):
            mg.zeros(3, dtype=mg.uint8).random_(*bounds)


def test_draws_from_the_values():
    p = mg.tensor([0.0, 1.0, 0.5], requires_grad=True)
    assert p.bernoulli().tolist()[:2] == [0, 1] and not p.bernoulli().requires_grad and p.tolist() == [0, 1, 0.5]
    assert mg.zeros(3).bernoulli(1).tolist() == [1, 1, 1]
    with pytest.raises(ValueError, match="within"):
        mg.tensor([2.0]).bernoulli()
    assert p.multinomial(5, replacement=True).shape == (5,) and set(p.multinomial(2).tolist()) == {1, 2}
    with pytest.raises(ValueError, match="num_samples must be 1 to 2"):
        p.multinomial(3)
    mg.manual_seed(0)
    first = p.multinomial(4, True)
    mg.manual_seed(0)
    assert mg.multinomial(p, 4, True).tolist() == first.tolist()


def test_a_loop_of_changes_frees_what_nobody_needs():
    gc.disable()
    try:
        x = mg.zeros(4)
        first = weakref.ref(x.array)
        for _ in range(3):
            x += 1
        assert first() is None
        w = leaf(1.0)
        y = w * 2
        node = weakref.ref(y.node)
        y += 1
        y.backward()
        del y
        assert node() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("seed", range(10))
def test_random_programs_agree_with_pytorch(seed):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    arrays, g = rng.uniform(0.5, 1.5, (2, 3, 4)), rng.standard_normal((3, 4))
    steps = [
        lambda x, y: x.add_(y), lambda x, y: x.mul_(y), lambda x, y: x.sub_(y, alpha=0.5),
        lambda x, y: x.__setitem__(1, y[0]),
        lambda x, y: x.__setitem__((slice(None), [2, 0]), y[:, :2]), lambda x, y: x.div_(y + 1), lambda x, y: x.exp_(),
        lambda x, y: x.__setitem__(0, 0.25), lambda x, y: x.tanh_(), lambda x, y: y.add_(x), lambda x, y: x.clamp_(0.2, 1.1),
        lambda x, y: x.copy_(y), lambda x, y: y.__setitem__((Ellipsis, 1), x[..., 2]), lambda x, y: x.neg_(),
        lambda x, y: y.mul_(0.5),
    ]  # fmt: skip
    chosen = rng.integers(0, len(steps), 12)
    found = []
    for tensor in (lambda a: mg.tensor(a, requires_grad=True), lambda a: torch.tensor(a, requires_grad=True)):
        a, b = (tensor(array) for array in arrays)
        x, y = a * 1, b * 1
        for k in chosen:
            x, y = x * 1, y * 1  # PyTorch refuses where a later change would reach what an earlier step saved
            steps[k](x, y)
        x = x * 1
        x.retain_grad()
        x.mul_(1.5)
        (x * y * (mg if isinstance(x, mg.Tensor) else torch).tensor(g)).sum().backward()
        found.append([x, y, x.grad, a.grad, b.grad])
    for mine, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(mine.detach().numpy(), theirs.detach().numpy(), rtol=1e-10, atol=1e-12)


def test_parts_of_data_are_parts_of_the_tensor():
    """As programs for PyTorch set the bias of a gate: ``bias.data[4:8].fill_(1)``."""

    def change(lib):
        w = lib.zeros(3, 4).requires_grad_()
        w.data[1].fill_(2.0)
        w.data[:, 1:3].add_(5.0)
        w.data[0, 0] += 7.0
        w.data[1][2] = 9.0
        w.data[-1, ...].mul_(3.0)
        w.data[[0, 2]].fill_(100.0)  # a copy, here and there
        for row in w.data:
            row.sub_(1.0)
        return w

    w = change(mg)
    expected = [[6, 4, 4, -1], [1, 6, 8, 1], [-1, 14, 14, -1]]
    assert w.tolist() == expected and w.is_leaf and w.requires_grad
    loss = (w * w).sum()
    w.data[0].zero_()
    with pytest.raises(GraphError, match="written to afterwards"):
        loss.backward()
    torch = pytest.importorskip("torch")
    assert change(torch).tolist() == expected


def test_parts_and_data_are_copied_and_pickled_as_tensors():
    w = nn.Parameter([[1.0, 2.0], [3.0, 4.0]])
    with mg.no_grad():
        read = w[1]
    for given, values in [(read, [3, 4]), (w.data, [[1, 2], [3, 4]]), (w.data[0], [1, 2])]:
        for made in (copy.deepcopy(given), pickle.loads(pickle.dumps(given))):
            assert type(made) is mg.Tensor and made.tolist() == values
            made.add_(1)
    assert w.tolist() == [[1, 2], [3, 4]]
    with pytest.raises(GraphError, match="only leaves can be copied"):
        copy.deepcopy(w[0])
