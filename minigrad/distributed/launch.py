"""How a process was started: by itself, or by mpiexec as one of several; and its share of the machine's processors."""

from __future__ import annotations

import faulthandler
import importlib.util
import os
from typing import Any

from minigrad.kernels.threads import VARIABLES, processors, set_blas_threads, set_threads

__all__ = [
    "divide_threads", "is_available", "is_torchelastic_launched", "launched_rank", "launched_ranks", "load_mpi",
]  # fmt: skip

# Where launchers write the number of processes, and that of this one among all and among those of its machine: MPICH,
# Intel MPI and srun --mpi=pmi2; Open MPI; srun.
SIZES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS")
RANKS = ("PMI_RANK", "OMPI_COMM_WORLD_RANK", "SLURM_PROCID")
LOCAL_RANKS = ("MPI_LOCALRANKID", "OMPI_COMM_WORLD_LOCAL_RANK", "SLURM_LOCALID")


def is_available() -> bool:
    """Return whether mpi4py is installed.

    >>> import minigrad as mg
    >>> mg.distributed.is_initialized()
    False
    """
    return importlib.util.find_spec("mpi4py") is not None


def is_torchelastic_launched() -> bool:
    """Return False: processes are started by mpiexec.

    >>> import minigrad as mg
    >>> mg.distributed.is_torchelastic_launched()
    False
    """
    return False


def launched_ranks() -> int:
    """Return the number of processes that the launcher of this one has started, 1 without a launcher."""
    return max(1, _largest(SIZES))


def launched_rank(on_machine: bool = False) -> int:
    """Return the number of this process among those that its launcher has started; `on_machine`: among those here."""
    return _largest(LOCAL_RANKS if on_machine else RANKS) if launched_ranks() > 1 else 0


def _largest(names: tuple[str, ...]) -> int:
    return max([0, *(int(text) for name in names if (text := os.environ.get(name, "")).isdecimal())])


def load_mpi(seconds: float) -> Any:
    """Import mpi4py's MPI, which initializes MPI; raise ModuleNotFoundError without it, ImportError for a wrong one.

    Initializing waits for all processes of the launcher, outside of Python: after so many seconds this process ends.
    """
    ranks = launched_ranks()
    if ranks > 1:
        faulthandler.dump_traceback_later(seconds, exit=True, file=2)
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:  # a RuntimeError where no library of MPI is found
        raise ModuleNotFoundError(
            f"init_process_group: needs mpi4py and an MPI ({' '.join(str(error).split())})\n"
            "  hint: pip install mpi4py mpich (the extra named distributed), and start with the mpiexec that comes with it",
            name="mpi4py",
        ) from None
    finally:
        if ranks > 1:
            faulthandler.cancel_dump_traceback_later()
    size = MPI.COMM_WORLD.Get_size()
    if size < ranks and size == 1:
        library = MPI.Get_library_version().split("\n")[0].strip("\0")
        raise ImportError(
            f"init_process_group: the launcher has started {ranks} processes, but MPI sees 1: mpi4py uses another "
            "MPI than the launcher\n"
            f"  mpi4py uses  {library}\n"
            "  hint: start with the mpiexec of that MPI; pip install mpich puts one beside python. With srun: --mpi=pmi2"
        )
    return MPI


def divide_threads(machine: Any) -> None:
    """Give each rank of a machine (a communicator of them) its part of the processors, unless the environment decides.

    It is the number of threads of NumPy's OpenBLAS and of large elementwise operations.
    """
    mine = processors()
    shared = set().union(*machine.allgather(mine))
    if not any(map(os.environ.get, VARIABLES)):
        threads = max(1, min(len(mine), len(shared) // machine.Get_size()))
        set_threads(threads)
        set_blas_threads(threads)
