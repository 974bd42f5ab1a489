"""einops on our tensors: its functions, its layers, and gradients, beside einops on NumPy and on PyTorch."""

import copy
import doctest
import pickle
import subprocess
import sys

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.testing import gradcheck

einops = pytest.importorskip("einops", reason="einops is not installed: pip install einops")
bridge = pytest.importorskip("minigrad.interop.einops")

X = np.arange(48.0).reshape(2, 3, 2, 4) % 7 - 3

CALLS = {
    "rearrange": lambda f, x: f.rearrange(x, "b c h w -> b (h w) c"),
    "rearrange, split": lambda f, x: f.rearrange(x, "(a b) c h (w v) -> (a w) 1 (c h v b)", a=1, v=2),
    "rearrange, ellipsis": lambda f, x: f.rearrange(x, "b ... w -> w ... b"),
    "rearrange, a list": lambda f, x: f.rearrange([x, x], "n b c h w -> b n (c h w)"),
    "repeat": lambda f, x: f.repeat(x, "b c h w -> b (c n) h 2 w", n=3),
    "repeat, no new element": lambda f, x: f.repeat(x, "b c h w -> b c h w 1"),
    "einsum": lambda f, x: f.einsum(x, x, "b c h w, b other h w -> b c other"),
    "pack": lambda f, x: f.pack([x, x[:, :, 0]], "b c *")[0],
    "unpack": lambda f, x: f.unpack(x, [(2,), ()], "b * h w")[1] if x.shape[1] == 3 else None,
    **{
        f"reduce, {how}": lambda f, x, how=how: f.reduce(x, "b c (h 2) (w v) -> h b w", how, v=2)
        for how in ("sum", "mean", "min", "max", "prod")
    },
    "reduce, nothing": lambda f, x: f.reduce(x, "b c h w -> w b c h", "max"),
    "reduce, all": lambda f, x: f.reduce(x, "b c h w ->", "mean"),
    "reduce, a function": lambda f, x: f.reduce(x, "b c h w -> c w", lambda t, axes: (t * t).sum(axes)),
}
each_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


@each_call
def test_values_are_those_of_numpy_and_gradients_hold(call):
    ours = call(bridge, mg.tensor(X))
    assert isinstance(ours, mg.Tensor)
    np.testing.assert_allclose(ours.numpy(), call(einops, X), rtol=1e-14)
    distinct = np.random.default_rng(0).permutation(X.size).reshape(X.shape) / 10 - 2
    gradcheck(lambda x: call(bridge, x), distinct)


@each_call
def test_values_and_gradients_are_those_of_pytorch(call):
    torch = pytest.importorskip("torch")
    ours, theirs = mg.tensor(X, requires_grad=True), torch.tensor(X, requires_grad=True)
    y, z = call(bridge, ours), call(einops, theirs)
    assert tuple(y.shape) == tuple(z.shape)
    np.testing.assert_allclose(y.detach().numpy(), z.detach().numpy(), rtol=1e-13)
    (y * y).sum().backward()
    (z * z).sum().backward()
    np.testing.assert_allclose(ours.grad.numpy(), theirs.grad.numpy(), rtol=1e-12, atol=1e-12)


def test_einops_itself_knows_our_tensors():
    x = mg.tensor(X)
    assert (
        einops.rearrange is bridge.rearrange and einops.rearrange(x, "b c h w -> (b c h w)").tolist() == X.ravel().tolist()
    )
    assert einops.parse_shape(x, "b _ h w") == {"b": 2, "h": 2, "w": 4}
    assert type(einops.asnumpy(x)) is np.ndarray
    with pytest.raises(einops.EinopsError, match="can't divide axis of length 2 in chunks of 5"):
        einops.rearrange(x, "(b n) c h w -> b n c h w", n=5)
    for kind in "any", "all":
        assert einops.reduce(x > -3, "b c h w -> b", kind).tolist() == getattr(np, kind)(X > -3, axis=(1, 2, 3)).tolist()
    with pytest.raises(NotImplementedError, match="reduce_mean is not available for non-floating tensors"):
        einops.reduce(mg.arange(6), "(a b) -> a", "mean", a=2)


def test_the_backend_is_the_interface_that_einops_asks_for():
    backend = bridge.Backend()
    assert backend.arange(1, 4).tolist() == [1, 2, 3] and backend.layers() is bridge
    assert backend.from_numpy(X).requires_grad and not backend.from_numpy(np.arange(3)).requires_grad
    assert backend.stack_on_zeroth_dimension([mg.ones(2)] * 3).shape == (3, 2)
    assert backend.tile(mg.ones(2, 1), (2, 3)).shape == (4, 3)
    assert backend.einsum("ij->ji", mg.ones(2, 3)).shape == (3, 2)
    missing = [
        name
        for name, f in vars(type(backend).__base__).items()
        if callable(f) and not name.startswith("_") and name not in vars(bridge.Backend)
    ]
    assert missing == ["create_symbol", "eval_symbol", "shape", "reshape"]  # the first two for symbolic libraries


def test_layers():
    x = mg.tensor(X, requires_grad=True)
    net = nn.Sequential(
        bridge.Rearrange("b c (h p) (w q) -> b (h w) (p q c)", p=2, q=2),
        nn.Linear(12, 5).double(),
        bridge.Reduce("b n d -> b d", "mean"),
    )
    y = net(x)
    y.sum().backward()
    assert y.shape == (2, 5) and x.grad.shape == X.shape
    assert repr(net[0]) == "Rearrange('b c (h p) (w q) -> b (h w) (p q c)', p=2, q=2)"
    for other in copy.deepcopy(net), pickle.loads(pickle.dumps(net)):
        np.testing.assert_array_equal(other(x).detach().numpy(), y.detach().numpy())
    assert list(net.state_dict()) == ["1.weight", "1.bias"]
    with pytest.raises(einops.EinopsError):
        bridge.Rearrange("b c -> (b d)")


def test_the_core_does_not_import_einops():
    code = "import sys, minigrad as mg; mg.nn, mg.interop, mg.func; print('einops' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_the_example():
    assert doctest.testmod(bridge, verbose=False).failed == 0
