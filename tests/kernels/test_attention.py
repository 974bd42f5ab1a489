"""The kernel of attention computes what the composition does, for masks, scores and shapes of every kind."""

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad.engine.fused import Fused, unfused
from minigrad.kernels import attention as kernels

B, H, L, S, E = 2, 3, 5, 7, 4
TRI = np.tri(L, S, dtype=bool)
MASKS = {
    "none": None,
    "booleans": TRI,
    "booleans for each head": np.random.default_rng(5).random((B, H, L, S)) < 0.6,
    "padding": np.arange(S) < np.array([S, 3]).reshape(B, 1, 1, 1),
    "a query that sees nothing": TRI & (np.arange(L)[:, None] != 2),
    "one boolean": np.array(True),
    "floats": np.random.default_rng(5).standard_normal((H, L, 1)),
    "floats, infinite": np.where(TRI & (np.arange(L)[:, None] != 2), 0.5, -np.inf),
    "large floats": np.where(TRI, 0, -1e9) - 1e4 * (np.arange(L)[:, None] == 1),
}


def operands(dtype, size=1.0, v_size=E, order=(0, 1, 2, 3), seed=0):
    """Return queries, keys and values, whose axes lie in memory in some order."""
    rng = np.random.default_rng(seed)
    found = []
    for shape in ((B, H, L, E), (B, H, S, E), (B, H, S, v_size)):
        a = np.ascontiguousarray((rng.standard_normal(shape) * size).astype(dtype).transpose(order))
        found.append(mg.Tensor.from_array(a.transpose(np.argsort(order))).requires_grad_())
    return found


def computed(xs, mask=None, kernel=True, g=None, **options):
    """Return the result and its gradients; `kernel`: whether the kernel computes them, None if either may."""
    out = F.scaled_dot_product_attention(*xs, mask, **options)
    if kernel is not None:
        assert isinstance(out.node.primitive, Fused) is kernel
    wanted = [x for x in (*xs, mask) if isinstance(x, mg.Tensor) and x.requires_grad]
    g = mg.tensor(np.random.default_rng(1).standard_normal(out.shape).astype(out.dtype)) if g is None else g
    return [y.numpy() for y in (out.detach(), *mg.autograd.grad(out, wanted, g))]


def composed(*args, **options):
    with unfused():
        return computed(*args, kernel=False, **options)


def check(found, wanted, steps=64):
    for a, b in zip(found, wanted, strict=True):
        assert a.dtype == b.dtype and a.shape == b.shape
        size = np.abs(b[np.isfinite(b)]).max(initial=1.0)
        np.testing.assert_allclose(a, b, rtol=0, atol=steps * np.finfo(b.dtype).eps * size)


@pytest.fixture(params=[kernels.SIZE, 2 * L * S, 1])
def blocks(request, monkeypatch):
    monkeypatch.setattr(kernels, "SIZE", request.param)


