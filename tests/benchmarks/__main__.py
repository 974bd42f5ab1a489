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

from tests.benchmarks.workloads import PEERS, REPEATS, TITLES

# Seconds of rest before each timing: OpenMP's threads spin for 200 ms after their work, on the cores of the next peer
# (without it a step of ours took 18 ms right after PyTorch's, 13 ms alone).
REST = 0.3


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=f"of {', '.join(PEERS)}; default: all")
    parser.add_argument("--rounds", type=int, default=20, help="default: 20")
    parser.add_argument("--json", action="store_true", help="print one line of JSON for each workload")
    args = parser.parse_args()
    if set(args.workloads) - set(PEERS) or args.rounds < 1:
        parser.error(f"workloads are {', '.join(PEERS)}; rounds are at least 1")
    if not args.json:
        print(describe_machine())
    for workload in args.workloads or PEERS:
        peers = [peer for peer in PEERS[workload] if not peer.startswith("pytorch") or importlib.util.find_spec("torch")]
        if len(peers) < len(PEERS[workload]):
            print("PyTorch is not installed: its rows are left out", file=sys.stderr)
        seconds = measure(workload, peers, args.rounds)
        print(json.dumps({"workload": workload, "seconds": seconds}) if args.json else table(workload, seconds))


def measure(workload, peers, rounds):
    """Seconds for each peer and round; raises SystemExit where the peers do not compute the same."""
    workers = {peer: start(workload, peer) for peer in peers}
    try:
        losses = {peer: [float(v) for v in ask(worker).split()] for peer, worker in workers.items()}
        for peer, values in losses.items():
            if not np.allclose(values, losses["minigrad"], rtol=1e-4):
                raise SystemExit(f"{workload}: {peer} computes {values}, minigrad {losses['minigrad']}")
        for worker in workers.values():
            ask(worker, REPEATS[workload])
        seconds = {peer: [] for peer in peers}
        for _ in range(rounds):
            for peer, worker in workers.items():
                time.sleep(REST)
                seconds[peer].append(float(ask(worker, REPEATS[workload])))
        return seconds
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


def table(workload, seconds):
    ours = seconds["minigrad"]
    unit, scale = ("ms", 1e3) if statistics.median(ours) > 1e-3 else ("us", 1e6)
    lines = [f"\n{TITLES[workload]}", f"{'':24}{'median ' + unit:>12}{'min':>9}{'max':>9}{'minigrad / peer':>18}"]
    for peer, times in seconds.items():
        ratio = statistics.median(a / b for a, b in zip(ours, times, strict=True))
        figures = [statistics.median(times), min(times), max(times)]
        lines.append(f"{peer:24}{figures[0] * scale:12.2f}{figures[1] * scale:9.2f}{figures[2] * scale:9.2f}{ratio:18.2f}")
    return "\n".join(lines)


def describe_machine():
    versions = [f"Python {platform.python_version()}", f"NumPy {np.__version__}"]
    if importlib.util.find_spec("torch"):
        from importlib.metadata import version

        versions.append(f"PyTorch {version('torch')}")
    model = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo") as file:
            model = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), model)
    return f"{model}, {len(os.sched_getaffinity(0))} cores; {', '.join(versions)}; threads as each library chooses"


if __name__ == "__main__":
    main()
