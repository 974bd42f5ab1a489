"""Tables of measurements: in text, as they come, and in Markdown, as the pages have them."""

from __future__ import annotations

import os
import platform
import statistics
import textwrap
from collections.abc import Callable
from importlib.metadata import version
from typing import NamedTuple

import numpy as np

from tests.benchmarks import growth
from tests.benchmarks.workloads import BOTH, FUNCTIONS, LABELS, PACKAGES, PEERS, TITLES, installed, library

# The workloads of README, with their titles in English and in Korean.
OVERVIEW = {
    "step": (
        "SimpleConvNet on 28x28, one step of batch 100 with Adam",
        "28x28 SimpleConvNet, 미니배치 100, Adam의 갱신 한 번",
    ),
    "chain": ("six operations on 4x4, forward and backward", "4x4 행렬에 연산 여섯 개, 순전파와 역전파"),
    "mlp": ("MLP 784-512-512-10, one step of batch 128 with Adam", "MLP 784-512-512-10, 미니배치 128, Adam의 갱신 한 번"),
    "conv": (
        "convolution 64 to 64, 3x3 on 32x32, batch 32",
        "합성곱, 채널 64에서 64로, 필터 3x3, 이미지 32x32, 미니배치 32",
    ),
}
# What sets the number of threads: of OpenMP and BLAS (minigrad obeys these, too), JAX and tinygrad.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC", "NUM_CPU_THREADS")


class Measured(NamedTuple):
    """One workload: the seconds of each peer in each round, and the peak of memory that each needs, in bytes."""

    seconds: dict[str, list[float]]
    peaks: dict[str, int]

    def ratio(self, peer):
        return statistics.median(a / b for a, b in zip(self.seconds["minigrad"], self.seconds[peer], strict=True))

    def times(self):
        """The median of each peer, all in one unit."""
        unit, scale = self.unit()
        return {peer: f"{_short(statistics.median(times) * scale)} {unit}" for peer, times in self.seconds.items()}

    def unit(self):
        return ("ms", 1e3) if statistics.median(self.seconds["minigrad"]) >= 1e-3 else ("us", 1e6)

    def memory(self, peers=BOTH):
        return f"{' / '.join(f'{self.peaks[peer] / 1e6:.0f}' for peer in peers if peer in self.peaks)} MB"


class Run(NamedTuple):
    """What was measured, by workload, and under which circumstances."""

    measured: dict[str, Measured]
    rounds: int
    date: str
    load: float = 0.0
    threads: int | None = None
    processor_time: bool = False

    def caption(self, peers=("pytorch",)):
        """Return what it takes to repeat a table of these peers: rounds, date, machine, versions and threads."""
        clock = ", processor time of all cores" if self.processor_time else ""
        busy = f", while other programs ran (load {self.load:.1f})" if self.load > 0.5 else ""
        rounds = f"medians of {self.rounds} round{'s' * (self.rounds > 1)} on {self.date}{clock}{busy}"
        return f"{rounds}; {describe_machine(peers)}; {describe_threads(self.threads)}"


def describe_machine(peers=()):
    versions = [f"Python {platform.python_version()}", f"NumPy {np.__version__}"]
    used = {library(peer) for peer in peers}
    versions += [f"{LABELS[name]} {version(PACKAGES[name])}" for name in PACKAGES if name in used and installed(name)]
    built = np.show_config(mode="dicts")
    vectors = built["SIMD Extensions"]
    widest = (vectors.get("found") or vectors["baseline"])[-1]
    blas = built["Build Dependencies"]["blas"]
    model = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo") as file:
            model = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), model)
    cores = len(os.sched_getaffinity(0))
    return f"{model}, {cores} cores, {widest}, {blas['name']} {blas['version']}; {', '.join(versions)}"


def describe_threads(threads):
    if threads:
        return f"{threads} thread{'s' * (threads > 1)}"
    return (
        ", ".join(f"{name}={os.environ[name]}" for name in THREADS if name in os.environ)
        or "threads as each library chooses"
    )


def text(workload, measured):
    """Return a table of one workload for the terminal, with a row for each peer."""
    unit, scale = measured.unit()
    width = max(map(len, LABELS.values())) + 2
    columns = f"{'median ' + unit:>12}{'min':>9}{'max':>9}{'minigrad / peer':>18}{'peak MB':>10}"
    lines = [f"\n{TITLES.get(workload, workload)}", f"{'':{width}}{columns}"]
    for peer, times in measured.seconds.items():
        figures = [statistics.median(times) * scale, min(times) * scale, max(times) * scale]
        shown = "".join(f"{figure:{columns}.2f}" for figure, columns in zip(figures, (12, 9, 9), strict=True))
        lines.append(f"{LABELS[peer]:{width}}{shown}{measured.ratio(peer):18.2f}{measured.peaks[peer] / 1e6:10.1f}")
    return "\n".join(lines)


