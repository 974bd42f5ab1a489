"""Names of PyTorch that little depends on: what they do here, and beside PyTorch where it is installed."""

from collections import namedtuple

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad.data import ChainDataset, DataLoader, IterableDataset, StackDataset, default_convert, get_worker_info
from minigrad.nn import functional as F


class Count(IterableDataset):
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        return iter(range(self.n))

    def __len__(self):
        return self.n


def test_iterable_datasets():
    both = Count(3) + Count(2)
    assert isinstance(both, ChainDataset) and len(both) == 5 and list(both) == [0, 1, 2, 0, 1]
    assert [batch.tolist() for batch in DataLoader(both, batch_size=2)] == [[0, 1], [2, 0], [1]]
    assert len(list(DataLoader(both, batch_size=2, drop_last=True))) == 2 == len(DataLoader(both, 2, drop_last=True))
    assert list(DataLoader(Count(4), 2, collate_fn=sum)) == [1, 5] and get_worker_info() is None
    for options in ({"shuffle": True}, {"sampler": [0]}, {"batch_sampler": [[0]]}):
        with pytest.raises(ValueError, match="an IterableDataset decides the order"):
            DataLoader(Count(4), **options)
    with pytest.raises(NotImplementedError, match="does not define __iter__"):
        iter(IterableDataset())


def test_datasets_side_by_side():
    assert StackDataset([1, 2], "ab")[1] == (2, "b") and StackDataset(x=[1, 2], y="ab")[0] == {"x": 1, "y": "a"}
    assert len(StackDataset([1, 2])) == 2
    for args, kwargs in (((), {}), (([1], [1, 2]), {}), (([1],), {"x": [1]})):
        with pytest.raises(ValueError, match="needs datasets of the same length"):
            StackDataset(*args, **kwargs)


def test_items_are_converted():
    Point = namedtuple("Point", "x y")
    made = default_convert({"a": [np.ones(2), 1], "p": Point(np.float32(2), "s")})
    assert isinstance(made["a"][0], mg.Tensor) and made["a"][1] == 1
    assert isinstance(made["p"], Point) and made["p"].x.item() == 2 and made["p"].y == "s"


def test_states_of_the_random_generator():
    mg.manual_seed(7)
    assert mg.initial_seed() == 7
    mg.random.default_generator().integers(0, 9, dtype=np.uint32)  # leaves half of a word
    state = mg.get_rng_state()
    first = mg.random.default_generator().integers(0, 2**30, 5, dtype=np.uint32).tolist()
    mg.set_rng_state(state)
    assert mg.random.default_generator().integers(0, 2**30, 5, dtype=np.uint32).tolist() == first
    for wrong in (state[:5], state.float(), mg.full((64,), 255).to(mg.uint8)):
        with pytest.raises(ValueError, match="needs the 64 bytes of get_rng_state"):
            mg.set_rng_state(wrong)
    assert mg.seed() == mg.initial_seed() != mg.seed()


def test_devices():
    assert (
        mg.get_default_device() == mg.device("cpu") and mg.set_default_device("cpu") is mg.set_default_device(None) is None
    )
    with pytest.raises(ValueError, match="there is no 'cuda'"):
        mg.set_default_device("cuda")
    layer = nn.Linear(1, 1)
    assert layer.to_empty(device="cpu") is layer.to(memory_format=mg.channels_last) is layer
    x = mg.zeros(1, 1, 2, 2)
    assert x.to(memory_format=mg.channels_last).contiguous(memory_format=mg.contiguous_format).is_contiguous()
    assert (
        x.get_device() == -1 and x.is_signed() and not mg.zeros(1).to(mg.uint8).is_signed() and not mg.zeros(1).is_nonzero()
    )


def test_buffers_are_registered_when_assigned():
    module = nn.Module()
    module.kept, module.passing = nn.Buffer(mg.ones(2)), nn.Buffer([1.0], persistent=False)
    assert list(module.state_dict()) == ["kept"] and [name for name, _ in module.named_buffers()] == ["kept", "passing"]
    module.kept, module.passing = mg.zeros(2), nn.Buffer([2.0])
    assert list(module.state_dict()) == ["kept", "passing"] and nn.Buffer().shape == (0,)


def test_loading_by_assignment_takes_the_dtype():
    layer, saved = nn.Linear(2, 1), nn.Linear(2, 1).double().state_dict()
    layer.load_state_dict(saved)
    assert layer.weight.dtype == np.float32
    layer.load_state_dict(saved, assign=True)
    assert layer.weight.dtype == np.float64 and layer.weight.equal(saved["weight"])
    layer(mg.ones(1, 2).double()).sum().backward()
    assert layer.weight.grad.dtype == np.float64


