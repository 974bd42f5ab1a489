"""One peer in a process of its own: reads how often to run from stdin, answers with the seconds that took, and its memory.

A process for each peer, so that the allocator's settings, thread pools and imports of one do not help or hurt another.
"""

from __future__ import annotations

import resource
import sys
import time

from tests.benchmarks import workloads


def main(workload, peer):
    run = workloads.make(workload, peer)
    before = _peak()
    value = getattr(run, "value", run)
    print(" ".join(repr(float(value())) for _ in range(3)), flush=True)
    for line in sys.stdin:
        repeats = int(line)
        started = time.perf_counter()
        for _ in range(repeats):
            run()
        print(repr((time.perf_counter() - started) / repeats), _peak() - before, flush=True)


def _peak():
    """The largest size of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main(*sys.argv[1:])
