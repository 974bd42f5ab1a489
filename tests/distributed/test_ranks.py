"""Several ranks: operations, averaged gradients, equal curves, failures. The programs are in programs.py."""

import os
import re
import time

import numpy as np
import pytest

import minigrad as mg
from tests.distributed import ROOT, needs_mpi, programs, run, succeed

pytestmark = needs_mpi
PROGRAM = "-m", "tests.distributed.programs"


def test_collective_operations_and_the_threads_of_each_rank():
    free = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"))
    threads = succeed(2, *PROGRAM, "collective_operations", **free).split()
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert threads == [str(max(1, processors // 2))] * 2


def test_mistakes_are_noticed_by_all_ranks():
    succeed(2, *PROGRAM, "mistakes")


def test_data_parallel_is_one_process_with_all_batches():
    succeed(2, *PROGRAM, "data_parallel")


def test_the_curve_is_that_of_one_process(tmp_path, monkeypatch):
    monkeypatch.setattr("minigrad.config._default_dtype", None)  # which the program sets
    found = {}
    for ranks in (1, 2, 4):
        path = tmp_path / f"{ranks}.npz"
        programs.curve(path) if ranks == 1 else succeed(ranks, *PROGRAM, "curve", path)
        with np.load(path) as file:
            found[ranks] = dict(file)
    assert len(found[1]) == 8 and found[1]["history"][-1, 0] < 1.0 < found[1]["history"][0, 0]
    for ranks in (2, 4):
        for name, wanted in found[1].items():
            assert np.abs(found[ranks][name] - wanted).max() < 1e-10, (ranks, name)


def test_dropout_differs_by_rank_and_an_interrupted_run_continues_with_its_bits(tmp_path):
    succeed(2, *PROGRAM, "dropout_and_resuming", tmp_path / "checkpoint.npz")


@pytest.mark.parametrize(
    "how, messages",
    [
        ("raise", [r"\[rank 1\] ZeroDivisionError: on purpose", r"\[rank 1\] Traceback"]),
        ("kill", []),
        ("exit", ["backward number 3: rank 0 waits for rank 1, whose program has ended or left the group"]),
        ("slow", ["backward number 3: rank 0 has waited 3 s for other ranks, the timeout of the group"]),
        ("unequal", [r"rank 0  DistributedDataParallel: backward number 4\n\[rank \d\]   rank 1  barrier\(\)"]),
        ("sync", [r"backward number 2\n\[rank \d\]   rank 1  DistributedDataParallel: backward number 3"]),
    ],
)
def test_a_rank_that_fails_ends_all(how, messages):
    started = time.monotonic()
    done = run(2, *PROGRAM, "failing", how)
    assert done.returncode not in (0, None) and time.monotonic() - started < 25  # of 30 s that a rank would sleep
    for message in messages:
        assert re.search(message, done.stderr), done.stderr


@pytest.mark.parametrize(
    "how, messages",
    [
        ("wrong", ["world_size is 3 on rank 1, but MPI says 2\n", "world_size is 3, but MPI says 2\n"]),
        # Open MPI's launcher ends the others itself.
        ("early", [r"Timeout \(0:00:04\)!\n|Exit code: +3\n", r"in load_mpi\n|Exit code: +3\n"]),
    ],
)
def test_ranks_that_do_not_join_hang_nobody(how, messages):
    done = run(2, *PROGRAM, "joining", how)
    assert done.returncode not in (0, None)
    for message in messages:
        assert re.search(message, done.stderr), done.stderr


@pytest.mark.parametrize(
    "arguments, code, message",
    [
        (["train", "--epochs=x"], 2, "argument --epochs: must be an integer of at least 1, got 'x'"),
        (["train", "--epoks=3"], 2, "unknown option '--epoks=3'; did you mean '--epochs'?"),
        (["trian"], 2, "there is no command 'trian'; did you mean 'train'?"),
        (["train", "--resume=nothing"], 1, "nothing is not a run folder"),
        (["--version"], 0, f"minigrad {mg.__version__}"),
    ],
)
def test_the_first_rank_alone_speaks(arguments, code, message):
    done = run(3, "-m", "minigrad", *arguments)
    text = done.stderr if code else done.stdout
    assert done.returncode == code and text.count(message) == 1 and text.count("usage:") == (code == 2), text


def test_one_rank_of_a_machine_says_that_the_extra_is_missing(tmp_path):
    (tmp_path / "mpi4py.py").write_text('raise ImportError("not here")')
    done = run(3, "-m", "minigrad", "train", PYTHONPATH=os.pathsep.join([str(tmp_path), str(ROOT)]))
    assert done.returncode == 1 and done.stderr.count("needs mpi4py and an MPI (not here)") == 1, done.stderr


def test_the_command_writes_one_run_and_resumes_with_another_number_of_ranks(tmp_path, capsys):
    from minigrad.cli import main

    command = "-m", "minigrad", "train"
    options = "--epochs=2", "--limit-train=330", "--limit-test=100", "--no-report"
    out = succeed(2, *command, *options, f"--out={tmp_path / 'two'}")
    assert len(re.findall("^epoch ", out, re.M)) == len(re.findall("^test accuracy", out, re.M)) == 1
    assert "| 2 processes |" in out
    assert main(["train", f"--resume={tmp_path / 'two'}", "--epochs=3", "--no-report"]) == 0
    assert main(["train", *options, "--epochs=3", f"--out={tmp_path / 'one'}"]) == 0
    capsys.readouterr()
    tables = [np.loadtxt(tmp_path / name / "history.csv", delimiter=",", skiprows=1)[:, :7] for name in ("one", "two")]
    assert tables[0].shape == (3, 7) and np.abs(tables[0] - tables[1]).max() < 1e-4

    succeed(3, *command, f"--resume={tmp_path / 'one'}", "--epochs=4", "--quiet", "--no-report")
    assert len((tmp_path / "one" / "history.csv").read_text().splitlines()) == 5

    done = run(2, *command, "--model=nothing", f"--out={tmp_path / 'none'}")
    assert done.returncode == 1 and done.stderr.count("there is no network 'nothing'") == 1
    assert not (tmp_path / "none").exists()


def test_the_programs_of_the_page(tmp_path):
    page = (ROOT / "docs" / "howto" / "many_processes.md").read_text("utf-8")
    by_trainer, loop = re.findall(r"^```py\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    for name, code in (("trainer", by_trainer), ("loop", loop)):
        (tmp_path / f"{name}.py").write_text(code.replace('"digits.npz"', f'r"{tmp_path / "digits.npz"}"'))
    table = succeed(2, tmp_path / "trainer.py")
    assert len(re.findall(r"^ +\d  ", table, re.M)) == 5 and (tmp_path / "digits.npz").exists()
    losses = [float(line.split()[-1]) for line in succeed(2, tmp_path / "loop.py").splitlines()]
    assert len(losses) == 2 and losses[1] < losses[0]
