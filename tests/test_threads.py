"""Threads: graphs of their own give the gradients they would give alone; the mode belongs to the thread."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np

import minigrad as mg
import minigrad.nn.functional as F
from minigrad.testing import Sample


def in_threads(work, count=8):
    """Run `work(n)` in `count` threads that start together; gives the results, or raises what a thread raised."""
    together = threading.Barrier(count)

    def wait_and_work(n):
        together.wait()
        return work(n)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(wait_and_work, range(count)))


def network(seed):
    """A loss and the gradients of a small network."""
    rng = np.random.default_rng(seed)
    x, t = rng.standard_normal((4, 2, 6, 6)), rng.integers(0, 3, 4)
    w, v = (mg.tensor(rng.standard_normal(s), requires_grad=True) for s in ((3, 2, 3, 3), (3, 12)))
    for _ in range(3):
        h = F.max_pool2d(F.relu(F.conv2d(mg.tensor(x), w)), 2)
        loss = F.cross_entropy(F.linear(h.flatten(1), v), t)
        loss.backward()
    return [loss.item(), w.grad.tolist(), v.grad.tolist()]


def test_separate_graphs_do_not_disturb_each_other():
    alone = [network(seed) for seed in range(8)]
    assert in_threads(network) == alone


def test_one_constant_may_feed_many_graphs():
    shared = mg.tensor(np.arange(6.0))

    def work(n):
        x = mg.tensor(np.ones(6), requires_grad=True)
        for _ in range(50):
            ((x * shared).tanh() * float(n)).sum().backward()
        return x.grad.tolist()

    wanted = 50 * (1 - np.tanh(np.arange(6.0)) ** 2) * np.arange(6.0)
    for n, found in enumerate(in_threads(work)):
        np.testing.assert_allclose(found, n * wanted, rtol=1e-12)


def test_one_leaf_may_feed_many_graphs_whose_gradients_are_asked_for():
    w = mg.tensor(np.arange(1.0, 4.0), requires_grad=True)

    def work(n):
        return [mg.autograd.grad((w**2 * float(n)).sum(), w)[0].tolist() for _ in range(50)]

    for n, found in enumerate(in_threads(work)):
        assert found == [(2 * n * np.arange(1.0, 4.0)).tolist()] * 50
    assert w.grad is None


def test_the_mode_is_isolated_at_every_moment():
    x = mg.tensor(1.0, requires_grad=True)
    inside, seen = threading.Barrier(2, timeout=10), threading.Barrier(2, timeout=10)

    def work(n):
        recorded = []
        for _ in range(20):
            with mg.no_grad() if n else mg.enable_grad():
                inside.wait()  # both are in their blocks
                recorded.append((x * 2).requires_grad)
                seen.wait()
            recorded.append((x * 2).requires_grad)
        return recorded

    assert in_threads(work, 2) == [[True, True] * 20, [False, True] * 20]


def test_a_decorated_function_runs_in_several_threads_at_once():
    @mg.no_grad()
    def constant(x):
        return (x * 2).requires_grad

    x = mg.tensor(1.0, requires_grad=True)
    assert not any(any(found) for found in in_threads(lambda n: [constant(x) for _ in range(200)]))
    assert mg.is_grad_enabled()


def test_a_primitive_plans_its_first_call_in_several_threads():
    for _ in range(20):
        fresh = mg.primitive(lambda x, y: x * y)
        fresh.gradient("x")(lambda g, y: g * y)
        fresh.gradient("y")(lambda g, x: g * x)

        def work(n, fresh=fresh):
            x, y = mg.tensor(2.0, requires_grad=n % 2 == 0), mg.tensor(3.0, requires_grad=True)
            fresh(x, y).backward()
            return (x.grad.item() if x.requires_grad else 3.0), y.grad.item()

        assert in_threads(work, 4) == [(3.0, 2.0)] * 4


def test_random_numbers_of_generators_of_ones_own():
    def work(n):
        generator = np.random.default_rng(n)
        return F.dropout(mg.ones(100), 0.5, generator=generator).tolist()

    assert in_threads(work) == [work(n) for n in range(8)]


def test_a_sample_is_not_changed_by_being_checked():
    """Proofs run side by side: pytest-xdist aside, a user may check from threads."""
    from minigrad.testing import OpSpec, check_spec

    spec = OpSpec("tanh", mg.tanh, np.tanh, lambda rng: Sample((rng.standard_normal((2, 3)),)))
    in_threads(lambda n: check_spec(spec, seeds=[n]), 4)
