"""One peer in a process of its own: reads how often to run from stdin, answers with what one run took and needs.

An answer has seconds of the clock, seconds in which a core worked, and the peak of memory in bytes. A process for each peer,
so that the allocator's settings, thread pools and imports of one do not help or hurt another.
"""

from __future__ import annotations

import re
import resource
import sys
import time
from pathlib import Path

from tests.benchmarks import workloads

SECONDS = 1.0  # after which a timing ends, however often the function has run
WARM = 0.05  # seconds of runs before a timing: the first run after a rest took two to five times as long (virtual machine)
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def main(workload, peer):
    run = workloads.make(workload, peer)
    peak = watch_memory()
    value = getattr(run, "value", run)
    print(" ".join(repr(float(value())) for _ in range(3)), flush=True)
    for line in sys.stdin:
        rested = time.perf_counter()
        run()
        while time.perf_counter() - rested < WARM:
            run()
        clock, work, ended = time.perf_counter(), time.process_time(), 0
        while ended < int(line) and (not ended or time.perf_counter() - clock < SECONDS):
            run()
            ended += 1
        print((time.perf_counter() - clock) / ended, (time.process_time() - work) / ended, peak(), flush=True)


def watch_memory():
    """Return a function that gives the peak of memory since now, beside what is held now.

    It is the largest memory of the process that is not read from files. Called before the first run, it counts arrays,
    graphs, buffers, compiled programs and blocks that a library keeps, and neither imports, data and parameters nor the
    code that a first run reads (10 MB of PyTorch's). Runs are repeated, so that the peak comes after all code was read.

    Linux forgets earlier peaks on request. Elsewhere the peak is that of the whole process, code included, and unseen below
    what imports needed and gave back.
    """
    try:
        CLEAR.write_text("5")
        before = (held := _status())["VmRSS"] - held["RssFile"]
        return lambda: max(0, (now := _status())["VmHWM"] - now["RssFile"] - before)
    except (OSError, KeyError):
        unit = 1 if sys.platform == "darwin" else 1024
        started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return lambda: (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - started) * unit


def _status():
    """The sizes of this process, in bytes."""
    return {name: int(size) * 1024 for name, size in re.findall(r"^(\w+):\s*(\d+) kB$", STATUS.read_text(), re.MULTILINE)}


if __name__ == "__main__":
    main(*sys.argv[1:])
