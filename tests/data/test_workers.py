"""DataLoader with worker processes: the batches of one process, errors with their traceback, and no process left behind."""

import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from minigrad.data import DataLoader, IterableDataset, Subset, TensorDataset, get_worker_info

# The processes of Python 3.12 and later warn of a fork beside the threads of BLAS.
pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="processes are forked"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork.*:DeprecationWarning"),
]


class Items:
    """Item i by a function of i."""

    def __init__(self, function, length=23):
        self.function, self.length = function, length

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        return self.function(int(index))


class Count(IterableDataset):
    """The numbers below n; each worker yields its share."""

    def __init__(self, n, divide=True):
        self.n, self.divide = n, divide

    def __iter__(self):
        info = get_worker_info()
        if info is None or not self.divide:
            return iter(range(self.n))
        return iter(range(info.id, self.n, info.num_workers))


def loaded(dataset, *args, **options):
    """A loader whose workers are forks, which can use the functions of a test; Python 3.14 begins workers otherwise."""
    return DataLoader(dataset, *args, **{"multiprocessing_context": "fork", **options})


def same(one, other):
    one, other = list(one), list(other)
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        assert type(a) is type(b) and str(a) == str(b)
        for x, y in zip(a, b, strict=True):
            if isinstance(x, mg.Tensor):
                assert x.dtype == y.dtype and x.shape == y.shape and mg.equal(x, y)


def alive(pid):
    """Whether a process runs: not ended, and not waiting for its parent to notice."""
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


DATASETS = {
    "arrays": lambda: TensorDataset(np.random.default_rng(0).normal(size=(23, 3, 2)), np.arange(23)),
    "subset": lambda: Subset(TensorDataset(np.arange(40.0).reshape(20, 2)), list(range(19, 2, -1))),
    "images": lambda: mg.data.datasets.Digits(train=False),
    "mixed": lambda: Items(lambda i: (np.full((i % 1, 2), i, np.float16), {"text": "a" * i, "flag": i % 2 == 0}, i)),
}


@pytest.mark.parametrize("options", [
    {"batch_size": 4}, {"batch_size": 5, "drop_last": True}, {"batch_size": 4, "shuffle": True},
    {"batch_size": 3, "shuffle": True, "seed": 5}, {"batch_size": 2, "sampler": [4, 2, 0]}, {"batch_sampler": [[1, 2], [3]]},
], ids=str)  # fmt: skip
@pytest.mark.parametrize("dataset", DATASETS)
def test_batches_and_random_state_are_those_of_one_process(dataset, options):
    found = []
    for workers in ({}, {"num_workers": 2, "multiprocessing_context": "fork"}):
        mg.manual_seed(3)
        loader = DataLoader(DATASETS[dataset](), **options, **workers)
        found.append([*loader, *loader, mg.rand(2)])
    same(*found)


@pytest.mark.parametrize("number", [1, 3, 40])
def test_any_number_of_workers_keeps_the_order(number):
    def slowly(i):
        time.sleep(0.01 * (i % 3 == 0))
        return i

    found = list(loaded(Items(slowly, 12), batch_size=1, num_workers=number, prefetch_factor=3))
    assert [batch.item() for batch in found] == list(range(12))


def test_in_any_order_a_slow_batch_delays_no_other():
    def slowly(i):
        time.sleep(0.5 * (i == 0))
        return i

    found = [b.item() for b in loaded(Items(slowly, 8), batch_size=1, num_workers=2, in_order=False)]
    assert sorted(found) == list(range(8)) and found[0] != 0


def test_batches_come_from_other_processes_and_ahead_of_time():
    def where(i):
        return os.getpid(), i, np.float64(time.time())

    loader = loaded(Items(where, 8), batch_size=2, num_workers=2)
    batches = iter(loader)
    pids = {next(batches)[0][0].item()}
    time.sleep(0.3)
    asked = time.time()
    for pid, _, made in batches:
        pids.add(pid[0].item())
        assert made.max().item() < asked  # two batches for each worker: all of them
    assert len(pids) == 2 and os.getpid() not in pids


def test_streams_are_divided_by_the_dataset():
    batches = list(loaded(Count(10), batch_size=2, num_workers=2))
    assert [b.tolist() for b in batches] == [[0, 2], [1, 3], [4, 6], [5, 7], [8], [9]]
    assert sorted(v for b in loaded(Count(7, False), 3, num_workers=2) for v in b.tolist()) == sorted([*range(7)] * 2)
    assert [b.tolist() for b in loaded(Count(7), 2, num_workers=3, drop_last=True)] == [[0, 3], [1, 4], [2, 5]]
    assert list(loaded(Count(0), 2, num_workers=2)) == []


