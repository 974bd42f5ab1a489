"""Atomic writes: several writers of one path, killed writers, links, permissions and long names.

MINIGRAD_TRIES=1000 tries the threads and the kills that often.
"""

import errno
import os
import random
import signal
import stat
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import minigrad as mg
from minigrad.serialization import load_npz, save_npz, write_atomically

TRIES = int(os.environ.get("MINIGRAD_TRIES", 20))
posix = pytest.mark.skipif(os.name != "posix", reason="permissions, links and signals of POSIX")


def content(path):
    """The one number that fills the array of a file."""
    (array,) = load_npz(path).values()
    assert len(set(array.tolist())) == 1
    return array[0]


def test_threads_that_save_one_path(tmp_path):
    """With a temporary name that held only the process's number, two of five loads found a damaged file."""
    path, failures = tmp_path / "w.npz", []
    save_npz(path, {"a": np.full(2000, 9.0)})

    def saves(value):
        try:
            for _ in range(TRIES):
                save_npz(path, {"a": np.full(2000, value)})
                content(path)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=saves, args=(float(i),)) for i in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        content(path)
    assert not failures and os.listdir(tmp_path) == ["w.npz"]


SAVES = """
import sys
import numpy as np
from minigrad.serialization import save_npz
print("ready", flush=True)
while True:
    for i in range(100):
        save_npz(sys.argv[1], {"a": np.full(200_000, float(i))})
"""


@posix
def test_saves_that_are_killed(tmp_path):
    """The file is whole after each kill, the next save removes what the killed one left, and what lives is left alone."""
    path, moments = tmp_path / "w.npz", random.Random(0)
    save_npz(path, {"a": np.full(3, 1.0)})
    left = 0
    for _ in range(max(4, TRIES // 5)):
        writers = [subprocess.Popen([sys.executable, "-c", SAVES, path], stdout=subprocess.PIPE) for _ in range(2)]
        for writer in writers:
            writer.stdout.readline()
        time.sleep(moments.uniform(0, 0.05))
        for writer in writers:
            writer.send_signal(signal.SIGKILL)
            writer.communicate()
            content(path)
        left += len(os.listdir(tmp_path)) - 1
        save_npz(path, {"a": np.full(3, 1.0)})
        assert os.listdir(tmp_path) == ["w.npz"]
    print(f"{left} leftovers")


def test_a_leftover_that_is_being_written_stays(tmp_path):
    path = tmp_path / "w.npz"

    def write(file):
        (temporary,) = os.listdir(tmp_path)
        save_npz(path, {"a": np.ones(1)})  # another writer, which removes leftovers
        assert temporary in os.listdir(tmp_path)
        file.write(b"last")

    write_atomically(path, write)
    assert path.read_bytes() == b"last" and os.listdir(tmp_path) == ["w.npz"]


@posix
def test_only_leftovers_of_this_name_are_removed(tmp_path):
    ours = [".w.npz.4711.tmp", ".w.npz.4711-0123abcd.tmp"]
    others = [".w.npz.backup.tmp", ".v.npz.4711.tmp", ".w.npz.4711", "w.npz.4711.tmp"]
    for name in ours + others:
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / ".w.npz.12.tmp").mkdir()
    os.mkfifo(tmp_path / ".w.npz.13.tmp")
    mg.save({"w": mg.ones(1)}, tmp_path / "w.npz")
    assert sorted(os.listdir(tmp_path)) == sorted([*others, ".w.npz.12.tmp", ".w.npz.13.tmp", "w.npz"])


@posix
def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "data").mkdir()
    for name in ("there.npz", "not_yet.npz"):
        link, target = tmp_path / name, tmp_path / "data" / f"the_{name}"
        link.symlink_to(f"data/the_{name}")
        if name == "there.npz":
            save_npz(target, {"a": np.zeros(1)})
        save_npz(link, {"a": np.ones(1)})
        assert link.is_symlink() and not target.is_symlink() and content(target) == content(link) == 1
    assert sorted(os.listdir(tmp_path)) == ["data", "not_yet.npz", "there.npz"] and len(os.listdir(tmp_path / "data")) == 2
    loop = tmp_path / "loop.npz"
    loop.symlink_to("loop.npz")
    with pytest.raises(OSError) as error:
        save_npz(loop, {"a": np.ones(1)})
    assert error.value.errno == errno.ELOOP and loop.is_symlink()


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444, 0o666])
def test_permissions_stay(tmp_path, mode):
    path = tmp_path / "w.npz"
    save_npz(path, {"a": np.zeros(1)})
    path.chmod(mode)
    seen = []
    write_atomically(path, lambda file: seen.append(os.fstat(file.fileno()).st_mode))
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(seen[0]) == mode


@posix
@pytest.mark.parametrize(("mask", "left"), [(0o027, 0o640), (0, 0o666)])
def test_a_new_file_has_the_permissions_that_the_mask_leaves(tmp_path, mask, left):
    before = os.umask(mask)
    try:
        save_npz(tmp_path / "w.npz", {"a": np.zeros(1)})
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "w.npz").stat().st_mode) == left


@pytest.mark.parametrize("stem", ["w" * 251, "é" * 125, "w" * 210], ids=["ascii", "utf-8", "between"])
def test_names_as_long_as_names_can_be(tmp_path, stem):
    path = tmp_path / f"{stem}.npz"
    for _ in range(2):
        mg.save({"a": mg.ones(3)}, path)
    assert mg.load(path)["a"].tolist() == [1, 1, 1] and os.listdir(tmp_path) == [path.name]


@posix
def test_what_is_no_file_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe.npz")
    with pytest.raises(OSError, match=r"pipe.npz is not a regular file"):
        save_npz(tmp_path / "pipe.npz", {"a": np.ones(1)})
    assert stat.S_ISFIFO((tmp_path / "pipe.npz").stat().st_mode) and os.listdir(tmp_path) == ["pipe.npz"]