@pytest.mark.usefixtures("blocks")
@pytest.mark.parametrize("size", [0.1, 1.0, 30.0], ids=["small", "ordinary", "sharp"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("mask", MASKS)
def test_masks(mask, dtype, size):
    xs, mask = operands(dtype, size), MASKS[mask]
    if mask is not None:
        mask = mg.tensor(mask if mask.dtype == bool else mask.astype(dtype), requires_grad=mask.dtype != bool)
    found = computed(xs, mask)
    check(found, composed(xs, mask), 64 * max(1, size**2))
    if mask is not None and mask.dtype == bool:  # of an array, too
        for a, b in zip(found, computed(xs, mask.numpy()), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (0, 2, 1, 3), (1, 0, 3, 2), (3, 2, 1, 0)])
@pytest.mark.parametrize("v_size", [E, 1, 6])
def test_orders_of_memory_and_sizes_of_values(order, v_size):
    xs = operands(np.float32, order=order, v_size=v_size)
    for options in ({}, {"is_causal": True}, {"scale": -0.3}):
        check(computed(xs, **options), composed(xs, **options))
    strided = [mg.Tensor.from_array(np.repeat(x.detach().numpy(), 2, -1)[..., ::2]).requires_grad_() for x in xs]
    check(computed(strided), composed(strided))


@pytest.mark.parametrize("lead", [(), (3,), (2, 1, 3)])
def test_leading_axes(lead):
    xs = [mg.randn(*lead, n, E, dtype=mg.float64).requires_grad_() for n in (L, S, S)]
    check(computed(xs, TRI), composed(xs, TRI))


def test_what_the_kernel_leaves_to_the_composition():
    q, k, v = operands(np.float64)
    for xs in ((q, k[:1], v), (q, k, v[:, :1]), (q, k[:, :1], v[:, :1]), (q[0], k, v), (q, k[0], v[0])):
        check(computed(xs, kernel=False), composed(xs))
    for xs in ((q[:0], k[:0], v[:0]), (q[:, :, :0], k, v), (q[..., :0], k[..., :0], v), (q, k, v[..., :0])):
        assert computed(xs, kernel=False)[0].shape == (*xs[0].shape[:-1], xs[2].shape[-1])
    assert (computed((q, k[:, :, :0], v[:, :, :0]), np.ones((L, 0), bool), kernel=False)[0] == 0).all()
    check(computed((q, k, v), np.where(TRI, 0, -1.0), kernel=False), composed((q, k, v), np.where(TRI, 0, -1.0)))
    single = mg.tensor(np.where(TRI, 0, -1.0), dtype=mg.float32)
    check(computed((q, k, v), single, kernel=False), composed((q, k, v), single))
    halves = [x.detach().half().requires_grad_() for x in (q, k, v)]
    assert computed(halves, TRI, kernel=None)[0].dtype == np.float16
    for mask in (np.ones((L, S + 1), bool), np.ones((1, 1, 1, 1, 1), bool)):
        with pytest.raises(mg.errors.ShapeError, match="attn_mask must broadcast"):
            F.scaled_dot_product_attention(q, k, v, mask)
    with pytest.raises(mg.errors.DTypeError, match="attn_mask must be of booleans or floats"):
        F.scaled_dot_product_attention(q, k, v, mg.ones(L, S, dtype=mg.int64))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
@pytest.mark.parametrize("where", ["q", "k", "v", "g"])
@pytest.mark.parametrize("mask", [None, TRI, TRI & (np.arange(L)[:, None] != 2)], ids=["none", "causal", "blind"])
def test_infinities_and_nan_go_where_they_go_in_the_composition(where, value, mask):
    xs = operands(np.float32)
    g = mg.ones(B, H, L, E)
    array = {"q": xs[0], "k": xs[1], "v": xs[2], "g": g}[where].detach().numpy().copy()
    array[0, 1, 3, 2] = value
    changed = mg.Tensor.from_array(array)
    xs = [changed.requires_grad_() if name == where else x for name, x in zip("qkv", xs, strict=True)]
    with np.errstate(all="ignore"):
        found = computed(xs, mask, kernel=None, g=changed if where == "g" else g)
        wanted = composed(xs, mask, g=changed if where == "g" else g)
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(np.isfinite(a), np.isfinite(b))
        ok = np.isfinite(b)
        np.testing.assert_allclose(a[ok], b[ok], rtol=1e-4, atol=1e-4 * np.abs(b[ok]).max(initial=1))


def test_without_a_mask_no_key_is_hidden():
    q, k, v = (mg.full((1, 2, 3), value).requires_grad_() for value in (1e30, -1e30, 1.0))
    with np.errstate(all="ignore"):
        assert np.isnan(computed((q, k, v), kernel=False)[0]).all()
        assert (computed((q, k, v), np.ones((2, 2), bool))[0] == 0).all()  # as in the composition


@pytest.mark.parametrize("far", [-200.0, -60.0, 19.0, 60.0, 95.0])
def test_scores_far_from_zero_keep_their_digits(far):
    xs = operands(np.float32)
    mask = mg.full((L, S), far)
    check(computed(xs, mask), computed(xs), 2000)
    assert np.abs(computed(xs)[0]).max() > 0.1


def test_only_wanted_gradients():
    xs = [*operands(np.float64), mg.zeros(L, 1, dtype=mg.float64).requires_grad_()]
    every = computed(xs[:3], xs[3])[1:]
    for at, x in enumerate(xs):
        one = [y if y is x else y.detach() for y in xs]
        (found,) = computed(one[:3], one[3])[1:]
        np.testing.assert_array_equal(found, every[at])


def test_gradients_of_gradients():
    q, k, v = operands(np.float64)
    bias = mg.randn(H, L, S, dtype=mg.float64).requires_grad_()
    assert mg.testing.gradgradcheck(lambda q, k, v: F.scaled_dot_product_attention(q, k, v, TRI), (q, k, v))
    assert mg.testing.gradgradcheck(lambda q, bias: F.scaled_dot_product_attention(q, k, v, bias), (q, bias))


def test_a_mask_may_be_written_to_after_the_call():
    q, k, v = operands(np.float64)
    mask = TRI.copy()
    out = F.scaled_dot_product_attention(q, k, v, mask)
    mask[...] = True
    first = mg.autograd.grad(out.sum(), [q, k, v], create_graph=True)
    check([g.detach().numpy() for g in first], composed((q, k, v), TRI, g=mg.ones_like(out.detach()))[1:])


def test_saved_are_the_operands_the_weights_and_their_sums():
    q, k, v = operands(np.float32)
    node = F.scaled_dot_product_attention(q, k, v, is_causal=True).node
    saved = sorted(a.shape for a in node.saved if isinstance(a, np.ndarray))
    assert saved == sorted([q.shape, k.shape, v.shape, (L, S), (B, H, L, S), (B, H, L, 1)])


def test_dropout_and_attention_without_it_use_the_same_weights():
    xs = operands(np.float64)
    check(computed(xs, dropout_p=1e-300, kernel=False), computed(xs))
