"""Arrays in files that are larger than memory: batches are right, and read pages are given back."""

import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from minigrad.data import DataLoader, TensorDataset
from minigrad.data.fetching import is_mapped, rows


@pytest.fixture
def file(tmp_path, rng):
    np.save(tmp_path / "x.npy", rng.normal(size=(300, 7)))
    return tmp_path / "x.npy"


def test_rows_of_a_mapped_file_are_its_rows(file, rng):
    whole, mapped = np.load(file), np.load(file, mmap_mode="r")
    assert is_mapped(mapped) and is_mapped(mapped[2:50]) and not is_mapped(whole)
    for n in (0, 1, 31, 32, 33, 200):
        at = rng.integers(-300, 300, n)
        for _ in range(2):  # pages that were given back are read again
            assert np.array_equal(rows(mapped, at), whole[at])
    assert np.array_equal(rows(np.asarray(mapped)[::-2], np.arange(100)), whole[::-2][:100])
    loader = DataLoader(TensorDataset(mapped), 64, shuffle=True, seed=0)
    for (x,), (y,) in zip(loader, DataLoader(TensorDataset(whole), 64, shuffle=True, seed=0), strict=True):
        assert mg.equal(x, y)


def test_changes_of_a_private_copy_are_kept(file):
    for mode in ("c", "r+"):
        mapped = np.load(file, mmap_mode=mode)
        mapped[3] = 5
        assert not is_mapped(mapped)
        assert (rows(mapped, np.array([3] * 40)) == 5).all() and (mapped[3] == 5).all()


def test_a_mapped_file_of_another_dtype_trains_like_its_array(file):
    t = np.arange(300) % 3
    losses = []
    for x in (np.load(file), np.load(file, mmap_mode="r")):
        mg.manual_seed(0)
        net = mg.nn.Linear(7, 3)
        trainer = mg.training.Trainer(net, x, t, x[:50], t[:50], epochs=2, mini_batch_size=64, seed=0, verbose=False)
        trainer.train()
        losses.append(trainer.train_loss_list)
        assert net.weight.dtype == np.float32 == net(next(iter(trainer.train_loader))[0]).dtype
    assert losses[0] == losses[1]


PROGRAM = """
import sys
import numpy as np
import minigrad as mg
def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) / 1024
x = np.memmap(sys.argv[1], sys.argv[2], "r", shape=(int(sys.argv[3]), 8192 // np.dtype(sys.argv[2]).itemsize))
net = mg.nn.Linear(x.shape[1], 2)
t = np.zeros(len(x), int)
trainer = mg.training.Trainer(net, x, t, x[:2], t[:2], epochs=1, optimizer="SGD", verbose=False)
before = peak()
trainer.train()
print(peak() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read in /proc")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_training_takes_the_memory_of_a_batch(tmp_path, dtype):
    size = 1 << 28
    with open(tmp_path / "x", "wb") as out:
        out.truncate(size)
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PROGRAM), str(tmp_path / "x"), dtype, str(size // 8192)],
        capture_output=True, text=True, check=True, env={"PYTHONPATH": str(Path(mg.__file__).parents[1])},
    )  # fmt: skip
    assert float(done.stdout) < 128  # of 256 MiB
