"""The pool of threads: the same bits for any number, and nothing that a caller could notice but the time."""

import multiprocessing
import os
import subprocess
import sys
import threading
import time
import warnings

import numpy as np
import pytest

import minigrad as mg
from minigrad.kernels import activation, attention, normalization, softmax, special, threads
from minigrad.kernels.blocks import BLOCK, SHARE, row_blocks, run_blocks

rng = np.random.default_rng(0)
X = (rng.standard_normal((523, 1031)) * 4).astype(np.float32)  # 4.1 shares, with a rest in every block
X[3, :5] = [np.nan, np.inf, -np.inf, 0, -0.0]
G = rng.standard_normal(X.shape).astype(np.float32)
W = rng.standard_normal(X.shape[1]).astype(np.float32)
NORM = (X, X.shape[1], W, W, 1e-5)
HEADS = rng.standard_normal((4, 20, 150, 8)).astype(np.float32)  # queries, keys, values, g: 4 blocks, the last not full
HEADS[0, 7] *= 20  # scores that are shifted, in one block
SEEN = *HEADS[:3], np.tri(150, dtype=bool), 1.0
KERNELS = {
    "gelu": lambda: activation.gelu(X, "none"),
    "gelu tanh": lambda: activation.gelu(X, "tanh"),
    "gelu gradient": lambda: activation.gelu_gradients(G, [True, False], (X, "none"), (X,)),
    "gelu tanh gradient": lambda: activation.gelu_gradients(G, [True, False], (X, "tanh"), ()),
    "silu": lambda: activation.silu(X),
    "silu gradient": lambda: activation.silu_gradients(G, [True], (X,), ()),
    "logsigmoid": lambda: activation.logsigmoid(X),
    "logsigmoid gradient": lambda: activation.logsigmoid_gradients(G, [True], (X,), ()),
    "mish": lambda: activation.mish(X),
    "mish gradient": lambda: activation.mish_gradients(G, [True], (X,), ()),
    "sigmoid gradient": lambda: activation.sigmoid_gradient(G, X),
    "tanh gradient": lambda: activation.tanh_gradient(G, X),
    "softplus": lambda: activation.softplus(X, 2.0, 5.0),
    "softplus gradient": lambda: activation.softplus_gradient(G, X, 2.0, 5.0),
    "elu": lambda: activation.elu(X, 0.5),
    "elu gradient": lambda: activation.elu_gradient(G, X, 0.5),
    "leaky_relu": lambda: activation.leaky_relu(X, 0.1),
    "leaky_relu gradient": lambda: activation.leaky_relu_gradient(G, X, 0.1),
    "hardsigmoid": lambda: activation.hardsigmoid(X),
    "hardsigmoid gradient": lambda: activation.hardsigmoid_gradients(G, [True], (X,), ()),
    "hardswish": lambda: activation.hardswish(X),
    "hardswish gradient": lambda: activation.hardswish_gradient(G, X),
    "attention": lambda: attention.attention(*SEEN),
    "attention gradient": lambda: attention.attention_gradients(
        HEADS[3], [True, True, True, False], SEEN, attention.attention(*SEEN)[1]
    ),
    "erf": lambda: special.erf(X),
    "softmax": lambda: softmax.softmax(X, -1),
    "softmax gradient": lambda: softmax.softmax_gradient(G, X, -1),
    "log_softmax": lambda: softmax.log_softmax(X, -1),
    "log_softmax gradient": lambda: softmax.log_softmax_gradient(G, X, -1),
    "layer_norm": lambda: normalization.layer_norm(*NORM),
    "layer_norm gradient": lambda: normalization.layer_norm_gradients(
        G, [True, False, True, True], NORM, normalization.layer_norm(*NORM)[1]
    ),
}


@pytest.fixture(autouse=True)
def _default_number():
    yield
    threads.set_threads(None)


def _bytes(result):
    if isinstance(result, list | tuple):
        return [_bytes(part) for part in result]
    return None if result is None else result.tobytes()


@pytest.mark.parametrize("name", KERNELS)
def test_bits_do_not_depend_on_the_number_of_threads(name):
    results = []
    for number in (1, 2, 3):
        threads.set_threads(number)
        with np.errstate(all="ignore"):
            results.append(_bytes(KERNELS[name]()))
        assert (len(threads._helpers) > 0) == (number > 1)  # the kernel uses helpers
    assert results[0] == results[1] == results[2]


def _together(barrier):
    """Return a function of a block that records its thread, and waits for another thread if there is a barrier."""
    seen = []

    def function(block):
        seen.append(threading.get_ident())
        if barrier:
            barrier.wait(10)
        return block * block

    return function, seen


def test_results_are_in_order_and_threads_work_at_once():
    threads.set_threads(2)
    function, seen = _together(threading.Barrier(2))  # breaks unless two blocks run at once
    assert run_blocks(function, range(6)) == [0, 1, 4, 9, 16, 25]
    assert len(set(seen)) == 2


