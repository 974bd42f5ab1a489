"""Embedding row by row, attention query by query."""

from __future__ import annotations

import numpy as np

import minigrad as mg
import minigrad.nn.functional as F
from minigrad.errors import DTypeError, ShapeError
from minigrad.testing import OpSpec, Sample
from tests.ops.samples import refuse, spread

__all__ = ["SPECS"]


def naive_embedding(x, weight, padding_idx=None):
    return np.array([weight[i] for i in x.ravel()]).reshape(*x.shape, weight.shape[1])


def words(rng):
    V = int(rng.integers(1, 6))
    x = rng.integers(0, V, rng.integers(0, 4, rng.integers(0, 3)))
    return Sample((np.asarray(x), rng.standard_normal((V, int(rng.integers(1, 4))))))


def naive_one_hot(x, num_classes=-1):
    size = x.max() + 1 if num_classes == -1 else num_classes
    return np.array([[int(i == c) for c in range(size)] for i in x.ravel()]).reshape(*x.shape, size)


def classes(rng):
    x = np.asarray(rng.integers(0, 5, rng.integers(1, 4, rng.integers(0, 3))))
    return Sample((x,) if rng.random() < 0.5 else (x, 6))


def naive_attention(query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None):
    lead = np.broadcast_shapes(query.shape[:-2], key.shape[:-2], value.shape[:-2])
    (L, E), (S, V) = query.shape[-2:], value.shape[-2:]
    out = np.zeros((*lead, L, V))
    mask = np.zeros((L, S)) if attn_mask is None else attn_mask
    mask = np.broadcast_to(np.where(mask, 0, -np.inf) if mask.dtype == bool else mask, (*lead, L, S))
    query, key, value = (np.broadcast_to(a, (*lead, *a.shape[-2:])) for a in (query, key, value))
    for *at, i in np.ndindex(*lead, L):
        at = tuple(at)
        scores = [
            query[(*at, i)] @ key[(*at, j)] * (E**-0.5 if scale is None else scale) + mask[(*at, i, j)] for j in range(S)
        ]
        weights = [0 if is_causal and j > i else np.exp(s) for j, s in enumerate(scores)]
        for j in range(S):
            out[(*at, i)] += weights[j] * value[(*at, j)] / (sum(weights) or 1)
    return out


def looked_up(rng):
    L, S, E, V = (int(v) for v in rng.integers(1, 5, 4))
    lead = tuple(int(v) for v in rng.integers(1, 4, rng.integers(0, 3)))
    q, k, v = (rng.standard_normal((*lead, *size)) for size in ((L, E), (S, E), (S, V)))
    if lead and rng.random() < 0.2:
        k, v = k[:1], v[:1]
    kind = str(rng.choice(["none", "causal", "bool", "float", "infinite"]))
    options = {"is_causal": True} if kind == "causal" else {}
    if rng.random() < 0.3:
        options["scale"] = 0.7
    size = (L, S) if rng.random() < 0.5 else (*lead, L, S)
    seen = rng.random(size) < 0.6  # now and then a query sees nothing
    if kind == "bool":
        options["attn_mask"] = seen
    if kind == "infinite":
        options["attn_mask"] = np.where(seen, 0.5, -np.inf).astype(np.float32)
    return Sample((q, k, v, rng.standard_normal(size)) if kind == "float" else (q, k, v), options)


def bagged(x, weight, factors=None, **options):
    return F.embedding_bag(x, weight, **options) if factors is None else F.embedding_bag(
        x, weight, mode="sum", per_sample_weights=factors, **options)  # fmt: skip


def naive_embedding_bag(
    x, weight, factors=None, offsets=None, mode="mean", include_last_offset=False, padding_idx=None, max_norm=None
):
    factors = np.ones(x.shape) if factors is None else factors
    mode = mode if (factors == 1).all() else "sum"
    if x.ndim == 1:
        ends = list(offsets[1:]) + [len(x)] * (not include_last_offset)
        places = [range(start, end) for start, end in zip(offsets, ends, strict=False)]
    else:
        places = np.arange(x.size).reshape(x.shape)
    out = np.zeros((len(places), weight.shape[1]))
    for b, bag in enumerate(places):
        rows = [weight[x.flat[i]] * factors.flat[i] for i in bag if padding_idx is None or x.flat[i] != padding_idx]
        if rows:
            out[b] = {"sum": np.sum, "mean": np.mean, "max": np.max}[mode](rows, 0)
    return out


