"""Words of PyTorch's programs: whether tensors are equal, draws by weight, parameters as a vector, padded sequences."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, utils
from minigrad.errors import ShapeError
from minigrad.nn.utils import parameters_to_vector, vector_to_parameters
from minigrad.nn.utils.rnn import pad_sequence


def test_equal_asks_about_the_whole():
    x = mg.tensor([1.0, 2.0])
    assert mg.equal(x, x.clone()) is True and x.equal(mg.tensor([1.0, 3.0])) is False
    assert not mg.equal(x, mg.tensor([[1.0, 2.0]])) and not mg.equal(mg.ones(2), mg.ones(1))
    assert not mg.equal(mg.tensor([np.nan]), mg.tensor([np.nan]))
    assert np.equal(x, mg.tensor([1.0, 3.0])).tolist() == [True, False]  # NumPy's, element by element
    w = mg.tensor([1.0], requires_grad=True)
    assert w.equal(w) and w.allclose(w)


def test_close():
    x, y = mg.tensor([1.0, 2.0, np.nan]), mg.tensor([1.0 + 5e-6, 2.1, np.nan])
    assert mg.isclose(x, y).tolist() == [True, False, False] and x.isclose(y, equal_nan=True).tolist() == [True, False, True]
    assert not mg.allclose(x, y) and mg.allclose(x, y, rtol=0.1, equal_nan=True) and x[:2].allclose(y[:2], atol=0.2)
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    a = rng.standard_normal(200)
    b = a + rng.choice([1e-9, 1e-7, 1e-5, 1e-4], 200)
    for options in ({}, {"rtol": 1e-4}, {"rtol": 0, "atol": 1e-6}):
        found, wanted = (lib.isclose(lib.tensor(a), lib.tensor(b), **options).tolist() for lib in (mg, torch))
        assert found == wanted and 0 < sum(wanted) < 200


@pytest.mark.parametrize("replacement", [True, False])
def test_draws_by_weight_come_as_often_as_they_weigh(replacement):
    g = np.random.default_rng(0)
    weights = np.array([[1.0, 0.0, 2.0, 5.0], [3.0, 3.0, 0.0, 2.0]])
    drawn = mg.multinomial(mg.tensor(np.repeat(weights, 4000, 0)), 2, replacement, generator=g)
    assert drawn.shape == (8000, 2) and drawn.dtype == np.int64
    rows = drawn.numpy().reshape(2, 4000, 2)
    for row, w in zip(rows, weights / weights.sum(1, keepdims=True), strict=True):
        np.testing.assert_allclose(np.bincount(row[:, 0], minlength=4) / 4000, w, atol=0.03)
        pairs = np.zeros((4, 4))
        np.add.at(pairs, (row[:, 0], row[:, 1]), 1 / 4000)
        second = w if replacement else np.where(np.eye(4, dtype=bool), 0, w) / (1 - w)[:, None]
        np.testing.assert_allclose(pairs, w[:, None] * second, atol=0.03)
    assert mg.multinomial([0, 1, 0], 1).tolist() == [1]


@pytest.mark.parametrize(
    "weights, samples, says",
    [
        ([1.0, -1.0], 1, "at least 0"), ([0.0, 0.0], 1, "not all of a row 0"), ([1.0, np.nan], 1, "finite"),
        ([1.0, 0.0, 2.0], 3, "num_samples must be 1 to 2"), ([1.0], 0, "num_samples"), ([[[1.0]]], 1, r"\(C,\) or \(N, C\)"),
    ],
)  # fmt: skip
def test_draws_that_cannot_be(weights, samples, says):
    before = mg.random.default_generator().bit_generator.state
    with pytest.raises(ValueError, match=says):
        mg.multinomial(weights, samples)
    assert mg.random.default_generator().bit_generator.state == before


def test_parameters_as_a_vector_and_back():
    net = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1))
    vector = parameters_to_vector(net.parameters())
    assert vector.shape == (11,) and vector.requires_grad
    (vector * mg.arange(11)).sum().backward()
    assert net[0].bias.grad.tolist() == [6.0, 7.0] and net[1].weight.grad.tolist() == [[8.0, 9.0]]
    before = [p.tolist() for p in net.parameters()]
    with pytest.raises(ShapeError, match=r"needs a vector of 11 elements, got shape \(10,\)"):
        vector_to_parameters(mg.ones(10), net.parameters())
    assert [p.tolist() for p in net.parameters()] == before
    vector_to_parameters(mg.arange(11.0), net.parameters())
    assert net[0].weight.tolist() == [[0, 1, 2], [3, 4, 5]] and net[1].bias.tolist() == [10] and net[0].weight.is_leaf


def test_sequences_of_different_lengths():
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal((n, 2)) for n in (2, 4, 1)]
    given = [mg.tensor(a, requires_grad=True) for a in arrays]
    padded = pad_sequence(given, padding_value=-1.0)
    assert padded.shape == (4, 3, 2) and (padded[2:, 0] == -1).all() and (padded[:, 1] == given[1]).all()
    (padded * padded).sum().backward()
    for x, a in zip(given, arrays, strict=True):
        np.testing.assert_allclose(x.grad.numpy(), 2 * a)
    assert pad_sequence([mg.tensor([1]), mg.tensor([2, 3])], True, padding_side="left").tolist() == [[0, 1], [2, 3]]
    for bad, error, says in [
        ([], ValueError, "at least one"),
        ([mg.ones(2), mg.ones(2, 1)], ShapeError, r"sequence 1 has shape \(2, 1\)"),
    ]:
        with pytest.raises(error, match=says):
            pad_sequence(bad)
    torch = pytest.importorskip("torch")
    for options in ({}, {"batch_first": True, "padding_value": 3.0, "padding_side": "left"}):
        theirs = torch.nn.utils.rnn.pad_sequence([torch.tensor(a) for a in arrays], **options)
        assert pad_sequence(given, **options).tolist() == theirs.tolist()


def test_old_names_and_paths():
    assert mg.LongTensor([1, 2]).dtype == np.int64 and mg.FloatTensor([1, 2]).dtype == np.float32
    assert not nn.Parameter(mg.ones(2), False).requires_grad and nn.Parameter([1], dtype=mg.float64).dtype == np.float64
    assert mg.BoolTensor([0, 1]).tolist() == [False, True] and mg.IntTensor().shape == (0,)
    assert utils.data.DataLoader is mg.data.DataLoader and utils.checkpoint.checkpoint is mg.autograd.checkpoint
    keys = nn.Linear(1, 1).load_state_dict({"weight": mg.ones(1, 1)}, strict=False)
    assert repr(keys) == "IncompatibleKeys(missing_keys=['bias'], unexpected_keys=[])"
    assert repr(nn.ReLU().load_state_dict({})) == "<All keys matched successfully>"


def test_an_element_is_counted_up():
    """As programs count a confusion matrix: the index is of 0-d tensors."""
    counts = mg.zeros(3, 3, dtype=mg.int64)
    for t, p in zip(mg.tensor([0, 2, 2]), mg.tensor([1, 2, 2]), strict=True):
        counts[t.long(), p.long()] += 1
    assert counts.tolist() == [[0, 1, 0], [0, 0, 0], [0, 0, 2]]


@pytest.mark.parametrize("name", ["minigrad", "torch"])
def test_a_number_formats_as_a_number(name):
    """As programs print a loss or a count of right answers without calling `item`."""
    lib = pytest.importorskip(name)
    right, loss = (lib.tensor([1, 2]) == lib.tensor([1, 3])).sum(), lib.tensor(2.5, requires_grad=True)
    assert f"{right} of 2, {100 * right / 2} %, {loss} {loss:.2f} {loss > 2}" == "1 of 2, 50.0 %, 2.5 2.50 True"
    assert f"{lib.tensor([1.5])}" == "tensor([1.5000])"


def test_no_tensor_equals_none_or_a_string():
    """``if state == None`` and ``mode != "sum"`` ask for the object, as in PyTorch; numbers compare elements."""
    x = mg.zeros(3)
    assert (x == None) is False and (None == x) is False and (x != None) is True  # noqa: E711, SIM300
    assert (x == "sum") is False and (x != "sum") is True and x not in (None, "sum")
    assert (mg.empty(0) == None) is False  # noqa: E711
    assert (x == 0).tolist() == [True] * 3 and (x != np.zeros(3)).tolist() == [False] * 3


def test_where_of_a_condition_alone():
    condition = mg.tensor([[True, False], [False, True]])
    for rows, columns in (mg.where(condition), np.where(condition)):
        assert rows.tolist() == columns.tolist() == [0, 1]
    assert [index.tolist() for index in mg.where(np.array([0, 2]))] == [[1]]
    with pytest.raises(TypeError, match="missing"):
        mg.where(condition, 1.0)


@pytest.mark.parametrize("name", ["contiguous_format", "preserve_format", "channels_last", "channels_last_3d"])
def test_memory_formats_are_accepted(name):
    kind, x = getattr(mg, name), mg.ones(2, 3)
    assert isinstance(kind, mg.memory_format) and kind is mg.memory_format[name]
    for like in (mg.zeros_like, mg.ones_like, mg.empty_like, mg.rand_like, mg.randn_like, mg.clone):
        assert like(x, memory_format=kind).shape == (2, 3)
    assert mg.full_like(x, 2.0, memory_format=kind).tolist() == [[2.0] * 3] * 2
    assert mg.randint_like(x, 5, memory_format=kind).dtype == x.dtype
    assert x.to(memory_format=kind) is x.contiguous(memory_format=kind) is x.float(memory_format=kind) is x
    assert x.long(memory_format=kind).dtype == np.int64
    layer = mg.nn.Linear(3, 2)
    assert layer.to(memory_format=kind) is layer


def test_decompositions_are_methods():
    matrix = np.array([[1.0, 2.0], [3.0, 5.0]])
    x = mg.tensor(matrix, requires_grad=True)
    p, lower, upper = mg.lu_unpack(*x.lu())  # as Glow's 1x1 convolutions begin
    np.testing.assert_allclose((p @ lower @ upper).detach(), matrix, rtol=1e-12)
    q, r = x.qr()
    np.testing.assert_allclose((q @ r).detach(), matrix, rtol=1e-12)
    u, s, v = x.svd()
    np.testing.assert_allclose((u * s @ v.mT).detach(), matrix, rtol=1e-12)
