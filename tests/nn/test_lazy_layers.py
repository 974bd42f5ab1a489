"""Lazy layers: what they are before the first call, and what they become; beside PyTorch's."""

import copy
import inspect
import pickle

import numpy as np
import pytest

import minigrad as mg
from minigrad import interop, nn

LAYERS = [
    ("LazyLinear", (5,), {"bias": False}, (2, 3, 4)),
    ("LazyLinear", (5,), {}, (4,)),
    ("LazyConv1d", (4, 3), {"groups": 2}, (2, 6, 5)),
    ("LazyConv2d", (4, 3), {"padding": 1, "padding_mode": "reflect"}, (2, 3, 5, 5)),
    ("LazyConv3d", (4, (1, 2, 3)), {"bias": False}, (2, 3, 4, 4, 4)),
    ("LazyConvTranspose1d", (4, 3), {"stride": 2}, (2, 3, 5)),
    ("LazyConvTranspose2d", (4, 3), {"groups": 2, "output_padding": 1, "stride": 2}, (2, 6, 5, 5)),
    ("LazyConvTranspose3d", (4, 3), {}, (2, 3, 4, 4, 4)),
    ("LazyBatchNorm1d", (), {}, (8, 3)),
    ("LazyBatchNorm1d", (1e-3, 0.2), {}, (8, 3, 4)),
    ("LazyBatchNorm2d", (), {"affine": False}, (8, 3, 4, 4)),
    ("LazyBatchNorm3d", (), {"track_running_stats": False}, (8, 3, 4, 4, 4)),
    ("LazyInstanceNorm1d", (), {}, (8, 3, 4)),
    ("LazyInstanceNorm2d", (), {"track_running_stats": False}, (8, 3, 4, 4)),
    ("LazyInstanceNorm3d", (), {"affine": False}, (8, 3, 4, 4, 4)),
]
each_layer = pytest.mark.parametrize(
    "name, arguments, options, shape", LAYERS, ids=[f"{name}-{i}" for i, (name, *_) in enumerate(LAYERS)]
)
pytestmark = pytest.mark.filterwarnings("ignore:Lazy modules are a new feature:UserWarning")


def test_every_lazy_layer_is_tested():
    assert {name for name, *_ in LAYERS} == {name for name in dir(nn) if name.startswith("Lazy")} - {"LazyModuleMixin"}


@each_layer
def test_three_steps_beside_pytorch(name, arguments, options, shape):
    torch = pytest.importorskip("torch")
    ours, theirs = (getattr(lib.nn, name)(*arguments, **options).double() for lib in (mg, torch))
    assert ours.has_uninitialized_params() == theirs.has_uninitialized_params()
    optimizers = [
        lib.optim.SGD(list(net.parameters()) or [lib.zeros(1)], lr=0.1, momentum=0.9)
        for lib, net in ((mg, ours), (torch, theirs))
    ]
    before = list(ours.parameters())
    x = np.random.default_rng(0).standard_normal(shape)
    for lib, net in ((mg, ours), (torch, theirs)):
        with lib.no_grad():
            net.eval()(lib.tensor(x))
    assert type(ours) is getattr(nn, name.removeprefix("Lazy")) and not isinstance(ours, nn.lazy.LazyModuleMixin)
    assert repr(ours).replace("bias=True, track", "track") == repr(theirs).replace("bias=True, track", "track")
    assert all(a is b and type(a) is nn.Parameter for a, b in zip(before, ours.parameters(), strict=True))
    theirs.load_state_dict(interop.to_torch(ours.state_dict()))
    for step in range(3):
        for lib, net, optimizer in ((mg, ours, optimizers[0]), (torch, theirs, optimizers[1])):
            optimizer.zero_grad()
            out = net.train(step != 1)(lib.tensor(x))
            if out.requires_grad:
                (out**3).sum().backward()
                optimizer.step()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for a, b in zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True):
        assert np.allclose(a.numpy(), b.numpy(), rtol=1e-10, atol=1e-12) and a.dtype == b.numpy().dtype


