"""Programs of several ranks, which mpiexec starts; skipped without mpi4py and an mpiexec."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MPIEXEC = shutil.which("mpiexec", path=os.path.dirname(sys.executable)) or shutil.which("mpiexec")
needs_mpi = pytest.mark.skipif(
    MPIEXEC is None or importlib.util.find_spec("mpi4py") is None, reason="needs pip install mpi4py mpich"
)
TIMEOUT = 60  # seconds: a rank that hangs fails the test
# Open MPI otherwise refuses more ranks than processors, and the user root.
OPEN_MPI = {"PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe", "OMPI_ALLOW_RUN_AS_ROOT": "1"}
OPEN_MPI |= {"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}


def run(ranks, *command, **environment):
    """Run ``python *command`` on so many ranks; return the finished process."""
    known = {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    env = {key: value for key, value in {**os.environ, **OPEN_MPI, **known, **environment}.items() if value is not None}
    line = [MPIEXEC, "-n", str(ranks), sys.executable, *map(str, command)]
    return subprocess.run(line, capture_output=True, text=True, timeout=TIMEOUT, env=env, cwd=ROOT, check=False)


def succeed(ranks, *command, **environment):
    """Run a program that must succeed on all ranks, and return what it prints."""
    done = run(ranks, *command, **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
