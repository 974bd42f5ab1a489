"""minigrad beside its peers: ``python -m tests.benchmarks``.

All peers first compute the same losses from the same numbers; then they are timed in turn, round by round, and the table
gives medians, and the median of the ratios within a round, which holds where the machine's speed drifts.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import sys
import time

import numpy as np

from tests.benchmarks import growth, pages, tables
from tests.benchmarks.tables import THREADS, Measured, describe_machine, describe_threads
from tests.benchmarks.workloads import BOTH, FUNCTIONS, LABELS, PEERS, installed, library, repeats

# Seconds of rest before each timing: OpenMP's threads spin for 200 ms after their work, on the cores of the next peer
# (without it a step of ours took 18 ms right after PyTorch's, 13 ms alone).
REST = 0.3
GROUPS = {"functions": FUNCTIONS, "growth": growth.WORKLOADS}


def main(arguments=None):
    args, chosen, blocks = _plan(arguments)
    load, today = os.getloadavg()[0], datetime.date.today().isoformat()
    run = tables.Run({}, args.rounds, today, load, args.threads, args.processor_time)
    known = {peer for workload in chosen for peer in PEERS.get(workload, BOTH)}
    missing = sorted({LABELS[library(peer)] for peer in known if not installed(peer)})
    if missing:
        print(f"not installed, and left out: {', '.join(missing)}", file=sys.stderr)
    if not args.json:
        print(f"{describe_machine(known)}; {describe_threads(args.threads)}")
    for workload in chosen:
        peers = [peer for peer in PEERS.get(workload, BOTH) if installed(peer)]
        measured = run.measured[workload] = measure(workload, peers, args.rounds, args.threads, args.processor_time)
        line = json.dumps({"workload": workload, **measured._asdict()})
        print(line if args.json else tables.text(workload, measured), flush=True)
    _conclude(run, args, blocks)


def _plan(arguments):
    """Return the options, the workloads to measure, and the blocks to write by page; exits where they cannot be had."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__.splitlines()[0])
    choices = [*PEERS, *GROUPS]
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=f"of {', '.join(choices)}; default: all")
    parser.add_argument("--rounds", type=int, default=20, help="default: 20")
    parser.add_argument("--threads", type=int, help="of every library; default: as each chooses")
    parser.add_argument("--processor-time", action="store_true", help="count the seconds that cores work, for busy machines")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one line of JSON for each workload")
    form.add_argument("--markdown", action="store_true", help="print the tables in Markdown, too")
    form.add_argument("--write", action="store_true", help="write the tables into README.md and docs")
    args = parser.parse_args(arguments)
    if set(args.workloads) - set(choices) or args.rounds < 1 or (args.threads is not None and args.threads < 1):
        parser.error(f"workloads are {', '.join(choices)}; rounds and threads are at least 1")
    chosen = [workload for name in args.workloads or choices for workload in GROUPS.get(name, (name,))]
    if not args.write:
        return args, chosen, {}
    if not installed("pytorch"):
        parser.error("the tables compare with PyTorch, which is not installed")
    try:
        blocks = pages.blocks(args.threads, chosen if args.workloads else ())
        pages.check(blocks)
    except ValueError as error:
        parser.error(str(error))
    return args, pages.needed(blocks), blocks


def _conclude(run, args, blocks):
    """Print what follows from several workloads, or write the pages."""
    fitted = [kind for kind in growth.SIZES if growth.measured(kind, run.measured)]
    if args.json:
        for kind in fitted:
            exponents = growth.exponents(kind, growth.measured(kind, run.measured))
            print(json.dumps({"workload": f"growth: {kind}", "sizes": growth.SIZES[kind], "exponents": exponents}))
    elif fitted and not args.write:
        print(f"\n{tables.growths(run)}")
    if args.markdown:
        shown = [name for name in ("overview", "peers", "programs", "functions") if tables.shows(name, run)]
        print("".join(f"\n{tables.TABLES[name].render(run)}\n" for name in shown))
    if args.write:
        try:
            pages.write(blocks, run)
        except ValueError as error:  # a page was changed meanwhile
            print("".join(f"\n{tables.TABLES[name].render(run)}\n" for name in pages.tables(blocks)))
            raise SystemExit(str(error)) from None
        print(f"\nwritten: {', '.join(blocks)}")


def measure(workload, peers, rounds, threads=None, processor_time=False):
    """Time the peers in turn, each in a process of its own.

    Raises SystemExit where they do not compute the same.
    """
    workers = {peer: start(workload, peer, threads) for peer in peers}
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
                seconds[peer].append(float(ask(worker, repeats(workload)).split()[processor_time]))
        return Measured(seconds, {peer: int(ask(worker, 1).split()[2]) for peer, worker in workers.items()})
    finally:
        for worker in workers.values():
            worker.stdin.close()
            worker.wait()


def start(workload, peer, threads=None):
    command = [sys.executable, "-m", "tests.benchmarks.worker", workload, peer]
    env = os.environ | dict.fromkeys(THREADS, str(threads)) if threads else None
    return subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def ask(worker, repeats=None):
    if repeats is not None:
        worker.stdin.write(f"{repeats}\n")
        worker.stdin.flush()
    answer = worker.stdout.readline()
    if not answer:
        raise SystemExit(f"{' '.join(worker.args[2:])}: the worker died")
    return answer


if __name__ == "__main__":
    main()