def bags(rng):
    weight = spread(rng, (4, 3))
    options = {"padding_idx": 2} if rng.random() < 0.5 else {}
    if rng.random() < 0.3:
        x = rng.integers(0, 4, (3, 2))
        return Sample((x, weight, rng.uniform(1.5, 2.0, (3, 2))), options)
    options["mode"] = str(rng.choice(["sum", "mean", "max"]))
    if rng.random() < 0.4:
        return Sample((rng.integers(0, 4, (2, int(rng.integers(0, 4)))), weight), options)
    last = bool(rng.random() < 0.5)
    options |= {"offsets": np.array([0, 2, 2, 6] if last else [0, 3, 3]), "include_last_offset": last}
    return Sample((rng.permutation(7) % 4, weight), options)


def naive_heads(
    query, key, value, E, heads, weight, bias, bias_k, bias_v, zero, p, out_weight, out_bias, training=True,
    key_padding_mask=None, need_weights=True, attn_mask=None, average_attn_weights=True, is_causal=False,
):  # fmt: skip
    """Item by item, head by head."""
    L, N, _ = query.shape
    out, every = np.zeros((L, N, E)), []
    for n in range(N):
        q, k, v = (x[:, n] @ weight[i * E :][:E].T + bias[i * E :][:E] for i, x in enumerate((query, key, value)))
        k = np.concatenate([k, bias_k[0], *[np.zeros((1, E))] * zero])
        v = np.concatenate([v, bias_v[0], *[np.zeros((1, E))] * zero])
        width, parts = E // heads, []
        for h in range(heads):
            part = slice(h * width, (h + 1) * width)
            scores = q[:, part] @ k[:, part].T / np.sqrt(width)
            hidden = np.zeros(scores.shape, bool)
            if attn_mask is not None:
                hidden[:, : attn_mask.shape[1]] |= attn_mask
            if key_padding_mask is not None:
                hidden[:, : key_padding_mask.shape[1]] |= key_padding_mask[n]
            weights = np.where(hidden, 0, np.exp(scores))
            weights /= weights.sum(-1, keepdims=True)
            parts.append(weights)
            out[:, n, part] = weights @ v[:, part]
        every.append(np.mean(parts, 0) if average_attn_weights else parts)
    return out @ out_weight.T + out_bias, np.array(every)


def several_heads(rng):
    heads, (L, S, N) = int(rng.integers(1, 3)), (int(v) for v in rng.integers(1, 4, 3))
    E = heads * int(rng.integers(1, 3))
    draw = rng.standard_normal
    options = {"average_attn_weights": bool(rng.random() < 0.5)}
    if rng.random() < 0.5:
        options["attn_mask"] = rng.random((L, S)) < 0.4
    if rng.random() < 0.5:
        options["key_padding_mask"] = rng.random((N, S)) < 0.4
    weights = draw((3 * E, E)), draw(3 * E), draw((1, 1, E)), draw((1, 1, E)), bool(rng.random() < 0.5), 0.0, draw((E, E))
    return Sample((draw((L, N, E)), draw((S, N, E)), draw((S, N, E)), E, heads, *weights, draw(E)), options)


NO_WEIGHTS = None, None, None, None, False, 0.0, None, None
WEIGHTS = np.ones((9, 3)), None, None, None, False, 0.0, np.ones((3, 3)), None


X, W, Q = np.array([0, 2]), np.ones((3, 2)), np.ones((1, 2, 3))