@each_layer
def test_it_is_what_it_becomes(name, arguments, options, shape):
    """The values are those of the ordinary layer, made at the time of the first call."""
    mg.manual_seed(0)
    lazy = getattr(nn, name)(*arguments, **options)
    assert isinstance(lazy, getattr(nn, name.removeprefix("Lazy"))) and lazy.training
    lazy(mg.ones(shape))
    mg.manual_seed(0)
    axis = -1 if name == "LazyLinear" else 1
    if "Instance" in name:  # as in PyTorch, these defaults of the lazy layers are others
        options = {"affine": True, "track_running_stats": True, **options}
    ordinary = getattr(nn, name.removeprefix("Lazy"))(shape[axis], *arguments, **options)
    ordinary(mg.ones(shape))
    assert repr(lazy) == repr(ordinary) and lazy.__dict__.keys() == ordinary.__dict__.keys()
    for (k, a), (q, b) in zip(lazy.state_dict().items(), ordinary.state_dict().items(), strict=True):
        assert k == q and np.array_equal(a.numpy(), b.numpy())


def test_nothing_is_drawn_before():
    mg.manual_seed(0)
    first = mg.rand(3).tolist()
    mg.manual_seed(0)
    nn.LazyConv2d(4, 3), nn.LazyLinear(5)
    assert mg.rand(3).tolist() == first


@pytest.mark.parametrize("name", ["minigrad", "torch"])
def test_before_the_first_call(name):
    lib = pytest.importorskip(name)
    layer = lib.nn.LazyLinear(5)
    assert layer.in_features == 0 and layer.out_features == 5
    assert "in_features=0, out_features=5, bias=True" in repr(layer) and repr(layer).startswith("LazyLinear")
    assert isinstance(layer.weight, lib.nn.UninitializedParameter) and layer.weight.requires_grad
    with pytest.raises(RuntimeError, match="shape"):
        layer.weight.shape  # noqa: B018
    assert set(layer.state_dict()) == {"weight", "bias"}
    assert isinstance(layer.state_dict()["weight"], lib.nn.UninitializedParameter)
    bn = lib.nn.LazyBatchNorm1d()
    assert isinstance(bn.running_mean, lib.nn.UninitializedBuffer) and bn.num_batches_tracked.item() == 0
    copied = copy.deepcopy(layer)
    assert isinstance(copied.weight, lib.nn.UninitializedParameter) and copied.weight is not layer.weight
    assert copied(lib.ones(2, 3)).shape == (2, 5) and isinstance(layer.weight, lib.nn.UninitializedParameter)
    layer.weight.materialize((5, 7))
    assert type(layer.weight) is lib.nn.Parameter and tuple(layer.weight.shape) == (5, 7)


@pytest.mark.parametrize("name", ["minigrad", "torch"])
def test_state_dicts(name):
    lib = pytest.importorskip(name)
    Sequential, Linear, LazyLinear = lib.nn.Sequential, lib.nn.Linear, lib.nn.LazyLinear
    ordinary, lazy = Sequential(Linear(3, 4), Linear(4, 2)), Sequential(LazyLinear(4), LazyLinear(2))
    lazy.load_state_dict(ordinary.state_dict())
    assert lazy[0].weight.tolist() == ordinary[0].weight.tolist()
    x = lib.ones(2, 3)
    assert lazy(x).tolist() == ordinary(x).tolist() and type(lazy[1]) is Linear and lazy[1].in_features == 4
    fresh = Sequential(LazyLinear(4), LazyLinear(2))
    fresh.load_state_dict(Sequential(LazyLinear(4), LazyLinear(2)).state_dict())
    assert fresh[0].has_uninitialized_params()
    with pytest.raises((RuntimeError, ValueError), match=r"(?i)initialize"):
        ordinary.load_state_dict(fresh.state_dict())


def test_a_signature_and_a_pickle():
    assert str(inspect.signature(nn.LazyLinear)).startswith("(out_features: 'int', bias: 'bool' = True")
    again = pickle.loads(pickle.dumps(nn.LazyLinear(2)))
    assert again(mg.ones(1, 3)).shape == (1, 2)
    with pytest.raises(TypeError, match="out_features"):
        nn.LazyLinear()
    with pytest.raises(mg.ShapeError, match="out_features must be at least 1"):
        nn.LazyLinear(0)
