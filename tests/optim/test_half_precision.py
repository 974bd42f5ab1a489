"""float16 parameters: state and steps in float32, rounded once."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad.training import Trainer
from minigrad.training.metrics import gradient_norms

KINDS = [
    (optim.SGD, {"lr": 0.01, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}), (optim.Adam, {"lr": 0.01}),
    (optim.Adam, {"lr": 0.01, "amsgrad": True, "weight_decay": 0.1}), (optim.AdamW, {"lr": 0.01}),
    (optim.RMSprop, {"lr": 0.01, "momentum": 0.9, "centered": True}), (optim.Adagrad, {"lr": 0.01}),
    (optim.Adadelta, {}), (optim.Adamax, {"lr": 0.01}), (optim.NAdam, {"lr": 0.01}), (optim.RAdam, {"lr": 0.01}),
    (optim.Rprop, {"lr": 0.01}), (optim.ASGD, {"lr": 0.01, "t0": 2}),
]  # fmt: skip
every_kind = pytest.mark.parametrize("kind, options", KINDS, ids=lambda x: getattr(x, "__name__", None))


@every_kind
def test_a_step_is_that_of_float32_rounded(kind, options, rng):
    """With gradients whose squares are beyond float16, and below it."""
    start = rng.standard_normal((4, 5)).astype(np.float16)
    half, single = (mg.tensor(start.astype(dtype), requires_grad=True) for dtype in (np.float16, np.float32))
    ours, reference = kind([half], **options), kind([single], **options)
    for _ in range(5):
        g = (rng.standard_normal((4, 5)) * 10.0 ** rng.uniform(-6, 4, (4, 5))).astype(np.float16)
        half.grad, single.grad = mg.tensor(g), mg.tensor(g.astype(np.float32))
        ours.step()
        reference.step()
        with mg.no_grad():
            single.copy_(mg.tensor(single.detach().numpy().astype(np.float16).astype(np.float32)))
        assert half.dtype == np.float16 and np.isfinite(half.detach().numpy()).all()
        assert half.detach().numpy().tolist() == single.detach().numpy().tolist()
    names = ours.state_names(ours.param_groups[0])
    assert all(ours.state[half][name].dtype == np.float32 for name in names)
    assert all((ours.state[half][name] == reference.state[single][name]).all() for name in names)


def test_the_second_moment_of_a_large_gradient():
    """Issue: squares from 256 on were infinite, and the weight stopped; those of small ones 0, and it became infinite."""
    w = mg.tensor(np.ones(3, np.float16), requires_grad=True)
    adam = optim.Adam([w], lr=0.01)
    for _ in range(10):
        w.grad = mg.tensor(np.array([300, 60000, 1e-5], np.float16))
        adam.step()
    assert np.allclose(w.detach().numpy(), 0.9, atol=0.005)


@every_kind
def test_state_travels(kind, options, rng):
    """Through a file, into an optimizer of float32 parameters, and from one."""
    g = rng.standard_normal(3) * 300
    made = {}
    for dtype in (np.float16, np.float32):
        w = mg.tensor(np.ones(3, dtype), requires_grad=True)
        made[dtype] = kind([w], **options)
        w.grad = mg.tensor(g.astype(dtype))
        made[dtype].step()
    for dtype, other in ((np.float16, np.float32), (np.float32, np.float16)):
        made[dtype].load_state_dict(made[other].state_dict())
        (state,) = made[dtype].state.values()
        assert all(value.dtype == np.float32 for value in state.values() if isinstance(value, np.ndarray))


@every_kind
def test_state_travels_to_pytorch_and_back(kind, options):
    torch = pytest.importorskip("torch")
    w, v = mg.tensor(np.ones(3, np.float16), requires_grad=True), torch.nn.Parameter(torch.ones(3, dtype=torch.float16))
    ours, theirs = kind([w], **options), getattr(torch.optim, kind.__name__)([v], **options)
    w.grad, v.grad = mg.tensor(np.full(3, 2, np.float16)), torch.full((3,), 2, dtype=torch.float16)
    ours.step()
    theirs.step()
    assert np.allclose(w.detach().numpy(), v.detach().numpy(), atol=1e-3)
    ours.load_state_dict(mg.interop.from_torch(theirs.state_dict()))
    assert all(a.dtype == np.float32 for a in ours.state[w].values() if isinstance(a, np.ndarray))
    ours.step()
    theirs.step()
    assert np.allclose(w.detach().numpy(), v.detach().numpy(), atol=2e-3)


def test_a_weight_beyond_the_largest_becomes_infinite_in_silence():
    w = mg.tensor(np.array([65000.0], np.float16), requires_grad=True)
    w.grad = mg.tensor(np.array([-60000.0], np.float16))
    optim.SGD([w], lr=1.0).step()
    assert w.tolist() == [np.inf]


def test_a_network_of_float16_learns():
    (x, t), (x_test, t_test) = mg.data.load_digits()
    net = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)).half()
    trainer = Trainer(
        net, x, t, x_test, t_test, epochs=4, optimizer="Adam", optimizer_param={"lr": 0.01}, verbose=False, seed=0
    )
    trainer.train()
    assert net[0].weight.dtype == np.float16 and trainer.test_acc_list[-1] > 0.85


@pytest.mark.parametrize("dtype, size", [(np.float16, 5e4), (np.float32, 1e30)])
def test_norms_of_large_gradients(dtype, size):
    """Finite, or the Trainer would refuse the step."""
    layer = nn.Linear(2, 2, bias=False).to(dtype)
    layer.weight.grad = mg.tensor(np.full((2, 2), size, dtype))
    assert gradient_norms(layer)["weight"] == pytest.approx(2 * float(dtype(size)))
