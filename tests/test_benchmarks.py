"""The parts of the benchmarks that compute: fits, tables and pages, and that nothing is timed that differs."""

import json
import re
import shutil
import subprocess
import sys

import pytest

from tests.benchmarks import __main__ as command
from tests.benchmarks import growth, pages, tables, worker, workloads
from tests.benchmarks.tables import Measured, Run


def fake(workload, peers, rounds=3, threads=None, processor_time=False):
    """Measurements in which each peer takes one millisecond more, and one megabyte, than the peer before it."""
    seconds = {peer: [place * 1e-3] * rounds for place, peer in enumerate(peers, 1)}
    return Measured(seconds, {peer: place * 10**6 for place, peer in enumerate(peers, 1)})


@pytest.fixture
def run():
    names = [workload for table in tables.TABLES.values() for workload in table.workloads]
    return Run({name: fake(name, workloads.PEERS.get(name, workloads.BOTH)) for name in names}, 3, "2001-02-03")


@pytest.fixture
def copies(tmp_path, monkeypatch):
    """The pages, copied to a folder in which they may be written."""
    for page in pages.PAGES:
        (tmp_path / page).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(pages.ROOT / page, tmp_path / page)
    monkeypatch.setattr(pages, "ROOT", tmp_path)
    monkeypatch.setattr(command, "installed", lambda peer: True)
    monkeypatch.setattr(command.os, "getloadavg", lambda: (0.1, 0.1, 0.1))
    return {page: tmp_path / page for page in pages.PAGES}


def outside(text):
    """What no block has."""
    return re.sub(r"<!-- benchmarks: (.*?) -->.*?<!-- end of \1 -->", r"<!-- \1 -->", text, flags=re.DOTALL)


def test_the_exponent_of_a_power_is_found():
    assert growth.exponent((1, 2, 4, 8), [3 * size**1.5 for size in (1, 2, 4, 8)]) == pytest.approx(1.5)


def test_growth_is_fitted_through_medians_for_each_peer():
    measured = [{"minigrad": [size, size, 1e6], "pytorch": [size**2] * 3} for size in growth.SIZES["depth"]]
    found = growth.exponents("depth", measured)
    assert found == pytest.approx({"minigrad": 1, "pytorch": 2})
    cells = growth.cells(
        "depth", [{peer: [s / 1e4 for s in times] for peer, times in seconds.items()} for seconds in measured]
    )
    assert cells[1:] == ["10, 20, 40, 80, 160", "1, 2, 4, 8, 16", "10, 40, 160, 640, 2.56e+03", "1.00", "2.00"]
    assert growth.cells("depth", [{"minigrad": seconds["minigrad"]} for seconds in measured])[3::2] == ["", ""]


def test_growth_needs_every_size(run):
    assert len(growth.measured("width", run.measured)) == 5
    del run.measured["growth: width 512"]
    assert growth.measured("width", run.measured) == []
    assert [line.split("|")[1][:7] for line in tables.growths(run).splitlines()[-2:]] == [" layers", " batch "]


class Worker:
    def __init__(self, loss):
        self.answers = iter([f"{loss} {loss} {loss}\n", *["0.5 0.25 1000\n"] * 3])
        self.stdin = self.stdout = self

    def readline(self):
        return next(self.answers)

    def write(self, line): ...
    def flush(self): ...
    def close(self): ...
    def wait(self): ...


def test_what_computes_something_else_is_not_timed(monkeypatch):
    losses = {"minigrad": 1.0, "pytorch": 1.001}
    monkeypatch.setattr(command, "start", lambda workload, peer, threads: Worker(losses[peer]))
    monkeypatch.setattr(command, "REST", 0)
    with pytest.raises(SystemExit, match="mlp: pytorch computes"):
        command.measure("mlp", ["minigrad", "pytorch"], 1)
    losses["pytorch"] = float("nan")
    with pytest.raises(SystemExit, match="mlp: pytorch computes"):
        command.measure("mlp", ["minigrad", "pytorch"], 1)
    losses["pytorch"] = 1.00001
    seconds, peaks = command.measure("mlp", ["minigrad", "pytorch"], 1)
    assert seconds == {"minigrad": [0.5], "pytorch": [0.5]} and peaks == {"minigrad": 1000, "pytorch": 1000}
    assert command.measure("mlp", ["minigrad"], 1, processor_time=True).seconds == {"minigrad": [0.25]}


