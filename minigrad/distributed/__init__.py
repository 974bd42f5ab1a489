"""Processes that train together, over MPI, under the names of `torch.distributed`.

``mpiexec -n 4 python program.py`` starts four processes of one program, the ranks 0 to 3. Each calls `init_process_group`,
computes on its own share of the data, and meets the others in collective operations, which all ranks call in the same order.
`nn.parallel.DistributedDataParallel` averages gradients, `data.DistributedSampler` divides a dataset, and the Trainer and
``minigrad train`` do both by themselves. A rank that fails ends the whole run with its own traceback.

It needs mpi4py and an MPI: ``pip install mpi4py mpich`` (the extra named distributed). There is one group, of all ranks.
"""

from minigrad.distributed.collectives import (
    ReduceOp,
    all_gather,
    all_gather_object,
    all_reduce,
    barrier,
    broadcast,
    broadcast_object_list,
    reduce,
)
from minigrad.distributed.launch import is_available, is_torchelastic_launched
from minigrad.distributed.process_group import (
    Work,
    destroy_process_group,
    get_backend,
    get_rank,
    get_world_size,
    init_process_group,
    is_initialized,
)

is_mpi_available = is_available

__all__ = [
    "ReduceOp", "Work", "all_gather", "all_gather_object", "all_reduce", "barrier", "broadcast",
    "broadcast_object_list", "destroy_process_group", "get_backend", "get_rank", "get_world_size",
    "init_process_group", "is_available", "is_initialized", "is_mpi_available", "is_torchelastic_launched",
    "reduce",
]  # fmt: skip
