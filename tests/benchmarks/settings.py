"""How settings change the speed of a training: ``python -m tests.benchmarks.settings``.

Each row is one process that trains SimpleConvNet on 28x28 images in batches of 100 with Adam. A table in Markdown has its
images for each second of the clock, and for each second that the cores worked for it, which depends less on what else the
machine does: both the most of several rounds. "Another training" is a second process that does the same at the same time.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from typing import NamedTuple

from tests.benchmarks.tables import describe_machine

PROGRAM = """
import sys, time
import numpy as np
import minigrad as mg

seconds, keep, dtype = float(sys.argv[1]), sys.argv[2] == "True", sys.argv[3]
if keep:
    mg.config.keep_memory()
mg.manual_seed(0)
net = mg.models.SimpleConvNet().to(dtype)
x, t = np.random.default_rng(0).random((100, 1, 28, 28)).astype(dtype), np.arange(100) % 10
optimizer = mg.optim.Adam(net.parameters())
steps, started = -3, time.perf_counter()  # three steps to warm up
while steps < 1 or time.perf_counter() - started < seconds:
    if steps == 0:
        started, worked = time.perf_counter(), time.process_time()
    optimizer.zero_grad()
    net.loss(mg.tensor(x), t).backward()
    optimizer.step()
    steps += 1
print(100 * steps / (time.perf_counter() - started), 100 * steps / (time.process_time() - worked))
"""


class Setting(NamedTuple):
    """A row of the table."""

    threads: int
    keep_memory: bool = True
    beside_another: bool = False
    dtype: str = "float32"


SETTINGS = [
    Setting(1),
    Setting(2),
    Setting(1, keep_memory=False),
    Setting(2, keep_memory=False),
    Setting(1, dtype="float64"),
    Setting(1, beside_another=True),
    Setting(2, beside_another=True),
]
COLUMNS = ("threads", "`keep_memory`", "dtype", "another training", "images per second", "per second of work")
HEAD = f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}"


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.settings", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="of each row and round; default: 5")
    parser.add_argument("--rounds", type=int, default=3, help="default: 3")
    args = parser.parse_args()
    print(f"{describe_machine().rpartition('; ')[0]}\n\n{HEAD}")
    for setting in SETTINGS:
        rounds = [speeds(setting, args.seconds) for _ in range(args.rounds)]
        print(row(setting, *map(max, zip(*rounds, strict=True))), flush=True)


def row(setting, by_the_clock, by_work):
    words = [{False: "no", True: "yes"}[flag] for flag in (setting.keep_memory, setting.beside_another)]
    return f"| {setting.threads} | {words[0]} | {setting.dtype} | {words[1]} | {by_the_clock:,.0f} | {by_work:,.0f} |"


def speeds(setting, seconds):
    """Images for each second of the clock, and for each second of the cores' work."""
    neighbors = [start(setting, seconds=3600)] if setting.beside_another else []
    try:
        printed = start(setting, seconds).communicate()[0]
    finally:
        for neighbor in neighbors:
            neighbor.kill()
            neighbor.communicate()
    return [float(speed) for speed in printed.split()]


def start(setting, seconds):
    threads = str(setting.threads)
    env = os.environ | {"OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
    command = [sys.executable, "-c", PROGRAM, str(seconds), str(setting.keep_memory), setting.dtype]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)


if __name__ == "__main__":
    main()