def test_the_peak_of_memory_is_that_of_the_program():
    program = """
import mmap
import numpy as np
from tests.benchmarks.worker import watch_memory
data = np.ones(5_000_000)
peak = watch_memory()
with open(np._core._multiarray_umath.__file__, "rb") as file:
    code = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
read = sum(code[start] for start in range(0, len(code), 4096))
np.ones(10_000_000)
print(peak(), len(code))
"""
    printed = subprocess.run([sys.executable, "-c", program], cwd=pages.ROOT, capture_output=True, text=True, check=True)
    peak, code = map(int, printed.stdout.split())
    assert code > 8e6 and 79e6 < peak < (85e6 if worker.CLEAR.exists() else 100e6)


def test_every_peer_has_a_label_and_is_installed_or_known_to_be_missing(monkeypatch):
    peers = {peer for known in workloads.PEERS.values() for peer in known}
    assert peers <= workloads.LABELS.keys() and workloads.PACKAGES.keys() <= workloads.LABELS.keys()
    monkeypatch.setattr(workloads.importlib.util, "find_spec", lambda package: None)
    assert {peer for peer in peers if workloads.installed(peer)} == {
        "minigrad",
        "minigrad-without-scopes",
        "book-style",
        "book-style-float64",
    }
    monkeypatch.setattr(workloads.importlib.util, "find_spec", lambda package: package != "scipy")
    assert "autograd" in {peer for peer in peers if not workloads.installed(peer)}
    monkeypatch.setattr(workloads.importlib.util, "find_spec", lambda package: package)
    monkeypatch.setattr(workloads.shutil, "which", lambda name: None)
    assert {peer for peer in peers if not workloads.installed(peer)} == {"tinygrad-jit"}


def test_missing_peers_are_named_and_left_out(monkeypatch, capsys):
    monkeypatch.setattr(command, "measure", fake)
    monkeypatch.setattr(command, "installed", lambda peer: workloads.library(peer) not in {"jax", "mygrad"})
    monkeypatch.setattr(tables, "installed", lambda peer: False)
    command.main(["chain", "--json"])
    printed, complained = capsys.readouterr()
    assert complained == "not installed, and left out: JAX, MyGrad\n"
    assert list(json.loads(printed)["seconds"]) == [
        "minigrad",
        "minigrad-without-scopes",
        "pytorch",
        "tinygrad-jit",
        "autograd",
    ]


def test_the_threads_of_every_library_are_set(monkeypatch):
    envs = []
    monkeypatch.setattr(command.subprocess, "Popen", lambda *args, env, **options: envs.append(env))
    command.start("mlp", "pytorch", 3)
    command.start("mlp", "pytorch")
    assert {envs[0][name] for name in tables.THREADS} == {"3"} and "PATH" in envs[0] and envs[1] is None


def test_rows_have_times_ratio_and_peaks(run):
    programs = tables.programs(run).splitlines()
    assert (
        len([line for line in programs if line.endswith(" | 1 ms | 2 ms | 0.50 | 1 / 2 MB |")]) == len(workloads.PEERS) - 2
    )
    assert [line for line in programs if line.endswith(" | 1 ms | 3 ms | 0.33 | 1 / 3 MB |")] == programs[
        -len(workloads.PEERS) :
    ][:2]
    assert "| JAX with `jit`, 4 ms | 0.25 | 1 / 4 MB |" in tables.peers(run)
    assert "| x ** 2 | 1 ms | 2 ms | 0.50 | 1 / 2 MB |" in tables.functions(run)
    run.measured["gpt"].seconds.pop("pytorch")
    assert "| 1 ms | | | 1 / 2 MB |" in tables.programs(run)
    assert "minigrad without what it records" in tables.text("step", run.measured["step"])


def test_a_table_says_how_it_was_measured(run, monkeypatch):
    monkeypatch.setattr(tables, "installed", lambda peer: peer == "pytorch")
    monkeypatch.setattr(tables, "version", lambda package: f"9.8 of {package}")
    for name in tables.THREADS:
        monkeypatch.delenv(name, raising=False)
    for name, table in tables.TABLES.items():
        said = table.render(run).replace("\n", " ")
        assert "PyTorch 9.8 of torch" in said and f"NumPy {tables.np.__version__}" in said, name
        assert "medians of 3 rounds on 2001-02-03;" in said.lower() and "threads as each library chooses" in said, name
    assert "on 2001-02-03, while other programs ran (load 4.0); " in run._replace(load=4.0).caption()
    assert run._replace(threads=1).caption().endswith("; 1 thread")
    assert "on 2001-02-03, processor time of all cores;" in run._replace(processor_time=True).caption()
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert run.caption().endswith("; OMP_NUM_THREADS=7")