def test_hooks_of_optimizer_states():
    optimizer, calls = optim.SGD([mg.ones(1, requires_grad=True)], lr=0.1), []
    optimizer.register_state_dict_pre_hook(lambda own: calls.append("before"))
    optimizer.register_state_dict_post_hook(lambda own, state: {**state, "extra": 1})
    handle = optimizer.register_state_dict_post_hook(lambda own, state: calls.append(sorted(state)), prepend=True)
    state = optimizer.state_dict()
    assert calls == ["before", ["param_groups", "state"]] and state["extra"] == 1
    handle.remove()
    optimizer.register_load_state_dict_pre_hook(lambda own, state: {**state, "param_groups": state["groups"]})
    optimizer.register_load_state_dict_post_hook(lambda own: calls.append("loaded"))
    optimizer.load_state_dict({"state": {}, "groups": [{**state["param_groups"][0], "lr": 0.5}]})
    assert optimizer.param_groups[0]["lr"] == 0.5 and calls[-1] == "loaded"


def test_autograd_names_nothing_else():
    with pytest.raises(AttributeError, match="no attribute 'gradchek'"):
        mg.autograd.gradchek  # noqa: B018


@pytest.mark.parametrize("loss", ["mse_loss", "l1_loss", "huber_loss"])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_weights_of_losses(loss, reduction):
    torch = pytest.importorskip("torch")
    arrays = np.random.default_rng(0).normal(size=(3, 2, 4))
    ours, theirs = (
        getattr(lib.nn.functional, loss)(
            *map(lib.tensor, arrays[:2]), reduction=reduction, weight=lib.tensor(abs(arrays[2]))
        )
        for lib in (mg, torch)
    )
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-12)
    with pytest.raises(mg.ShapeError, match="weight"):
        getattr(F, loss)(mg.ones(2), mg.ones(2), weight=mg.ones(3))


@pytest.mark.parametrize("kind", ["Embedding", "EmbeddingBag"])
def test_norms_of_embeddings(kind):
    torch = pytest.importorskip("torch")
    table, found = np.random.default_rng(0).normal(size=(5, 3)), []
    for lib in (mg, torch):
        layer = getattr(lib.nn, kind)(5, 3, max_norm=0.5, norm_type=1.0, _weight=lib.tensor(table))
        out = layer(lib.tensor([[0, 1], [1, 3]]))
        (out * out).sum().backward()
        found.append([repr(layer), *(x.detach().numpy() for x in (out, layer.weight, layer.weight.grad))])
    assert found[0][0] == found[1][0]
    for ours, theirs in zip(found[0][1:], found[1][1:], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    assert F.embedding(mg.tensor([0]), table, max_norm=0.5).norm() < 0.51 and abs(table).max() > 0.5
    with pytest.raises(ValueError, match="scale_grad_by_freq is not supported"):
        getattr(nn, kind)(5, 3, scale_grad_by_freq=True)


def test_norms_of_all_gradients():
    torch, found = pytest.importorskip("torch"), []
    for lib in (mg, torch):
        xs = [lib.tensor([3.0, 4.0], requires_grad=True), lib.tensor([12.0], requires_grad=True)]
        sum((x * x).sum() / 2 for x in xs).backward()
        norm = lib.nn.utils.get_total_norm([x.grad for x in xs], 3.0)
        lib.nn.utils.clip_grads_with_norm_(xs, 2.0, norm)
        found.append([norm.item(), *xs[0].grad.tolist(), *xs[1].grad.tolist()])
    np.testing.assert_allclose(*found, rtol=1e-6)


@pytest.mark.filterwarnings("ignore::UserWarning")  # PyTorch's, of names that it has replaced
def test_solutions_and_factors_as_methods():
    torch, a = pytest.importorskip("torch"), np.array([[1.0, 2.0], [3.0, 1.0]])
    for call in (
        lambda lib, x: x.lu_solve(*lib.linalg.lu_factor(x)), lambda lib, x: lib.lu_solve(x, *x.lu()),
        lambda lib, x: x.svd()[1], lambda lib, x: (x @ x.T).cholesky_inverse(), lambda lib, x: x.cholesky_solve(x.tril()),
        lambda lib, x: lib.split_with_sizes(x, split_sizes=[1, 1], dim=1)[1], lambda lib, x: lib.fill(x, 2.0),
        lambda lib, x: lib.zero_(x.clone()), lambda lib, x: lib.fill_(x.clone(), value=3),
        lambda lib, x: lib.scalar_tensor(2), lambda lib, x: abs(x.qr()[1]),
        lambda lib, x: lib.asarray(x, copy=True).fill_(1), lambda lib, x: lib.celu_(-x), lambda lib, x: lib.from_dlpack(a),
    ):  # fmt: skip
        np.testing.assert_allclose(call(mg, mg.tensor(a)).numpy(), call(torch, torch.tensor(a)).numpy(), atol=1e-12)


def test_what_is_outside_says_so():
    for name, kind in [("sparse_coo_tensor", "sparse tensors"), ("complex64", "complex numbers"), ("fft", "complex numbers"),
                       ("quantize_per_tensor", "quantized tensors")]:  # fmt: skip
        with pytest.raises(AttributeError, match=f"no attribute '{name}'\n  hint: {kind} are outside of minigrad"):
            getattr(mg, name)
        assert not hasattr(mg, name)
