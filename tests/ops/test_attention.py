"""Embedding and attention: padding, masks, tails."""

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn

RNG = np.random.default_rng(0)
Q, K, V = RNG.standard_normal((2, 4, 3)), RNG.standard_normal((2, 5, 3)), RNG.standard_normal((2, 5, 6))


def test_rows_gather_gradients_and_the_padding_gets_none(rng):
    w = mg.tensor(rng.standard_normal((4, 2)), requires_grad=True)
    x = np.array([[1, 3], [1, 0]])
    g = np.arange(8.0).reshape(2, 2, 2)
    F.embedding(x, w).backward(g)
    assert w.grad.tolist() == [[6, 7], [4, 6], [0, 0], [2, 3]]
    w.grad = None
    out = F.embedding(mg.tensor(x), w, padding_idx=3)
    np.testing.assert_array_equal(out.detach().numpy(), w.detach().numpy()[x])
    out.backward(g)
    assert w.grad.tolist() == [[6, 7], [4, 6], [0, 0], [0, 0]]
    w.grad = None
    F.embedding(x, w, padding_idx=-4).backward(g)
    assert w.grad.tolist() == [[0, 0], [4, 6], [0, 0], [2, 3]]


def test_the_argument_decides():
    assert isinstance(F.embedding(mg.tensor([0]), np.eye(2)), mg.Tensor)
    assert isinstance(F.embedding([0], np.eye(2)), np.ndarray)
    assert isinstance(F.one_hot(mg.tensor([0])), mg.Tensor) and isinstance(F.one_hot([0]), np.ndarray)
    assert F.one_hot(mg.tensor([0])).dtype == np.int64


def test_a_causal_query_sees_the_keys_up_to_it():
    seen = np.tri(4, 5, dtype=bool)
    causal = F.scaled_dot_product_attention(Q, K, V, is_causal=True)
    np.testing.assert_array_equal(causal, F.scaled_dot_product_attention(Q, K, V, seen))
    np.testing.assert_allclose(causal, F.scaled_dot_product_attention(Q, K, V, np.where(seen, 0, -np.inf)))
    changed = F.scaled_dot_product_attention(Q, np.concatenate([K[:, :2], -K[:, 2:]], 1), V, is_causal=True)
    np.testing.assert_array_equal(causal[:, :2], changed[:, :2])


@pytest.mark.parametrize("mask", [np.arange(4)[:, None] > [0] * 5, np.where(np.arange(4)[:, None] > [0] * 5, 0, -np.inf)])
def test_a_query_that_sees_nothing_gets_zeros(mask, rng):
    inputs = [mg.tensor(a, requires_grad=True) for a in (Q, K, V)]
    out = F.scaled_dot_product_attention(*inputs, mask)
    assert (out[:, 0] == 0).all()
    np.testing.assert_allclose(out[:, 1:].detach().numpy(), F.scaled_dot_product_attention(Q[:, 1:], K, V))
    out.backward(rng.standard_normal(out.shape))
    assert all(np.isfinite(x.grad.numpy()).all() for x in inputs) and (inputs[0].grad[:, 0] == 0).all()


def test_the_order_of_the_keys_makes_no_difference(rng):
    order = rng.permutation(5)
    shuffled = F.scaled_dot_product_attention(Q, K[:, order], V[:, order])
    np.testing.assert_allclose(shuffled, F.scaled_dot_product_attention(Q, K, V))


def test_sharp_attention_reads_one_value():
    found = F.scaled_dot_product_attention(1e4 * K, K, V, scale=1.0)  # no overflow, no warning
    assert np.isfinite(found).all()
    one = F.scaled_dot_product_attention(1e4 * np.eye(5), np.eye(5), V)
    np.testing.assert_array_equal(one, V)


def test_dropout_of_attention():
    draw = lambda: np.random.default_rng(3)
    found = F.scaled_dot_product_attention(Q, K, V, dropout_p=0.5, generator=draw())
    scores = Q @ K.transpose(0, 2, 1) / np.sqrt(3)
    weights = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    kept = draw().random(weights.shape, dtype=np.float32) >= 0.5
    np.testing.assert_allclose(found, weights * kept * 2 @ V)


