"""Distributions beside PyTorch's: probabilities, entropies, divergences, moments, and the gradients of all of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad as mg
from minigrad import distributions as ours

torch = pytest.importorskip("torch")
theirs = torch.distributions

shapes = st.sampled_from([(), (3,), (2, 3), (2, 1)])
seeds = st.integers(0, 2**32 - 1)
some = settings(max_examples=40, deadline=None)


def parameters(name, rng, shape):
    """The arguments of a distribution by name: arrays."""
    if name == "Normal":
        return {"loc": rng.standard_normal(shape) * 3, "scale": rng.uniform(0.1, 3, shape)}
    if name == "Uniform":
        low = rng.standard_normal(shape)
        return {"low": low, "high": low + rng.uniform(0.1, 3, shape)}
    if name.startswith("Bernoulli"):
        return {"probs": rng.uniform(0, 1, shape)} if "probs" in name else {"logits": rng.standard_normal(shape) * 3}
    weights = rng.standard_normal((*shape, 4)) * 2
    return {"probs": np.exp(weights)} if "probs" in name else {"logits": weights}


NAMES = ["Normal", "Uniform", "Bernoulli probs", "Bernoulli logits", "Categorical probs", "Categorical logits"]
every_name = pytest.mark.parametrize("name", NAMES)


def both(name, arrays, events=0):
    """The distribution of both libraries, and the leaves that it is made of."""
    made = []
    for lib, room in ((mg, ours), (torch, theirs)):
        leaves = {key: lib.tensor(value).requires_grad_() for key, value in arrays.items()}
        d = getattr(room, name.split()[0])(**leaves)
        made.append((lib, room.Independent(d, events) if events else d, list(leaves.values())))
    return made


def values_of(name, rng, arrays, shape):
    (first, *_) = arrays.values()
    if name.startswith("Categorical"):
        return rng.integers(0, 4, shape)
    if name.startswith("Bernoulli"):
        return rng.integers(0, 2, shape).astype(np.float64)
    low, high = (arrays["low"], arrays["high"]) if name == "Uniform" else (-9, 9)
    return rng.uniform(low, high, shape if shape else first.shape)


def agree(compute, made, rng):
    """The same values, and the same gradients of their sum with random weights."""
    found = [compute(lib, d) for lib, d, _ in made]
    a, b = (x.detach().numpy() for x in found)
    np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-13)
    assert found[0].requires_grad == found[1].requires_grad
    if not found[0].requires_grad:
        return
    weights = rng.standard_normal(a.shape)
    gradients = []
    for (lib, _, leaves), x in zip(made, found, strict=True):
        finite = lib.where(lib.isfinite(x), x * lib.tensor(weights), lib.zeros_like(x)).sum()
        finite.backward()
        gradients.append([np.zeros(p.shape) if p.grad is None else p.grad.numpy() for p in leaves])
    for g, h in zip(*gradients, strict=True):
        np.testing.assert_allclose(g, h, rtol=1e-8, atol=1e-11)


@every_name
@some
@given(shapes, seeds, st.booleans())
def test_log_prob(name, shape, seed, more):
    rng = np.random.default_rng(seed)
    arrays = parameters(name, rng, shape)
    x = values_of(name, rng, arrays, (5, *shape) if more else shape)
    agree(lambda lib, d: d.log_prob(lib.tensor(x)), both(name, arrays), rng)


@every_name
@pytest.mark.parametrize("statistic", ["mean", "variance", "stddev", "mode"])
@some
@given(shapes, seeds)
def test_statistics(name, statistic, shape, seed):
    rng = np.random.default_rng(seed)
    made = both(name, parameters(name, rng, shape))
    if name.startswith(("Cat", "Uniform")) and statistic in ("mean", "variance", "stddev", "mode"):
        (_, a, _), (_, b, _) = made
        np.testing.assert_allclose(*(getattr(d, statistic).detach().numpy() for d in (a, b)), rtol=1e-12)
    else:
        agree(lambda lib, d: getattr(d, statistic), made, rng)


@every_name
@some
@given(shapes, seeds)
def test_entropy_and_perplexity(name, shape, seed):
    rng = np.random.default_rng(seed)
    arrays = parameters(name, rng, shape)
    agree(lambda lib, d: d.entropy(), both(name, arrays), rng)
    agree(lambda lib, d: d.perplexity(), both(name, arrays), rng)


@pytest.mark.parametrize("name", ["Normal", "Uniform"])
@some
@given(shapes, seeds)
def test_cdf_and_its_inverse(name, shape, seed):
    rng = np.random.default_rng(seed)
    arrays = parameters(name, rng, shape)
    x, share = values_of(name, rng, arrays, (5, *shape)), rng.uniform(0.01, 0.99, (5, *shape))
    agree(lambda lib, d: d.icdf(lib.tensor(share)), both(name, arrays), rng)
    (_, a, leaves), (_, b, others) = both(name, arrays)
    p, q = a.cdf(mg.tensor(x)), b.cdf(torch.tensor(x))
    np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-9, atol=1e-15)  # torch's tail: 1 + erf
    p.sum().backward()
    q.sum().backward()
    for g, h in zip(leaves, others, strict=True):
        np.testing.assert_allclose(g.grad.numpy(), h.grad.numpy(), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(a.cdf(a.icdf(mg.tensor(share))).detach().numpy(), share, rtol=1e-9)


@every_name
@some
@given(shapes, seeds)
def test_divergence(name, shape, seed):
    rng = np.random.default_rng(seed)
    first, second = parameters(name, rng, shape), parameters(name, rng, shape)
    if name == "Uniform" and seed % 2:
        second = {"low": first["low"] - 0.5, "high": first["high"] + 0.5}
    made = []
    for (lib, p, left), (_, q, right) in zip(both(name, first), both(name, second), strict=True):
        made.append((lib, (p, q), left + right))
    rooms = {mg: ours, torch: theirs}
    agree(lambda lib, pair: rooms[lib].kl_divergence(*pair), made, rng)


@pytest.mark.parametrize("name", ["Bernoulli probs", "Categorical probs"])
def test_divergence_at_impossible_values(name):
    """Infinite where q excludes what p allows, 0 where p excludes it; the gradients of PyTorch, none through the rest."""
    first = [0.0, 1.0, 0.5, 0.5, 0.0] if name.startswith("B") else [[0, 0.5, 0.5], [0.5, 0.5, 0], [1, 0, 0]]
    second = [0.5, 0.5, 0.0, 1.0, 0.0] if name.startswith("B") else [[0.5, 0.25, 0.25], [0, 0.5, 0.5], [1, 0, 0]]
    made = []
    for (lib, p, left), (_, q, right) in zip(
        both(name, {"probs": np.array(first, float)}), both(name, {"probs": np.array(second, float)}), strict=True
    ):
        made.append((lib, (p, q), left + right))
    rooms = {mg: ours, torch: theirs}
    agree(lambda lib, pair: rooms[lib].kl_divergence(*pair), made, np.random.default_rng(0))


@pytest.mark.parametrize("name", ["Normal", "Uniform"])
@some
@given(shapes, seeds, st.sampled_from([(), (4,), (2, 3)]))
def test_gradients_through_samples_of_the_same_noise(name, shape, seed, sample_shape):
    rng = np.random.default_rng(seed)
    arrays, source = parameters(name, rng, shape), np.random.default_rng(seed)
    size = (*sample_shape, *shape)
    noise = torch.tensor(np.asarray(source.standard_normal(size) if name == "Normal" else source.random(size)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(theirs.normal, "_standard_normal", lambda *_, **__: noise)
        patch.setattr(torch, "rand", lambda *_, **__: noise)
        made = both(name, arrays)
        generators = {mg: {"generator": np.random.default_rng(seed)}, torch: {}}
        agree(lambda lib, d: d.rsample(sample_shape, **generators[lib]), made, rng)


@every_name
@some
@given(seeds, st.integers(0, 2))
def test_independent(name, seed, events):
    rng = np.random.default_rng(seed)
    arrays = parameters(name, rng, (2, 3))
    x = values_of(name, rng, arrays, (5, 2, 3))
    agree(lambda lib, d: d.log_prob(lib.tensor(x)), both(name, arrays, events), rng)
    agree(lambda lib, d: d.entropy(), both(name, arrays, events), rng)
    (_, a, _), (_, b, _) = both(name, arrays, events)
    assert a.batch_shape == tuple(b.batch_shape) and a.event_shape == tuple(b.event_shape)
    assert a.has_rsample == b.has_rsample
    assert a.sample((7,)).shape == tuple(b.sample((7,)).shape)
    np.testing.assert_allclose(a.mean.detach().numpy(), b.mean.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(
        ours.kl_divergence(a, a).detach().numpy(), theirs.kl_divergence(b, b).detach().numpy(), atol=1e-12
    )


@every_name
def test_expand(name):
    rng = np.random.default_rng(0)
    arrays = parameters(name, rng, (3, 1))
    x = values_of(name, rng, arrays, (2, 3, 4) if name != "Uniform" else (2, 3, 1))
    made = [(lib, d.expand((2, 3, 4)), leaves) for lib, d, leaves in both(name, arrays)]
    (_, a, _), (_, b, _) = made
    assert a.batch_shape == tuple(b.batch_shape) and type(a) is type(both(name, arrays)[0][1])
    agree(lambda lib, d: d.log_prob(lib.tensor(x)), made, rng)
    made = [(lib, d.expand((2, 3)), leaves) for lib, d, leaves in both(name, arrays, 1)]
    (_, a, _), (_, b, _) = made
    assert a.event_shape == tuple(b.event_shape) == (1,) and a.sample().shape == (2, 3, 1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_probabilities_at_the_ends_are_those_of_pytorch(dtype):
    """It limits given probabilities to [eps, 1 - eps] before it takes logarithms."""
    ends = np.array([0, 1, 0.5], dtype)
    for name, x in (("Bernoulli", [0.0, 1.0, 1.0]), ("Bernoulli", [1.0, 0.0, 0.0]), ("Categorical", [0, 1, 2])):
        (_, a, _), (_, b, _) = both(name, {"probs": ends})
        p, q = (d.log_prob(lib.tensor(np.array(x, dtype))) for lib, d in ((mg, a), (torch, b)))
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-6, atol=2 * np.finfo(dtype).eps)
        assert p.dtype == dtype


@pytest.mark.parametrize(
    "make, values",
    [
        (lambda r, lib: r.Normal(lib.zeros(3), lib.ones(3)), [[np.nan, 0, 0], [0.0, 0.0]]),
        (lambda r, lib: r.Uniform(lib.zeros(3), lib.ones(3)), [[0, 0, 1.5], [-0.1, 0, 0]]),
        (lambda r, lib: r.Bernoulli(lib.ones(3) / 2), [[0, 1, 0.5], [2.0, 0, 0]]),
        (lambda r, lib: r.Categorical(lib.ones(2, 3)), [[0.0, 3.0], [-1.0, 0.0], [0.0, np.inf], [0.5, 1.0], [0, 0, 0]]),
        (lambda r, lib: r.Independent(r.Normal(lib.zeros(3), lib.ones(3)), 1), [[0.0, 0.0], [np.nan, 0, 0]]),
        (lambda r, lib: r.Normal(lib.zeros(3), lib.tensor([1.0, 0.0, 1.0])), []),
        (lambda r, lib: r.Normal(float("nan"), 1.0), []),
        (lambda r, lib: r.Uniform(lib.ones(2), lib.tensor([2.0, 1.0])), []),
        (lambda r, lib: r.Bernoulli(probs=1.5), []),
        (lambda r, lib: r.Bernoulli(logits=float("nan")), []),
        (lambda r, lib: r.Bernoulli(), []),
        (lambda r, lib: r.Bernoulli(probs=0.5, logits=0.0), []),
        (lambda r, lib: r.Categorical(lib.tensor([-1.0, 2.0])), []),
        (lambda r, lib: r.Categorical(lib.zeros(3)), []),
        (lambda r, lib: r.Categorical(logits=lib.tensor([0.0, float("nan")])), []),
        (lambda r, lib: r.Categorical(lib.tensor(1.0)), []),
        (lambda r, lib: r.Independent(r.Normal(lib.zeros(3), 1.0), 2), []),
    ],
)
def test_who_refuses(make, values):
    """What PyTorch refuses is refused: parameters, and values outside of the support."""
    for lib, room in ((mg, ours), (torch, theirs)):
        if not values:
            with pytest.raises(ValueError):
                make(room, lib)
        for value in values:
            d = make(room, lib)
            with pytest.raises(ValueError):
                d.log_prob(lib.tensor(value))


@pytest.mark.parametrize("name", ["covariance_matrix", "precision_matrix", "scale_tril"])
@some
@given(st.sampled_from([((), ()), ((3,), ()), ((2, 1), (3,))]), seeds)
def test_normal_vectors(name, batches, seed):
    rng = np.random.default_rng(seed)
    of_loc, of_matrix = batches
    factor = np.tril(rng.standard_normal((*of_matrix, 3, 3)) / 2, -1) + np.eye(3) * rng.uniform(0.5, 2, (*of_matrix, 1, 3))
    matrix = factor if name == "scale_tril" else factor @ factor.swapaxes(-1, -2)

    def made():
        for lib, room in ((mg, ours), (torch, theirs)):
            leaves = [lib.tensor(array).requires_grad_() for array in (np.full((*of_loc, 3), 0.3), matrix)]
            given = lib.tril(leaves[1]) if name == "scale_tril" else leaves[1]  # the other triangle has no gradient
            yield lib, room.MultivariateNormal(leaves[0], **{name: given}), leaves

    x = rng.standard_normal((5, *np.broadcast_shapes(of_loc, of_matrix), 3))
    agree(lambda lib, d: d.log_prob(lib.tensor(x)), list(made()), rng)
    agree(lambda _, d: d.entropy(), list(made()), rng)
    for statistic in ("mean", "mode", "variance", "stddev", "covariance_matrix", "precision_matrix", "scale_tril"):
        agree(lambda _, d, statistic=statistic: getattr(d, statistic), list(made()), rng)
