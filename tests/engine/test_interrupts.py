"""Interrupts: at whatever moment a signal comes, state is whole and modes are put back.

CPython runs signal handlers when a Python function starts, after a call, and when a loop jumps back. The tests raise
KeyboardInterrupt at each start and after each call in turn, and, for the rest, let a timer interrupt at random moments.
"""

import ast
import contextlib
import functools
import signal
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad.engine import tape, walk
from minigrad.engine.interrupts import Revertible
from minigrad.engine.scope import here, watch, watchers
from minigrad.kernels import softmax as kernels
from minigrad.kernels import threads
from minigrad.kernels.errstate import errstate
from minigrad.kernels.gamma import lgamma
from minigrad.nn.inference import evaluating, scores
from minigrad.nn.modes import modes
from minigrad.viz.graphs.gradients import gradients


class Alarm(Exception):
    """Raised by the handler of the timer's signal."""


def leaves():
    return [mg.tensor(np.ones(3), requires_grad=True) for _ in range(3)]


def product(factors):
    out = factors[0]
    for factor in factors[1:]:
        out = (out * factor).tanh()
    return out.sum()


def all_or_none(found):
    assert len(set(found)) == 1, found


def during_backward():
    xs = leaves()
    return product(xs).backward, lambda: all_or_none([x.grad is None for x in xs])


def during_a_second_backward():
    xs = leaves()
    product(xs).backward()
    first = [x.grad for x in xs]
    return product(xs).backward, lambda: all_or_none([x.grad is g for x, g in zip(xs, first, strict=True)])


def during_backward_to_inputs():
    xs = leaves()
    loss = product(xs)
    return lambda: mg.autograd.backward(loss, inputs=xs), lambda: all_or_none([x.grad is None for x in xs])


def in_a_checkpoint():
    xs = leaves()
    region = mg.autograd.checkpoint(lambda: product(xs) * mg.rand(1).sum())
    return region.backward, lambda: all_or_none([x.grad is None for x in xs])


def before_a_checkpoint():
    xs = leaves()
    return lambda: mg.autograd.checkpoint(lambda: product(xs) * mg.rand(1).sum()), lambda: None


def during_a_step():
    xs = leaves()
    for x in xs:
        x.grad = mg.ones(3, dtype=float)
    return optim.Adam(xs).step, lambda: all_or_none([x.tolist()[0] == 1 for x in xs])


def during_zero_grad():
    xs = leaves()
    for x in xs:
        x.grad = mg.ones(3, dtype=float)
    return optim.SGD(xs, lr=0.1).zero_grad, lambda: all_or_none([x.grad is None for x in xs])


def while_loading():
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    new = {key: np.full(value.shape, 7) for key, value in net.state_dict().items()}
    return lambda: net.load_state_dict(new), lambda: all_or_none([(p.array == 7).all() for p in net.parameters()])


def while_the_mode_changes():
    net = nn.Sequential(nn.Dropout(), nn.ReLU(), nn.Dropout())
    return net.eval, lambda: all_or_none([module.training for module in net.modules()])


def inside_contexts():
    net, x = nn.Sequential(nn.Linear(2, 2), nn.Dropout()), mg.ones(1, 2)

    def run():
        with mg.no_grad(), mg.enable_grad():
            len("")
        with mg.detect_anomaly(), watch(lambda *event: None):
            len("")
        with evaluating(net):
            net(x)
        scores(net, np.ones((2, 2)), 1)
        mg.no_grad()(len)("")

    return run, lambda: all_or_none([module.training for module in net.modules()] + [True])


def in_a_functional_call():
    net, x = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)), mg.ones(1, 2)
    own, given = list(net.parameters()), {name: mg.ones(2, 2) for name in ("0.weight", "1.weight")}

    def check():
        assert all(p is q for p, q in zip(net.parameters(), own, strict=True))

    call = mg.func.functional_call  # imports the module: an interrupted import is not what is tested here
    return lambda: call(net, given, x), check


def while_a_picture_measures_gradients():
    loss = product(leaves())
    nodes = walk._below([loss.node])
    nodes[0].hooks = own = {0: lambda g: None}

    def check():
        assert nodes[0].hooks is own and all(node.hooks is None for node in nodes[1:])

    return lambda: gradients([loss], nodes, lambda node, g: 0.0), check


def while_warnings_are_off():
    x = np.array([[0.5, 1000.0]])
    return lambda: (kernels.softmax(x, -1), lgamma(x)), lambda: None  # NumPy's norm would turn the signal into a TypeError


def while_two_threads_work():
    threads.set_threads(2)
    return lambda: threads.run_blocks(abs, [-1, -2]), lambda: all_or_none([threads.run_blocks(abs, [-3, -3])[0], 3])


SETTINGS = np.geterr()
CASES = [
    during_backward, during_a_second_backward, during_backward_to_inputs, in_a_checkpoint, before_a_checkpoint,
    during_a_step, during_zero_grad, while_loading, while_the_mode_changes, inside_contexts,
    in_a_functional_call, while_a_picture_measures_gradients, while_warnings_are_off, while_two_threads_work,
]  # fmt: skip


@pytest.fixture(autouse=True)
def put_back():
    """One failure here must not be a failure of every test that follows."""
    yield
    put_everything_back()


def put_everything_back():
    tape.mode.enabled, here.scope, mg.random._here.generator = True, None, None
    np.seterr(**SETTINGS)
    walk.walking.walks = [walk.Walk]
    watchers.clear()
    modes.here.clear()
    threads.set_threads(None)
    threads._busy = threading.Lock()