def test_the_pages_have_the_blocks_that_are_written():
    for threads in (None, 1):
        pages.check(pages.blocks(threads))
    assert list(pages.blocks(None).values()) == [
        ["overview"],
        ["overview in Korean"],
        ["peers", "programs", "functions", "growth"],
    ]
    marked = {page: re.findall("<!-- benchmarks: (.*?) -->", (pages.ROOT / page).read_text("utf-8")) for page in pages.PAGES}
    assert {page: set(names) for page, names in marked.items()} == {page: set(names) for page, names in pages.PAGES.items()}


def test_write_replaces_the_tables_and_nothing_else(copies, monkeypatch):
    before = {page: path.read_text("utf-8") for page, path in copies.items()}
    monkeypatch.setattr(command, "measure", fake)
    command.main(["--write", "--rounds", "3"])
    after = {page: path.read_text("utf-8") for page, path in copies.items()}
    for page in pages.PAGES:
        assert outside(after[page]) == outside(before[page]) != after[page] != before[page]
    assert "| SimpleConvNet on 28x28, one step of batch 100 with Adam | 1 ms | 3 ms | 5 ms |\n" in after["README.md"]
    assert "| six operations on 4x4, forward and backward | 1 ms | 3 ms | |\n" in after["README.md"]
    assert "| 4x4 행렬에 연산 여섯 개, 순전파와 역전파 | 1 ms | 3 ms | |\n" in after["docs/ko/index.md"]
    command.main(["functions", "--threads", "1", "--write", "--rounds", "3"])
    assert "; 1 thread. Peak" in copies["docs/performance.md"].read_text("utf-8").replace("\n", " ")
    assert copies["README.md"].read_text("utf-8") == after["README.md"]
    command.main(["--write", "--rounds", "3"])
    assert copies["README.md"].read_text("utf-8") == after["README.md"]


@pytest.mark.parametrize("page", pages.PAGES)
def test_without_its_comments_nothing_is_measured_or_written(page, copies, monkeypatch, capsys):
    monkeypatch.setattr(command, "measure", lambda *args: pytest.fail("measured"))
    end = f"<!-- end of {pages.PAGES[page][-1].removesuffix(', 1 thread')} -->"
    text = copies[page].read_text("utf-8")
    for broken in (text.replace(end, ""), text.replace(end, f"{end}{end}"), f"{end}{text.replace(end, '')}"):
        copies[page].write_text(broken, "utf-8")
        before = {path: path.read_text("utf-8") for path in copies.values()}
        with pytest.raises(SystemExit):
            command.main(["--write"])
        assert f"{page} has no table to replace" in capsys.readouterr().err
        assert {path: path.read_text("utf-8") for path in copies.values()} == before


def test_a_page_that_changed_meanwhile_stays_and_the_tables_are_printed(copies, monkeypatch, capsys):
    page = copies["docs/performance.md"]

    def measure(*args):
        page.write_text("changed", "utf-8")
        return fake(*args)

    readme = copies["README.md"].read_text("utf-8")
    monkeypatch.setattr(command, "measure", measure)
    with pytest.raises(SystemExit, match="has no table to replace"):
        command.main(["--write"])
    assert page.read_text("utf-8") == "changed" and copies["README.md"].read_text("utf-8") == readme
    assert "| gelu | 1 ms | 2 ms | 0.50 | 1 / 2 MB |" in capsys.readouterr().out


def test_nothing_is_half_written(copies, monkeypatch, run):
    monkeypatch.setattr(tables.Run, "caption", lambda run, peers=(): "caption" if peers else 1 / 0)
    before = {path: path.read_text("utf-8") for path in copies.values()}
    with pytest.raises(ZeroDivisionError):
        pages.write(pages.blocks(None), run)
    assert {path: path.read_text("utf-8") for path in copies.values()} == before
    assert [path for path in copies["README.md"].parent.iterdir() if path.suffix == ".tmp"] == []


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["gpt", "--write"], "tables are written as a whole, and none of those with gpt is"),
        (["functions", "gpt", "--write"], "none of those with gpt is"),
        (["--write", "--threads", "2"], "no page has a table for 2 threads"),
        (["--write", "--markdown"], "not allowed with"),
        (["ctc"], "workloads are step, chain"),
        (["--threads", "0"], "at least 1"),
        (["--rounds", "0"], "at least 1"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_measured(arguments, message, copies, monkeypatch, capsys):
    monkeypatch.setattr(command, "measure", lambda *args: pytest.fail("measured"))
    with pytest.raises(SystemExit):
        command.main(arguments)
    assert message in capsys.readouterr().err


def test_write_needs_pytorch(copies, monkeypatch, capsys):
    monkeypatch.setattr(command, "installed", lambda peer: peer != "pytorch")
    with pytest.raises(SystemExit):
        command.main(["--write"])
    assert "PyTorch, which is not installed" in capsys.readouterr().err