def test_a_call_within_a_block_or_beside_another_runs_alone():
    threads.set_threads(2)

    def outer(block):
        function, seen = _together(None)
        run_blocks(function, range(4))
        return set(seen) == {threading.get_ident()}

    assert run_blocks(outer, range(4)) == [True] * 4
    threads._busy.acquire()
    try:
        assert outer(0)
    finally:
        threads._busy.release()


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt, IndexError])
@pytest.mark.parametrize("in_caller", [True, False])
def test_errors_reach_the_caller_and_the_pool_stays_usable(error, in_caller):
    threads.set_threads(2)
    caller, barrier = threading.get_ident(), threading.Barrier(2)

    def fail(block):
        barrier.wait(10)
        if (threading.get_ident() == caller) == in_caller:
            raise error("here")

    with pytest.raises(error, match="here"):
        run_blocks(fail, range(2))
    assert run_blocks(abs, [-1, -2]) == [1, 2] and not threads._busy.locked()


def test_threads_have_the_errstate_of_the_caller():
    threads.set_threads(2)
    barrier = threading.Barrier(2)

    def divide(block):
        barrier.wait(10)
        return np.array([1.0]) / np.array([0.0])

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with np.errstate(divide="ignore"):
            run_blocks(divide, range(2))
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        run_blocks(divide, range(2))


def _in_child(connection):
    function, _ = _together(threading.Barrier(2))
    connection.send(run_blocks(function, range(4)))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_fork_starts_its_own_pool():
    threads.set_threads(2)
    run_blocks(abs, [1, 2])
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    with threads._busy:  # as if another thread computed at the time of the fork
        child = context.Process(target=_in_child, args=(there,))
        child.start()
    arrived = here.poll(20)
    if not arrived:
        child.kill()
    child.join()
    assert arrived and here.recv() == [0, 1, 4, 9]


def test_the_interpreter_exits_and_computes_while_it_exits():
    program = (
        "import atexit\n"
        "from minigrad.kernels import threads\n"
        "threads.set_threads(2)\n"
        "atexit.register(lambda: print(threads.run_blocks(abs, [-1, -2])))\n"
        "threads.run_blocks(abs, [1, 2])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[1, 2]\n", "")


def test_a_helper_that_is_dismissed_ends_after_its_task():
    threads.set_threads(2)
    barrier, dismissed, caller = threading.Barrier(2), threading.Event(), threading.get_ident()

    def dismiss(block):
        barrier.wait(10)
        if threading.get_ident() == caller:
            return dismissed.wait(10)  # and then the caller looks for the task among what was given
        threads.set_threads(2)
        dismissed.set()
        return not time.sleep(0.1)

    before = set(threading.enumerate())
    assert run_blocks(dismiss, range(2)) == [True, True]
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
        assert not thread.is_alive()


def test_an_interrupted_call_leaves_the_next_one_its_own_answers():
    """A Ctrl-C may come before the caller waits: the helper then answers when nobody asks."""
    threads.set_threads(2)
    (helper,) = threads._started(1)
    helper.given.put(int)  # what is left of an interrupted call
    barrier, caller, ended = threading.Barrier(2), threading.get_ident(), []

    def slow(block):
        barrier.wait(10)
        if threading.get_ident() != caller:
            time.sleep(0.1)
        ended.append(block)

    run_blocks(slow, range(2))
    assert sorted(ended) == [0, 1]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_no_holes_are_left_between_arrays_of_kept_memory():
    """In a process of its own, whose memory is what it held before: 2 MB arrays found no room, and took 20 to 50 MB."""
    program = (
        "import numpy as np, minigrad as mg\n"
        "from minigrad.kernels import activation, threads\n"
        "held = lambda: int(open('/proc/self/statm').read().split()[1]) * 4096 // 2**20\n"
        "mg.config.keep_memory(), threads.set_threads(2)\n"
        "x = np.ones((512, 1024), np.float32)\n"
        "for n in (20, 2000):\n"
        "    for _ in range(n):\n"
        "        y = activation.leaky_relu_gradient(activation.leaky_relu(x, 0.1), x, 0.1)\n"
        "    print(held())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    before, after = map(int, done.stdout.split())
    assert after < before + 10


def test_small_arrays_and_one_thread_do_not_start_the_pool():
    small = X.ravel()[5000 : 5000 + 2 * SHARE - 1].reshape(1, -1)
    threads.set_threads(2)
    activation.silu(small), softmax.softmax(small, -1), normalization.layer_norm(small, small.shape, None, None, 1e-5)
    assert not threads._helpers
    assert len(list(row_blocks(4, SHARE))) == 4
    threads.set_threads(1)
    assert len(list(row_blocks(2 * SHARE, 1))) == 2 * SHARE // BLOCK > 2


def test_the_setting():
    mg.set_num_threads(3)
    assert mg.get_num_threads() == 3
    for value, error in ((0, ValueError), (-1, ValueError), (True, TypeError), ("2", TypeError), (2.0, TypeError)):
        with pytest.raises(error, match="set_num_threads: needs"):
            mg.set_num_threads(value)
    assert mg.get_num_threads() == 3


def test_the_default_is_the_affinity_or_fewer_by_the_environment(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: range(8), raising=False)
    for name in threads.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for given, expected in ((None, 8), ("3", 3), ("64", 8), ("0", 8), ("many", 8)):
        if given is not None:
            monkeypatch.setenv("OMP_NUM_THREADS", given)
        threads.set_threads(None)
        assert mg.get_num_threads() == expected
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    threads.set_threads(None)
    assert mg.get_num_threads() == 1
