"""Threads: graphs of their own give the gradients they would give alone; the mode belongs to the thread."""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn
from minigrad.engine import tape
from minigrad.models.book_network import BookNetwork
from minigrad.nn import module
from minigrad.nn.hooks import Hooks
from minigrad.nn.inference import layer_outputs, scores
from minigrad.testing import Sample
from minigrad.training import evaluate


def in_threads(work, count=8):
    """Run `work(n)` in `count` threads that start together; gives the results, or raises what a thread raised."""
    together = threading.Barrier(count)

    def wait_and_work(n):
        together.wait()
        return work(n)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(wait_and_work, range(count)))


@pytest.fixture
def hurried():
    """Threads take turns as often as the interpreter lets them."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


class Unsure(BookNetwork):
    """A network that tells in its result whether it was in training mode."""

    def __init__(self):
        super().__init__()
        self.drop = nn.Dropout(0.5)
        self.fc = nn.Linear(20, 3)

    def forward(self, x):
        return self.fc(self.drop(x))


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


def test_no_gradient_of_a_shared_leaf_is_lost(hurried):
    w = mg.tensor(np.zeros(50_000), requires_grad=True)

    def work(n):
        for _ in range(25):
            (w * 1.0).sum().backward()

    in_threads(work, 4)
    assert set(w.grad.tolist()) == {100.0}


@pytest.mark.parametrize(
    "ask",
    [
        lambda net, x, t: scores(net, x, 5),
        lambda net, x, t: evaluate(net, x, t, 5),
        lambda net, x, t: net.predict(x),
        lambda net, x, t: net.accuracy(x, t),
        lambda net, x, t: str(net.summary(x)),
    ],
    ids=["scores", "evaluate", "predict", "accuracy", "summary"],
)
def test_a_network_is_evaluated_while_it_is_trained(hurried, ask):
    net = Unsure()
    x, t = np.random.default_rng(0).standard_normal((10, 20)).astype(np.float32), np.arange(10) % 3
    alone = np.asarray(ask(net, x, t))

    def work(n):
        for _ in range(20):
            if n == 0:
                assert net.training and net.drop.training and (net.drop(mg.ones(100)) == 0).any()
            else:
                np.testing.assert_array_equal(ask(net, x, t), alone)

    in_threads(work, 4)
    assert net.training and net.drop.training


def test_modes_inside_evaluating_are_of_the_thread_and_of_the_block():
    net, other = nn.Sequential(nn.Dropout(), nn.ReLU()), nn.Dropout()
    inside, seen = threading.Barrier(2, timeout=10), threading.Barrier(2, timeout=10)

    def work(n):
        if n:
            inside.wait()
            modes = [m.training for m in net.modules()]
            seen.wait()
            return modes
        with nn.inference.evaluating(net):
            inside.wait()
            seen.wait()
            modes = [m.training for m in [*net.modules(), other]]
            net[0].train()
            net[1].training = True
            with nn.inference.evaluating(net[0]):
                modes += [m.training for m in net.modules()]
            return modes + [m.training for m in net.modules()]

    of_the_block, of_the_other = in_threads(work, 2)
    assert of_the_block == [False, False, False, True] + [False, False, True] + [False, True, True]
    assert of_the_other == [True] * 3
    net.eval()
    with nn.inference.evaluating(net):
        net.train()
    assert not any(m.training for m in net.modules())


def test_layer_outputs_are_those_of_the_own_call(hurried):
    net = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1))

    def work(n):
        x = mg.full((1, 2), float(n))
        wanted = [net[0](x).tolist(), net[:2](x).tolist(), net(x).tolist()]
        for _ in range(30):
            assert [out.tolist() for out in layer_outputs(net, x).values()] == wanted

    in_threads(work, 4)


def test_threads_that_register_the_first_hooks_of_a_module_share_them(monkeypatch):
    layer, called = nn.ReLU(), []

    class Interrupted(Hooks):
        def __init__(self):
            super().__init__()
            monkeypatch.setattr(module, "Hooks", Hooks)
            layer.register_forward_hook(lambda *call: called.append("another thread's"))

    monkeypatch.setattr(module, "Hooks", Interrupted)
    layer.register_forward_hook(lambda *call: called.append("this thread's"))
    layer(mg.ones(1))
    assert called == ["another thread's", "this thread's"]


def test_threads_that_register_the_first_hooks_of_a_tensor_share_them(monkeypatch):
    x, called, lock = mg.tensor(1.0, requires_grad=True), [], tape._creating

    class Awaited:
        """A lock that another thread held while it registered a hook."""

        release = lock.release

        def acquire(self, blocking):
            monkeypatch.setattr(tape, "_creating", lock)
            x.register_hook(lambda g: called.append("another thread's"))
            return lock.acquire(blocking)

    monkeypatch.setattr(tape, "_creating", Awaited())
    x.register_hook(lambda g: called.append("this thread's"))
    (x * 2).backward()
    assert called == ["another thread's", "this thread's"]


def test_checkpoints_do_not_disturb_each_other(hurried):
    def gradient(n):
        x = mg.tensor(np.arange(6.0) + n, requires_grad=True)
        mg.autograd.checkpoint(lambda x: ((((x * 2).sin() * x).exp() * x).tanh() * x).sin(), x).sum().backward()
        return x.grad.tolist()

    alone = [gradient(n) for n in range(4)]
    assert in_threads(lambda n: [gradient(n) for _ in range(150)], 4) == [[g] * 150 for g in alone]


def test_two_threads_that_walk_one_checkpoint_run_its_function_again_once(monkeypatch):
    both, done, runs = threading.Barrier(2, timeout=10), threading.Event(), []
    x = mg.tensor(np.array(0.5), requires_grad=True)
    y = mg.autograd.checkpoint(lambda x: runs.append(0) or x.sin(), x)
    region = y.node.saved._region
    run_again = region.run_again

    def work(n):
        def in_turn():
            both.wait()  # both have seen that nothing is restored
            assert n == 0 or done.wait(10)
            run_again()
            done.set()

        turns.take = in_turn
        return mg.autograd.grad(y, x, retain_graph=True)[0].item()

    turns = threading.local()
    monkeypatch.setattr(region, "run_again", lambda: turns.take())
    assert in_threads(work, 2) == [np.cos(0.5)] * 2
    assert len(runs) == 2


def test_a_checkpoint_draws_the_same_again_while_others_draw(hurried):
    def work(n):
        for _ in range(100):
            x = mg.tensor(np.ones(20), requires_grad=True)
            y = mg.autograd.checkpoint(lambda x: x * mg.rand(20), x)
            mg.rand(3)
            y.sum().backward()
            np.testing.assert_array_equal(x.grad.tolist(), y.tolist())

    in_threads(work, 4)


def test_a_checkpoint_leaves_the_generator_where_it_would_be_without():
    def drawn(through):
        mg.manual_seed(0)
        x = mg.ones(3, requires_grad=True)
        y = through(lambda x: x * mg.rand(3) + through(lambda x: x * mg.rand(3), x), x)
        between = mg.rand(2).tolist()
        y.sum().backward()
        return y.tolist(), between, mg.rand(2).tolist(), x.grad.tolist()

    assert drawn(mg.autograd.checkpoint) == drawn(lambda function, x: function(x))


def test_a_seed_set_inside_a_checkpoint_holds():
    mg.manual_seed(3)
    wanted = mg.rand(3).tolist()

    def function(x):
        mg.manual_seed(3)
        return x * mg.rand(3)

    x = mg.ones(3, requires_grad=True)
    y = mg.autograd.checkpoint(function, x)
    y.sum().backward()
    assert y.tolist() == wanted == x.grad.tolist()
