"""The processes of ``python -m tests.mutants``: how their ends are judged, and that none outlives the command."""

import argparse
import faulthandler
import os
import pickle
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from tests.mutants.__main__ import DIED, LIVES, ROOT, UNJUDGED, Run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the command needs fork, /proc and prctl")

WITHOUT_TORCH = "import runpy, sys; sys.modules['torch'] = None; runpy.run_module('tests.mutants', run_name='__main__')"


@pytest.fixture
def run():
    return Run(argparse.Namespace(room="func.py", most=1.0, tests=None, map=None, out=None), [], [])


def crash():
    faulthandler.disable()
    os.kill(os.getpid(), signal.SIGSEGV)


def test_a_process_that_crashes_is_a_mutant_that_died(run):
    assert run._fork(crash, 5.0) == (DIED, "SIGSEGV")


def test_an_error_of_the_command_itself_is_no_verdict(run):
    verdict, by = run._fork(lambda: {}["a test"], 5.0)
    assert verdict == UNJUDGED and by.startswith("KeyError: 'a test' (") and "test_command.py" in by
    assert run._fork(lambda: os._exit(3), 5.0) == (UNJUDGED, "its process ended with status 3")


@pytest.mark.parametrize("error", [AttributeError, KeyboardInterrupt, SystemExit])
def test_what_ends_pytest_itself_is_noticed(run, error, monkeypatch):
    """As where a mutant of minigrad's plugin raises in a hook, which no test's report catches."""

    def protocol(item, nextitem):
        if error:
            raise error

    monkeypatch.setattr("tests.mutants.__main__._restrict_memory", lambda: None)
    monkeypatch.setattr("tests.mutants.__main__._key", lambda code: "f")
    items = {"a": SimpleNamespace(config=SimpleNamespace(hook=SimpleNamespace(pytest_runtest_protocol=protocol)))}
    work = SimpleNamespace(defaults=None), [(None, None)], {"f": []}, items, ["a"]
    assert run._patched(*work) == (DIED, "a")
    error = None
    assert run._patched(*work) == (LIVES, "")


def twice(x):
    return x + x


def test_lines_that_a_forked_process_runs_are_seen(run):
    """Such as the lines of workers that make batches."""

    def protocol(item, nextitem):
        if pid := os.fork():
            os.waitpid(pid, 0)
        else:
            twice(item.number)
            os._exit(0)

    hook = SimpleNamespace(pytest_runtest_protocol=protocol)
    items = [SimpleNamespace(nodeid=name, number=2, config=SimpleNamespace(hook=hook), fixturenames=[]) for name in "ab"]
    run.files = {__file__}
    lines, seconds = run._fork(lambda: run._learn(items), 5.0)
    assert lines[__file__][twice.__code__.co_firstlineno + 1] == {"a", "b"} == set(seconds)


def test_lines_of_what_several_tests_share_are_seen_for_each(tmp_path):
    """The room is progress.py; both tests take a fixture that runs it once."""
    test, kept = tmp_path / "test_shared.py", tmp_path / "map"
    test.write_text("""
import pytest
from minigrad.progress import progress

@pytest.fixture(scope="module")
def bar():
    with progress("", 2, "", 0, False) as bar:
        yield bar

def test_one(bar):
    pass

def test_two(bar):
    pass

def test_three():
    pass
""")
    command = [sys.executable, "-c", WITHOUT_TORCH, "progress.py", "--tests", str(test), "--map", str(kept), "--sample", "1"]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    lines, seconds = pickle.loads(kept.read_bytes())
    assert len(seconds) == 3
    (of_progress,) = lines.values()
    assert {frozenset(name.rpartition("::")[2] for name in names) for names in of_progress.values()} == {
        frozenset({"test_one", "test_two"})
    }


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL], ids=lambda n: n.name)
def test_no_process_outlives_the_command(number, tmp_path):
    """A test is running in a child of a child of the command, and has started a process, too."""
    seen, test = tmp_path / "seen", tmp_path / "test_slow.py"
    test.write_text(f"""
import os, subprocess, time

def test_slow():
    started = subprocess.Popen(["sleep", "100"])
    open({str(seen)!r} + "_", "w").write(f"{{os.getpid()}} {{os.getppid()}} {{started.pid}}")
    os.rename({str(seen)!r} + "_", {str(seen)!r})
    time.sleep(100)
""")
    command = [sys.executable, "-c", WITHOUT_TORCH, "func.py", "--tests", str(test)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(seen.exists, 60)
        children = [int(pid) for pid in seen.read_text().split()]
        assert all(map(_runs, children)) and process.pid not in children
        process.send_signal(number)
        assert process.wait(20) in (-number, 128 + number)
        _wait(lambda: not any(map(_runs, children)), 20)
    finally:
        process.kill()


def _wait(what, seconds):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)


def _runs(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False
