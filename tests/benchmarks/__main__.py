"""minigrad beside its peers: ``python -m tests.benchmarks``.

All peers first compute the same losses from the same numbers; then they are timed in turn, round by round, and the table
gives medians, and the median of the ratios within a round, which holds where the machine's speed drifts.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import time

import numpy as np

from tests.benchmarks import growth
from tests.benchmarks.workloads import FUNCTIONS, PEERS, TITLES, repeats

# Seconds of rest before each timing: OpenMP's threads spin for 200 ms after their work, on the cores of the next peer
# (without it a step of ours took 18 ms right after PyTorch's, 13 ms alone).
REST = 0.3
BOTH = ("minigrad", "pytorch")
LIBRARIES = {"PyTorch": "torch"}  # the peers whose versions are part of a measurement


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__.splitlines()[0])
    choices = [*PEERS, "functions", "growth"]
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=f"of {', '.join(choices)}; default: all")
    parser.add_argument("--rounds", type=int, default=20, help="default: 20")
    parser.add_argument("--threads", type=int, help="of every library; default: as each chooses")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one line of JSON for each workload")
    form.add_argument("--markdown", action="store_true", help="print one table of all workloads, beside PyTorch")
    args = parser.parse_args()
    if set(args.workloads) - set(choices) or args.rounds < 1 or (args.threads or 1) < 1:
        parser.error(f"workloads are {', '.join(choices)}; rounds and threads are at least 1")
    if args.threads:
        os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(args.threads))
    if not args.json:
        print(describe_machine(args.threads))
    if args.markdown:
        print("\n| work | minigrad | PyTorch | ratio | peak memory |\n|---|---|---|---|---|")
    missing = False
    chosen = args.workloads or choices
    for workload in _each(name for name in chosen if name != "growth"):
        known = PEERS.get(workload, ("minigrad", "pytorch"))
        peers = [peer for peer in known if not peer.startswith("pytorch") or importlib.util.find_spec("torch")]
        missing = missing or len(peers) < len(known)
        seconds, peaks = measure(workload, peers, args.rounds)
        if args.json:
            print(json.dumps({"workload": workload, "seconds": seconds, "peaks": peaks}))
        else:
            print((markdown if args.markdown else table)(workload, seconds, peaks), flush=True)
    if "growth" in chosen:
        missing = missing or not importlib.util.find_spec("torch")
        grow(args.rounds, args.json)
    if missing:
        print("PyTorch is not installed: its rows are left out", file=sys.stderr)


def grow(rounds, as_json=False):
    """Print how the time of each peer grows, in one table, or in one line of JSON for each kind."""
    peers = [peer for peer in BOTH if peer == "minigrad" or importlib.util.find_spec("torch")]
    if not as_json:
        print(growth.HEAD)
    for kind, sizes in growth.SIZES.items():
        measured = [measure(f"growth: {kind} {size}", peers, rounds)[0] for size in sizes]
        found = growth.exponents(kind, measured)
        if as_json:
            print(json.dumps({"workload": f"growth: {kind}", "sizes": sizes, "seconds": measured, "exponents": found}))
        else:
            print(growth.row(kind, found), flush=True)


def _each(workloads):
    for workload in workloads:
        yield from FUNCTIONS if workload == "functions" else (workload,)


def measure(workload, peers, rounds):
    """Seconds for each peer and round, and the bytes that each needs beside its imports and data.

    Raises SystemExit where the peers do not compute the same.
    """
    workers = {peer: start(workload, peer) for peer in peers}
    try:
        losses = {peer: [float(v) for v in ask(worker).split()] for peer, worker in workers.items()}
        for peer, values in losses.items():
            if not np.allclose(values, losses["minigrad"], rtol=1e-4):
                raise SystemExit(f"{workload}: {peer} computes {values}, minigrad {losses['minigrad']}")
        for worker in workers.values():
            ask(worker, repeats(workload))
        seconds = {peer: [] for peer in peers}
        for _ in range(rounds):
            for peer, worker in workers.items():
                time.sleep(REST)
                seconds[peer].append(float(ask(worker, repeats(workload)).split()[0]))
        return seconds, {peer: int(ask(worker, 1).split()[1]) for peer, worker in workers.items()}
    finally:
        for worker in workers.values():
            worker.stdin.close()
            worker.wait()


def start(workload, peer):
    command = [sys.executable, "-m", "tests.benchmarks.worker", workload, peer]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def ask(worker, repeats=None):
    if repeats is not None:
        worker.stdin.write(f"{repeats}\n")
        worker.stdin.flush()
    answer = worker.stdout.readline()
    if not answer:
        raise SystemExit(f"{' '.join(worker.args[2:])}: the worker died")
    return answer


def table(workload, seconds, peaks):
    unit, scale = _unit(seconds)
    title = TITLES.get(workload, workload)
    lines = [f"\n{title}", f"{'':24}{'median ' + unit:>12}{'min':>9}{'max':>9}{'minigrad / peer':>18}{'peak MB':>10}"]
    for peer, times in seconds.items():
        figures = [statistics.median(times) * scale, min(times) * scale, max(times) * scale]
        shown = "".join(f"{figure:{width}.2f}" for figure, width in zip(figures, (12, 9, 9), strict=True))
        lines.append(f"{peer:24}{shown}{_ratio(seconds, peer):18.2f}{peaks[peer] / 1e6:10.1f}")
    return "\n".join(lines)


def markdown(workload, seconds, peaks):
    unit, scale = _unit(seconds)
    times = [f"{statistics.median(seconds[peer]) * scale:.2f} {unit}" if peer in seconds else "" for peer in BOTH]
    ratio = f"{_ratio(seconds, 'pytorch'):.2f}" if "pytorch" in seconds else ""
    memory = " / ".join(f"{peaks[peer] / 1e6:.0f}" for peer in BOTH if peer in peaks)
    return f"| {TITLES.get(workload, workload)} | {' | '.join(times)} | {ratio} | {memory} MB |"


def _unit(seconds):
    return ("ms", 1e3) if statistics.median(seconds["minigrad"]) > 1e-3 else ("us", 1e6)


def _ratio(seconds, peer):
    return statistics.median(a / b for a, b in zip(seconds["minigrad"], seconds[peer], strict=True))


def describe_machine(threads=None):
    from importlib.metadata import version

    versions = [f"Python {platform.python_version()}", f"NumPy {np.__version__}"]
    versions += [f"{name} {version(package)}" for name, package in LIBRARIES.items() if importlib.util.find_spec(package)]
    built = np.show_config(mode="dicts")
    vectors = built["SIMD Extensions"]
    widest = (vectors.get("found") or vectors["baseline"])[-1]
    blas = built["Build Dependencies"]["blas"]
    model = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo") as file:
            model = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), model)
    chosen = f"{threads} thread{'s' * (threads > 1)}" if threads else "threads as each library chooses"
    machine = f"{model}, {len(os.sched_getaffinity(0))} cores, {widest}, {blas['name']} {blas['version']}"
    return f"{machine}; {', '.join(versions)}; {chosen}"


if __name__ == "__main__":
    main()
