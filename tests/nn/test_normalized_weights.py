"""weight_norm, spectral_norm and parametrize: beside PyTorch's, and what they do to a module."""

import copy

import numpy as np
import pytest

import minigrad as mg
from minigrad import interop, nn
from minigrad.nn.utils import parametrizations, parametrize

LAYERS = [
    ("Linear", (4, 3), (5, 4)),
    ("Conv2d", (4, 6, 3), (2, 4, 5, 5)),
    ("ConvTranspose1d", (4, 6, 3), (2, 4, 5)),
]
HOOKS = [
    ("weight_norm", {}),
    ("weight_norm", {"dim": None}),
    ("weight_norm", {"dim": 1}),
    ("spectral_norm", {}),
    ("spectral_norm", {"n_power_iterations": 3, "dim": 1}),
]
each_layer = pytest.mark.parametrize("kind, arguments, shape", LAYERS, ids=[kind for kind, _, _ in LAYERS])


@pytest.mark.parametrize("name, options", HOOKS, ids=[f"{name}-{i}" for i, (name, _) in enumerate(HOOKS)])
@pytest.mark.parametrize("room", ["utils", "utils.parametrizations"])
@each_layer
@pytest.mark.filterwarnings("ignore:.*weight_norm.*deprecated:FutureWarning")
def test_five_steps_beside_pytorch(name, options, room, kind, arguments, shape):
    torch = pytest.importorskip("torch")
    mg.manual_seed(0)
    nets, applied = [], []
    for lib in (mg, torch):
        home = lib.nn.utils.parametrizations if room.endswith("s.parametrizations") else lib.nn.utils
        layer = getattr(lib.nn, kind)(*arguments).double()
        assert getattr(home, name)(layer, **options) is layer
        nets.append(layer)
        applied.append(home)
    ours, theirs = nets
    assert [(k, v.shape) for k, v in ours.state_dict().items()] == [
        (k, tuple(v.shape)) for k, v in theirs.state_dict().items()
    ]
    theirs.load_state_dict(interop.to_torch(ours.state_dict()))
    optimizers = [lib.optim.SGD(net.parameters(), lr=0.1) for lib, net in ((mg, ours), (torch, theirs))]
    rng = np.random.default_rng(0)
    for step in range(5):
        x = rng.standard_normal(shape)
        for net in nets:
            net.train(step != 2)
        outs = [net(lib.tensor(x)) for lib, net in ((mg, ours), (torch, theirs))]
        for out, optimizer in zip(outs, optimizers, strict=True):
            optimizer.zero_grad()
            (out**3).sum().backward()
            optimizer.step()
        assert np.allclose(outs[0].detach(), outs[1].detach().numpy(), rtol=1e-10, atol=1e-12)
        for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
            assert np.allclose(a.grad, b.grad.numpy(), rtol=1e-9, atol=1e-12)
    for (k, a), (q, b) in zip(ours.state_dict().items(), theirs.state_dict().items(), strict=True):
        assert k == q and np.allclose(a.numpy(), b.numpy(), rtol=1e-9, atol=1e-12)
    for net, lib in zip(nets, (mg, torch), strict=True):
        net.eval()
        if room == "utils":
            getattr(lib.nn.utils, f"remove_{name}")(net)
        else:
            lib.nn.utils.parametrize.remove_parametrizations(net, "weight")
    assert list(ours.state_dict()) == list(theirs.state_dict()) and type(ours) is getattr(nn, kind)
    assert np.allclose(ours.weight.detach(), theirs.weight.detach().numpy(), rtol=1e-9, atol=1e-12)
    assert np.allclose(ours(mg.tensor(x)).detach(), theirs(torch.tensor(x)).detach().numpy(), rtol=1e-9, atol=1e-12)


def test_the_weight_of_a_recurrent_layer():
    torch = pytest.importorskip("torch")
    ours, theirs = nn.LSTM(3, 4).double(), torch.nn.LSTM(3, 4).double()
    for net, lib in ((ours, mg), (theirs, torch)):
        lib.nn.utils.parametrizations.weight_norm(net, "weight_hh_l0")
    theirs.load_state_dict(interop.to_torch(ours.state_dict()))
    x = np.random.default_rng(0).standard_normal((5, 2, 3))
    assert np.allclose(ours(mg.tensor(x))[0].detach(), theirs(torch.tensor(x))[0].detach().numpy(), atol=1e-14)