def overview(run):
    return _overview(run, f"Float32, libraries measured in turn; {run.caption()}:", ("workload", "plain NumPy layers"), 0)


def overview_in_korean(run):
    begin = f"float32, 라이브러리를 번갈아 가며 측정했습니다({run.caption()})."
    return _overview(run, begin, ("작업", "넘파이로만 작성한 계층"), 1)


def _overview(run, begin, words, language):
    def row(name):
        times = run.measured[name].times()
        return [OVERVIEW[name][language], *(times.get(peer, "") for peer in (*BOTH, "book-style"))]

    rows = [row(name) for name in OVERVIEW if name in run.measured]
    return _page(begin, (words[0], "minigrad", "PyTorch", words[1]), rows)


def peers(run):
    """The workloads that more than PyTorch can do, with a row for each peer."""

    def rows(name):
        measured, (ours, *others) = run.measured[name], run.measured[name].times().items()
        first = [TITLES[name], ours[1]]
        for peer, time in others:
            if library(peer) != "minigrad":
                cells = [f"{LABELS[peer]}, {time}", f"{measured.ratio(peer):.2f}", measured.memory(("minigrad", peer))]
                yield [*first, *cells]
                first = ["", ""]

    found = [row for name in TABLES["peers"].workloads if name in run.measured for row in rows(name)]
    begin = _sentence(run, {peer for measured in run.measured.values() for peer in measured.seconds})
    return _page(begin, ("workload", "minigrad", "peer", "ratio", "peak memory"), found)


def programs(run):
    """All workloads, beside PyTorch."""
    return _beside_pytorch(run, "programs", "work", TITLES.get)


def functions(run):
    """Single functions, beside PyTorch."""
    return _beside_pytorch(run, "functions", "function", FUNCTIONS.get)


def _beside_pytorch(run, table, head, title):
    def row(name):
        measured, times = run.measured[name], run.measured[name].times()
        ratio = f"{measured.ratio('pytorch'):.2f}" if "pytorch" in times else ""
        return [title(name), *(times.get(peer, "") for peer in BOTH), ratio, measured.memory()]

    rows = [row(name) for name in TABLES[table].workloads if name in run.measured]
    return _page(_sentence(run), (head, "minigrad", "PyTorch", "ratio", "peak memory"), rows)


def growths(run):
    """How time grows with depth, width and batch, for the kinds of which every size was measured."""
    measured = {kind: growth.measured(kind, run.measured) for kind in growth.SIZES}
    rows = [growth.cells(kind, seconds) for kind, seconds in measured.items() if seconds]
    return _page(f"How time grows with a network; {run.caption()}.", growth.HEAD, rows)


def _sentence(run, peers=("pytorch",)):
    caption = run.caption(peers)
    return f"{caption[0].upper()}{caption[1:]}. Peak memory is that beside imports and data, of minigrad and of the peer."


def _page(begin, head, rows):
    """Return a sentence and a table in Markdown."""
    lines = [_row(head), f"|{'---|' * len(head)}", *map(_row, rows)]
    return "\n".join([textwrap.fill(begin, 125, break_on_hyphens=False), "", *lines])


def _row(cells):
    return "|" + "".join(f" {cell} |" if cell else " |" for cell in cells)


def _short(number):
    """Three digits, or all of those before the point."""
    return f"{number:.3g}" if number < 1000 else f"{number:.0f}"


class Table(NamedTuple):
    """A table of the pages: the workloads that it shows, and the function that makes it from a run."""

    workloads: tuple[str, ...]
    render: Callable[[Run], str]


TABLES = {
    "overview": Table(tuple(OVERVIEW), overview),
    "overview in Korean": Table(tuple(OVERVIEW), overview_in_korean),
    "peers": Table((*OVERVIEW, "gpt"), peers),
    "programs": Table(tuple(PEERS), programs),
    "functions": Table(tuple(FUNCTIONS), functions),
    "growth": Table(tuple(growth.WORKLOADS), growths),
}


def shows(name, run):
    """Whether a run measured something that a table shows."""
    return not run.measured.keys().isdisjoint(TABLES[name].workloads)