def draws(i):
    return mg.rand(1, dtype=mg.float64).item(), float(np.random.random()), random.random()


def test_each_worker_and_epoch_has_its_own_random_numbers():
    def epochs():
        mg.manual_seed(8)
        loader = loaded(Items(draws, 4), batch_size=1, num_workers=2)
        return np.array([[v.item() for v in batch] for _ in range(2) for batch in loader])

    first = epochs()
    assert np.array_equal(first, epochs())
    assert len(set(first.ravel())) == first.size
    seeded = loaded(Items(draws, 4), batch_size=1, num_workers=2, seed=3)
    a = [v.item() for batch in seeded for v in batch]
    assert a == [v.item() for b in loaded(Items(draws, 4), batch_size=1, num_workers=2, seed=3) for v in b]
    assert not set(a) & set(first.ravel())


def test_a_worker_knows_itself():
    def told(i):
        info = get_worker_info()
        return info.id, info.num_workers, info.seed, len(info.dataset), started

    started = None

    def initialize(number):
        nonlocal started
        started = 10 * number

    loader = loaded(Items(told, 4), batch_size=1, num_workers=2, worker_init_fn=initialize)
    rows = [[v.item() for v in batch] for batch in loader]
    assert [(r[0], r[1], r[3], r[4]) for r in rows] == [(0, 2, 4, 0), (1, 2, 4, 10)] * 2
    assert rows[1][2] == rows[0][2] + 1 and get_worker_info() is None and started is None


class Odd(Exception):
    """An exception that cannot be read back: its constructor takes two arguments."""

    def __init__(self, a, b):
        super().__init__(f"{a} and {b}")


@pytest.mark.parametrize(("error", "kind", "text"), [
    (ValueError("bad item"), ValueError, "bad item"), (Odd(1, 2), RuntimeError, "Odd: 1 and 2"),
    (StopIteration(), RuntimeError, "generator raised StopIteration"), (OSError(2, "gone"), FileNotFoundError, "gone"),
    (BrokenPipeError("theirs"), BrokenPipeError, "theirs"),
], ids=repr)  # fmt: skip
def test_an_error_comes_with_the_workers_traceback(error, kind, text):
    def item(i):
        if i == 5:
            raise error
        return i

    loader = loaded(Items(item), batch_size=2, num_workers=2)
    seen = []
    with pytest.raises(kind, match=text) as caught:
        seen.extend(batch.tolist() for batch in loader)
    assert seen == [[0, 1], [2, 3]]
    known = caught.value.__cause__ if kind is RuntimeError and "StopIteration" in text else caught.value
    assert "raise error" in str(known.__cause__) and "raised by item 5" in str(known.__cause__)
    assert any("worker 0" in note for note in known.__notes__)


def test_what_a_worker_cannot_send_or_start_with_is_an_error_there():
    with pytest.raises(Exception, match=r"pickle|local object") as caught:
        list(loaded(Items(lambda i: i, 4), 2, num_workers=1, collate_fn=lambda items: lambda: items))
    assert any("raised in worker 0" in note for note in caught.value.__notes__)

    def fail(number):
        raise KeyError(f"no device {number}")

    with pytest.raises(KeyError, match="no device 0"):
        list(loaded(Items(float, 4), num_workers=1, worker_init_fn=fail))


def test_a_killed_worker_ends_the_iteration():
    def item(i):
        if i == 6:
            os.kill(os.getpid(), signal.SIGKILL)
        if i == 30:
            os._exit(3)
        return i

    with pytest.raises(RuntimeError, match=r"worker 1 \(process \d+\) was killed by SIGKILL"):
        list(loaded(Items(item), batch_size=2, num_workers=2))
    with pytest.raises(RuntimeError, match=r"worker 0 \(process \d+\) exited with code 3"):
        list(loaded(Items(item), batch_size=1, num_workers=1, sampler=[0, 30, 1]))


def test_a_timeout_names_itself():
    def item(i):
        time.sleep(1)

    with pytest.raises(RuntimeError, match=r"no batch came from 1 workers within timeout=0\.1 seconds"):
        list(loaded(Items(item), num_workers=1, timeout=0.1))


def pid_of(batch):
    return batch[0].item()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked up in /proc")