def test_a_normalized_weight_is_of_norm_one():
    for apply in (nn.utils.spectral_norm, parametrizations.spectral_norm):
        layer = apply(nn.Linear(20, 10).double(), n_power_iterations=500)
        layer(mg.ones(1, 20))
        assert np.linalg.norm(layer.weight.detach().numpy(), 2) == pytest.approx(1)
    vector = parametrizations.spectral_norm(nn.Linear(4, 3).double(), "bias")
    assert np.linalg.norm(vector.bias.detach().numpy()) == pytest.approx(1)
    layer = nn.Linear(4, 3)
    before = layer.weight.tolist()
    assert np.allclose(nn.utils.weight_norm(layer).weight.tolist(), before, atol=1e-6)


class Doubled(nn.Module):
    def forward(self, x):
        return 2 * x

    def right_inverse(self, x):
        return x / 2


class Symmetric(nn.Module):
    def forward(self, x):
        return x.triu() + x.triu(1).T


class Counted(nn.Module):
    calls = 0

    def forward(self, x):
        self.calls += 1
        return x.exp()


@pytest.mark.parametrize("lib", ["minigrad", "torch"])
def test_the_life_of_a_parametrization(lib):
    """The same program with both libraries."""
    lib = pytest.importorskip(lib)
    register, remove = lib.nn.utils.parametrize.register_parametrization, lib.nn.utils.parametrize.remove_parametrizations
    is_parametrized = lib.nn.utils.parametrize.is_parametrized

    class Doubled(lib.nn.Module):
        def forward(self, x):
            return 2 * x

        def right_inverse(self, x):
            return x / 2

    class Symmetric(lib.nn.Module):
        def forward(self, x):
            return x.triu() + x.triu(1).T

    layer = lib.nn.Linear(3, 3)
    original = layer.weight
    before = original.tolist()
    assert not is_parametrized(layer) and register(layer, "weight", Doubled()) is layer
    assert layer.weight.tolist() == before and layer.parametrizations.weight.original is original
    assert original.tolist() == [[x / 2 for x in row] for row in before]
    assert [name for name, _ in layer.named_parameters()] == ["bias", "parametrizations.weight.original"]
    layer.weight = lib.ones(3, 3)
    assert original.tolist() == [[0.5] * 3] * 3 and layer.weight.tolist() == [[1.0] * 3] * 3
    register(layer, "weight", Symmetric())
    with pytest.raises(RuntimeError, match=r"parametrization Symmetric .*right_inverse"):
        layer.weight = lib.zeros(3, 3)
    assert (layer.weight == layer.weight.T).all() and type(layer).__name__ == "ParametrizedLinear"
    assert is_parametrized(layer, "weight") and not is_parametrized(layer, "bias") and isinstance(layer, lib.nn.Linear)
    assert lib.nn.utils.parametrize.type_before_parametrizations(layer) is lib.nn.Linear
    layer(lib.ones(2, 3)).sum().backward()
    assert original.grad.tolist() == [[4.0, 8.0, 8.0], [0.0, 4.0, 8.0], [0.0, 0.0, 4.0]]
    copied = copy.deepcopy(layer)
    assert copied.parametrizations.weight.original is not original and copied.weight.tolist() == layer.weight.tolist()
    assert "parametrizations" in repr(layer) and "ParametrizationList" in repr(layer)
    register(layer, "bias", Doubled())
    remove(layer, "weight", leave_parametrized=False)
    assert layer.weight is original and original.tolist() == [[0.5] * 3] * 3 and is_parametrized(layer)
    remove(layer, "bias")
    assert not is_parametrized(layer) and type(layer) is lib.nn.Linear and not hasattr(layer, "parametrizations")
    assert isinstance(layer.bias, lib.nn.Parameter) and set(layer.state_dict()) == {"weight", "bias"}
    assert type(copied).__name__ == "ParametrizedLinear"