def test_bags_that_are_all_empty_have_maxima_of_zero():
    w = mg.tensor(np.ones((4, 3)), requires_grad=True)
    out = F.embedding_bag(np.zeros((2, 0), int), w, mode="max")
    assert out.tolist() == [[0.0] * 3] * 2
    out.sum().backward()
    assert w.grad.tolist() == [[0.0] * 3] * 4


@pytest.mark.parametrize("name", ["attn_mask", "key_padding_mask"])
@pytest.mark.parametrize("masked", [True, -np.inf])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("zero", [False, True])
def test_masks_leave_the_keys_that_were_appended(name, masked, bias, zero, rng):
    options = {"add_bias_kv": bias, "add_zero_attn": zero, "batch_first": True, "dtype": np.float64}
    layer = nn.MultiheadAttention(4, 2, **options)
    if bias:
        layer.bias_k.data.copy_(rng.standard_normal((1, 1, 4)))
        layer.bias_v.data.copy_(rng.standard_normal((1, 1, 4)))
    x, mask = mg.tensor(rng.standard_normal((2, 3, 4))), np.full((3, 3) if name == "attn_mask" else (2, 3), masked)
    mask[:, 0] = 0
    weights = layer(x, x, x, **{name: mask})[1].detach().numpy()
    assert weights.shape == (2, 3, 3 + bias + zero) and (weights[..., 1:3] == 0).all()
    assert (np.delete(weights, [1, 2], -1) > 0).all()
    np.testing.assert_allclose(weights.sum(-1), 1)
    causal = layer(x, x, x, is_causal=True)[1].detach().numpy()
    seen = np.hstack([np.tri(3, dtype=bool), np.ones((3, bias + zero), bool)])
    assert ((causal > 0) == seen).all()


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("attn", ["none", "bool", "float", "bool of heads"])
@pytest.mark.parametrize("padding", ["none", "bool", "float"])
def test_several_heads_see_the_same_without_their_weights(attn, padding, dtype, rng):
    L, S, N, heads, E = 4, 3, 2, 2, 6
    masks = []
    for kind, size in ((attn, (N * heads, L, S) if attn == "bool of heads" else (L, S)), (padding, (N, S))):
        values = rng.standard_normal(size)
        masks.append({"none": None, "float": values}.get(kind, values > 0.5))
    draw = [rng.standard_normal(s).astype(dtype) for s in ((L, N, E), (S, N, E), (S, N, E), (3 * E, E), (3 * E,), (1, 1, E))]
    g, found = rng.standard_normal((L, N, E)).astype(dtype), []
    for need_weights in (True, False):
        q, k, v, w, b, added, *floats = (
            mg.tensor(a, requires_grad=a.dtype.kind == "f") for a in (*draw, *(m for m in masks if m is not None))
        )
        given = iter(floats)
        attn_mask, key_padding_mask = (None if mask is None else next(given) for mask in masks)
        out, weights = F.multi_head_attention_forward(
            q, k, v, E, heads, w, b, added, added, True, 0.0, mg.eye(E, dtype=dtype), None,
            need_weights=need_weights, attn_mask=attn_mask, key_padding_mask=key_padding_mask,
        )  # fmt: skip
        assert (weights is not None) == need_weights and out.dtype == dtype
        out.backward(g)
        found.append([out.detach(), *(x.grad for x in (q, k, v, w, b, added, *floats) if x.grad is not None)])
    assert len(found[0]) == len(found[1]) == 7 + (attn == "float") + (padding == "float")
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=0, atol=1e-12 if dtype == np.float64 else 1e-5)


def test_without_weights_a_query_of_several_heads_that_sees_nothing_gets_zeros(rng):
    x, hidden = mg.tensor(rng.standard_normal((3, 2, 4))), np.array([[True] * 3, [False] * 3])
    layer = nn.MultiheadAttention(4, 2, dtype=np.float64)
    out, _ = layer(x, x, x, hidden, need_weights=False)
    assert (out[:, 0] == 0).all() and np.isfinite(out.detach().numpy()).all()
    assert np.isnan(layer(x, x, x, hidden)[0][:, 0].detach().numpy()).all()  # as in PyTorch