def test_no_process_is_left():
    def where(i):
        return os.getpid()

    left = []
    loader = loaded(Items(where, 6), num_workers=2)
    left += {pid_of(b) for b in loader}  # to the end
    for batch in loader:  # left early
        left.append(pid_of(batch))
        break
    iter(loader)  # never begun
    del batch
    assert left and not any(alive(pid) for pid in left)

    kept = loaded(Items(where, 6), num_workers=2, persistent_workers=True)
    first = {pid_of(b) for b in kept}
    for batch in kept:
        assert pid_of(batch) in first
        break
    assert [pid_of(b) in first for b in kept] == [True] * 6 and all(alive(pid) for pid in first)
    beside = [(pid_of(a) in first, pid_of(b) in first) for a, b in zip(kept, kept, strict=True)]
    assert beside == [(True, False)] * 6
    del kept
    assert not any(alive(pid) for pid in first)


def test_streams_begin_again_with_workers_that_stay():
    loader = loaded(Count(6), batch_size=2, num_workers=2, persistent_workers=True)
    wanted = [[0, 2], [1, 3], [4], [5]]
    assert [b.tolist() for b in loader] == wanted
    assert next(iter(loader)).tolist() == wanted[0]
    assert [b.tolist() for b in loader] == wanted


PROGRAM = """
import os, sys, time
from minigrad.data import DataLoader
class Slow:
    def __len__(self): return 1000
    def __getitem__(self, i):
        time.sleep(0.05)
        return os.getpid()
if __name__ == "__main__":
    try:
        for i, batch in enumerate(DataLoader(Slow(), num_workers=2, multiprocessing_context=sys.argv[1])):
            print(batch.item(), flush=True)
            if i == 3:
                print("ready", flush=True)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked up in /proc")
@pytest.mark.parametrize(
    ("context", "ending"), [("fork", signal.SIGINT), ("fork", signal.SIGKILL), ("spawn", signal.SIGINT)]
)
def test_the_end_of_the_program_is_that_of_its_workers(tmp_path, context, ending):
    file = tmp_path / "program.py"
    file.write_text(textwrap.dedent(PROGRAM))
    root = str(Path(mg.__file__).parents[1])
    program = subprocess.Popen(
        [sys.executable, str(file), context], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True, env={**os.environ, "PYTHONPATH": root},
    )  # fmt: skip
    pids = set()
    for line in program.stdout:
        if line == "ready\n":
            break
        pids.add(int(line))
    if ending == signal.SIGINT:
        os.killpg(program.pid, ending)  # as a terminal does
    else:
        program.kill()
    out, err = program.communicate(timeout=30)
    assert len(pids) == 2 and ("interrupted" in out or ending == signal.SIGKILL) and "Traceback" not in err
    until = time.time() + 10
    while any(alive(pid) for pid in pids) and time.time() < until:
        time.sleep(0.02)
    assert not any(alive(pid) for pid in pids)


def test_spawned_workers_get_what_can_be_pickled():
    spawned = {"num_workers": 1, "multiprocessing_context": "spawn"}
    same(DataLoader(DATASETS["arrays"](), 10, **spawned), DataLoader(DATASETS["arrays"](), 10))
    with pytest.raises(Exception, match=r"pickle|local") as caught:
        list(DataLoader(Items(lambda i: i), **spawned))
    assert any("must be picklable" in note for note in caught.value.__notes__)


@pytest.mark.parametrize(("options", "error", "text"), [
    ({"num_workers": -1}, ValueError, "num_workers must be at least 0, got -1"),
    ({"num_workers": 1.5}, TypeError, "num_workers must be an int, got 1.5"),
    ({"num_workers": True}, TypeError, "num_workers must be an int, got True"),
    ({"num_workers": 1, "timeout": -1}, ValueError, "timeout must be a number of seconds of at least 0, got -1"),
    ({"num_workers": 1, "prefetch_factor": 0}, ValueError, "prefetch_factor must be"),
    ({"prefetch_factor": 2}, ValueError, "prefetch_factor=2 is about workers, and there are none"),
    ({"persistent_workers": True}, ValueError, "persistent_workers=True is about workers"),
    ({"timeout": 5}, ValueError, "timeout=5 is about workers"),
    ({"multiprocessing_context": "fork"}, ValueError, "multiprocessing_context='fork' is about workers"),
    ({"num_workers": 1, "multiprocessing_context": "thread"}, ValueError, "multiprocessing_context must be"),
], ids=str)  # fmt: skip
def test_options_of_workers_are_checked_when_the_loader_is_made(options, error, text):
    with pytest.raises(error, match=text):
        DataLoader(Items(float), **options)