def test_a_block_in_which_it_is_computed_once():
    layer, counted = nn.Linear(2, 2), Counted()
    parametrize.register_parametrization(layer, "weight", counted)
    counted.calls = 0
    with parametrize.cached():
        assert layer.weight is layer.weight
        with parametrize.cached():
            layer(mg.ones(1, 2))
        layer(mg.ones(1, 2))
    assert counted.calls == 1 and layer.weight is not layer.weight


def test_a_buffer_is_parametrized():
    layer = nn.BatchNorm1d(2)
    parametrize.register_parametrization(layer, "running_mean", Doubled())
    assert "parametrizations.running_mean.original" in dict(layer.named_buffers())
    assert parametrize.remove_parametrizations(layer, "running_mean").running_mean.tolist() == [0, 0]
    assert "running_mean" in dict(layer.named_buffers())


def test_refusals_change_nothing():
    class Longer(nn.Module):
        def forward(self, x):
            return mg.cat([x, x])

    class Wrong(Doubled):
        def right_inverse(self, x):
            return x[:1]

    layer = nn.Linear(3, 3)
    state = {name: value.tolist() for name, value in layer.state_dict().items()}
    for call, error, says in [
        (
            lambda: parametrize.register_parametrization(layer, "wait", Doubled()),
            ValueError,
            "no parameter or buffer 'wait'",
        ),
        (lambda: parametrize.register_parametrization(layer, "weight", Longer()), mg.ShapeError, r"\(3, 3\) to \(6, 3\)"),
        (lambda: parametrize.register_parametrization(layer, "weight", Wrong()), mg.ShapeError, r"right_inverse.*\(1, 3\)"),
        (lambda: parametrize.remove_parametrizations(layer, "weight"), ValueError, "not parametrized"),
        (lambda: nn.utils.remove_weight_norm(layer), ValueError, "remove_weight_norm: 'weight' of Linear is not"),
        (lambda: nn.utils.remove_spectral_norm(layer), ValueError, "remove_spectral_norm: 'weight' of Linear is not"),
        (lambda: nn.utils.spectral_norm(layer, n_power_iterations=0), ValueError, "at least 1, got 0"),
        (lambda: parametrizations.spectral_norm(layer, n_power_iterations=0), ValueError, "at least 1, got 0"),
    ]:
        with pytest.raises(error, match=says):
            call()
        assert {name: value.tolist() for name, value in layer.state_dict().items()} == state and type(layer) is nn.Linear
    for apply in (nn.utils.weight_norm, nn.utils.spectral_norm):
        layer = apply(nn.Linear(3, 3))
        with pytest.raises(RuntimeError, match="normalized already"):
            apply(layer)
    layer = parametrizations.weight_norm(nn.Linear(3, 3))
    with pytest.raises(ValueError, match="2 originals"):
        parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)
    layer.weight = mg.ones(3, 3)
    assert np.allclose(layer.weight.tolist(), 1) and layer.parametrizations.weight.original1.tolist() == [[1.0] * 3] * 3
    with pytest.raises(mg.ShapeError, match="right_inverse"):
        layer.weight = mg.ones(2, 3)


@pytest.mark.parametrize("name", ["minigrad", "torch"])
def test_right_inverses_are_applied_last_to_first(name):
    lib = pytest.importorskip(name)

    class Doubled(lib.nn.Module):
        def forward(self, x):
            return 2 * x

        def right_inverse(self, x):
            return x / 2

    class Raised(lib.nn.Module):
        def forward(self, x):
            return x + 1

        def right_inverse(self, x):
            return x - 1

    layer = lib.nn.Linear(2, 1)
    for each in (Doubled(), Raised()):
        lib.nn.utils.parametrize.register_parametrization(layer, "weight", each)
    layer.weight = lib.tensor([[3.0, 5.0]])
    assert layer.weight.tolist() == [[3.0, 5.0]] and layer.parametrizations.weight.original.tolist() == [[1.0, 2.0]]