def assert_put_back():
    assert mg.is_grad_enabled() and here.scope is None
    assert watchers == [] and walk.walking.walks == [walk.Walk] and modes.here == {}
    assert mg.random._here.generator is None
    assert walk._delivery.acquire(blocking=False)
    walk._delivery.release()
    assert not walk._delivery._is_owned() and not threads._busy.locked()
    assert np.geterr() == SETTINGS


@pytest.mark.skipif(sys.getprofile() is not None, reason="a profiler is running")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # raised while a generator was closed
@pytest.mark.parametrize("case", CASES)
def test_an_interrupt_at_every_call(case):
    at, done = 0, False
    while not done:
        run, check = case()
        passed = 0

        def strike(frame, event, arg, at=at):
            nonlocal passed
            if event in ("call", "c_return"):
                passed += 1
                if passed > at:
                    raise KeyboardInterrupt

        try:
            sys.setprofile(strike)
            run()
            done = passed <= at  # or what was raised got lost
        except KeyboardInterrupt:  # here the traceback keeps alive what was interrupted: nothing is closed by its end
            sys.setprofile(None)
            check()
            assert_put_back()
        finally:
            sys.setprofile(None)
        at += 1
    assert at > 2  # it was interrupted more than once; Python 3.12 calls no function for a list comprehension


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no timers here")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # raised in the callback of a weak reference
@pytest.mark.parametrize("case", CASES)
def test_a_signal_at_random_moments(case):
    def handler(number, frame):
        raise Alarm

    rng = np.random.default_rng(0)
    before = signal.signal(signal.SIGALRM, handler)
    try:
        run, _ = case()
        started = time.perf_counter()
        run()
        took = time.perf_counter() - started
        for _ in range(50):
            run, check = case()
            with contextlib.suppress(Alarm):
                try:
                    signal.setitimer(signal.ITIMER_REAL, rng.uniform(1e-6, took))
                    run()
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
            check()
            assert_put_back()
    finally:
        signal.signal(signal.SIGALRM, before)


@functools.cache
def trees():
    """The syntax tree of every file of the package."""
    return {file: ast.parse(file.read_text("utf-8")) for file in Path(mg.__file__).parent.rglob("*.py")}


def within(node):
    """The nodes inside a node that run in the same frame as it."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (ast.FunctionDef, ast.Lambda, ast.ClassDef)):
            yield child
            yield from within(child)


PLAIN = ast.Expr, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Delete


def test_no_loop_jumps_back_unseen_by_a_finally():
    """Since Python 3.12 the exception table omits the jump back from an `if`: an interrupt there skips the `finally`."""
    for file, tree in trees().items():
        for block in ast.walk(tree):
            if isinstance(block, ast.Try) and block.finalbody:
                for node in [node for statement in block.body for node in [statement, *within(statement)]]:
                    loop, comprehension = isinstance(node, (ast.For, ast.While)), isinstance(node, ast.comprehension)
                    assert not loop or isinstance(node.body[-1], PLAIN), (file, node.lineno)
                    assert not comprehension or not node.ifs, (file, block.lineno)


def test_an_error_while_gradients_arrive_leaves_them_as_they_were(monkeypatch):
    xs = leaves()
    receive = mg.Tensor.accumulate_grad

    def fail(self, g, fresh):
        if self is xs[1]:
            raise MemoryError
        receive(self, g, fresh)

    monkeypatch.setattr(mg.Tensor, "accumulate_grad", fail)
    with pytest.raises(MemoryError):
        product(xs).backward()
    assert [x.grad for x in xs] == [None] * 3
    assert_put_back()


def test_revertible_in_a_stack_by_hand_and_inside_itself():
    again = mg.no_grad()
    with contextlib.ExitStack() as stack:
        stack.enter_context(again)
        stack.enter_context(mg.enable_grad())
        with again, again:
            assert not mg.is_grad_enabled()
        assert mg.is_grad_enabled()
    assert mg.is_grad_enabled()
    again.__enter__()
    assert not mg.is_grad_enabled()
    again.__exit__(None, None, None)
    assert mg.is_grad_enabled()
    with pytest.raises(NotImplementedError), Revertible():
        pass


def test_detect_anomaly_and_its_switch_end_in_any_order():
    with mg.detect_anomaly():
        mg.autograd.set_detect_anomaly(True)
    try:
        with pytest.raises(mg.AnomalyError), np.errstate(divide="ignore"):
            mg.tensor(1.0) / 0.0
    finally:
        mg.autograd.set_detect_anomaly(False)
    assert_put_back()


def test_errstate_is_that_of_numpy_in_each_thread():
    def states(errstate):
        with errstate(over="ignore", divide="raise"):
            outer = np.geterr()
            with errstate(all="ignore"):
                inner = np.geterr()
            with contextlib.suppress(FloatingPointError):
                np.ones(1) / 0
                raise AssertionError("not reached")
            return outer, inner, np.geterr()

    with np.errstate(under="raise"):
        found = []
        worker = threading.Thread(target=lambda: found.extend([np.geterr(), states(errstate), np.geterr()]))
        with errstate(all="ignore"):
            worker.start()
            worker.join()
        assert found == [
            SETTINGS,
            tuple(state | {"under": SETTINGS["under"]} if n != 1 else state for n, state in enumerate(states(np.errstate))),
            SETTINGS,
        ]
        assert states(errstate) == states(np.errstate)
        with pytest.raises(FloatingPointError), errstate(divide="raise"):  # it suppresses no exception
            np.ones(1) / 0
        assert np.geterr() == SETTINGS | {"under": "raise"}


def test_no_block_ends_by_numpys_errstate():
    """An interrupt can skip the end of it; checks of `testing` may be interrupted, and go on nowhere."""
    for file, tree in trees().items():
        names = [node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
        assert "errstate" not in names or file.parent.name == "testing", file
