"""What several ranks gain: ``python -m tests.benchmarks.distributed``, with mpi4py and an mpiexec.

Each row trains SimpleConvNet on 28x28 images in batches of 100 with Adam, by one process or by ranks that divide the batch.
A table in Markdown has the images for each second of the clock, for each second that the cores worked for all ranks, and the
part of the clock's time in which a rank waited for MPI, other ranks included: the best of several rounds.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys

from tests.benchmarks.__main__ import describe_machine

PROGRAM = """
import sys, time
import numpy as np
import minigrad as mg
from minigrad import distributed as dist
from minigrad.distributed.process_group import process_group

steps, warm = int(sys.argv[1]), 5
mg.config.keep_memory()
dist.init_process_group("mpi")
rank, ranks = dist.get_rank(), dist.get_world_size()
mg.manual_seed(0)
net = mg.models.SimpleConvNet()
x, t = np.random.default_rng(0).random((100, 1, 28, 28)).astype(np.float32), np.arange(100) % 10
x, t = mg.tensor(x[rank::ranks]), t[rank::ranks]
optimizer, group = mg.optim.Adam(net.parameters()), process_group("benchmark")
together = mg.nn.parallel.DistributedDataParallel(net)
for step in range(steps + warm):
    if step == warm:
        dist.barrier()
        group.waited, started, worked = 0.0, time.perf_counter(), time.process_time()
    optimizer.zero_grad()
    mg.nn.functional.cross_entropy(together(x), t).backward()
    optimizer.step()
waited, spent, work = group.waited, time.perf_counter() - started, mg.tensor([time.process_time() - worked]).double()
dist.all_reduce(work)
if rank == 0:
    print(100 * steps / spent, 100 * steps / work.item(), waited / spent)
"""
ROWS = [(1, 2), (1, 1), (2, 1)]  # ranks, threads of each
COLUMNS = ("ranks", "threads of each", "images per second", "per second of work", "waiting for MPI")


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.distributed", description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=100, help="of each row and round; default: 100")
    parser.add_argument("--rounds", type=int, default=3, help="default: 3")
    args = parser.parse_args()
    print(f"{describe_machine().rpartition('; ')[0]}\n\n| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    for ranks, threads in ROWS:
        by_clock, by_work, waiting = zip(*(measure(ranks, threads, args.steps) for _ in range(args.rounds)), strict=True)
        print(f"| {ranks} | {threads} | {max(by_clock):,.0f} | {max(by_work):,.0f} | {min(waiting):.0%} |", flush=True)


def measure(ranks, threads, steps):
    """Images per second of the clock and of work, and the part of the time in which rank 0 waited."""
    beside = shutil.which("mpiexec", path=os.path.dirname(sys.executable)) or "mpiexec"
    env = os.environ | dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), str(threads))
    line = [beside, "-n", str(ranks), sys.executable, "-c", PROGRAM, str(steps)]
    done = subprocess.run(line, capture_output=True, text=True, check=True, env=env)
    return map(float, done.stdout.split())


if __name__ == "__main__":
    main()