SPECS = [
    OpSpec("embedding", F.embedding, naive_embedding, words, linear_in=(0,), errors=(
        refuse(DTypeError, "embedding: indices must be integers, got float32\n.*astype", X.astype(np.float32), W),
        refuse(IndexError, r"index 3 at \(1, 0\) is outside 0..2", np.array([[0], [3]]), W),
        refuse(IndexError, r"index -1 at \(0,\) is outside 0..2", np.array([-1]), W),
        refuse(ShapeError, r"weight must be \(V, D\), got shape \(2,\)", X, W[0]),
        refuse(IndexError, "padding_idx must be within -3..2, got 3", X, W, 3),
    )),
    OpSpec("one_hot", lambda x, *options: F.one_hot(mg.tensor(x), *options), naive_one_hot, classes, order=0, errors=(
        refuse(DTypeError, "one_hot: indices must be integers, got bool", np.array([True])),
        refuse(IndexError, r"index 2 at \(1,\) is outside 0..1", X, 2),
        refuse(IndexError, r"index -1 at \(0,\) is outside", np.array([-1, 1])),
        *(refuse(ValueError, f"num_classes must be an int of at least 1, or -1, got {n}", X, n) for n in (0, 3.0, True)),
        refuse(ValueError, "needs num_classes if there are no classes", X[:0]),
    )),
    OpSpec("scaled_dot_product_attention", F.scaled_dot_product_attention, naive_attention, looked_up, errors=(
        refuse(ShapeError, r"query has 3 features, key 2\n.*query   \(1, 2, 3\)", Q, Q[:, :1, :2], Q),
        refuse(ShapeError, "there are 2 keys, but 1 values", Q, Q, np.ones((2, 1, 3))),
        refuse(ShapeError, "at least two axes", Q[0, 0], Q, Q),
        refuse(ShapeError, r"attn_mask must broadcast to \(\.\.\., L, S\) = \(1, 2, 2\), got shape \(3,\)", Q, Q, Q,
                np.array([True] * 3)),
        refuse(DTypeError, "attn_mask must be of booleans or floats, got int64", Q, Q, Q, np.array([1, 0])),
        refuse(ValueError, "takes attn_mask or is_causal, got both", Q, Q, Q, np.array([True] * 2), 0.0, True),
        refuse(ValueError, r"p must be within \[0, 1\], got 1.5", Q, Q, Q, None, 1.5),
    )),
    OpSpec("embedding_bag", bagged, naive_embedding_bag, bags, errors=(
        refuse(ValueError, "scale_grad_by_freq is not supported", np.array([[0, 1]]), W, scale_grad_by_freq=True),
        refuse(ValueError, "mode must be 'sum', 'mean' or 'max', got 'min'", X, W, mode="min"),
        refuse(ShapeError, r"weight must be \(V, D\), got shape \(2,\)", X, W[0]),
        refuse(IndexError, r"embedding_bag: index 3 at \(0,\) is outside 0..2", X + 3, W, offsets=X),
        refuse(ValueError, r"needs bags .* got shape \(2,\) and no offsets", X, W),
        refuse(ValueError, r"needs bags .* got shape \(1, 2\) and offsets", X[None], W, offsets=X),
        refuse(ShapeError, r"offsets must be a vector of integers, got float64 of shape \(2,\)", X, W, offsets=X + 0.0),
        refuse(ValueError, r"offsets must rise from 0 to at most 2, got \[1, 2\]", X, W, offsets=X // 2 + 1),
        refuse(ValueError, r"offsets must rise from 0 to at most 2, got \[0, 2, 1\]", X, W, offsets=np.array([0, 2, 1])),
        refuse(ValueError, r"per_sample_weights need mode \"sum\" and shape \(1, 2\), got 'mean' and \(1, 2\)", X[None], W,
               per_sample_weights=np.ones((1, 2)))), covers=("embedding_bag",)),
    OpSpec("multi_head_attention_forward", F.multi_head_attention_forward, naive_heads, several_heads, errors=(
        refuse(ShapeError, r"E = 4 in 2 heads, got shape \(1, 2, 3\)", Q, Q, Q, 4, 2, *NO_WEIGHTS),
        refuse(ShapeError, r"E = 3 in 2 heads, got shape \(1, 2, 3\)", Q, Q, Q, 3, 2, *NO_WEIGHTS),
        refuse(ShapeError, r"attn_mask must have shape \(1, 1\) or \(2, 1, 1\), got \(1, 2\)", Q, Q, Q, 3, 1, *WEIGHTS,
               attn_mask=np.zeros((1, 2))),
        refuse(ShapeError, r"key_padding_mask must have shape \(2, 1\), got \(1,\)", Q, Q, Q, 3, 1, *WEIGHTS,
               key_padding_mask=np.zeros(1)),
        refuse(DTypeError, "attn_mask must be of booleans or floats, got int64", Q, Q, Q, 3, 1, *WEIGHTS,
               attn_mask=np.zeros((1, 1), np.int64)))),
]  # fmt: skip
