"""Wrappers of a module for several devices, of which there is one, or several processes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from minigrad.distributed.collectives import broadcast
from minigrad.distributed.reducer import Reducer
from minigrad.engine.grad_mode import is_grad_enabled
from minigrad.nn.module import Module

__all__ = ["DataParallel", "DistributedDataParallel"]


class DataParallel(Module):
    """Call `module`, which is an attribute, so that names in the state dict begin with "module.".

    With one CPU there is nothing to divide a batch among, so other options are ignored, as PyTorch does without CUDA.

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> list(nn.DataParallel(nn.Linear(2, 1)).state_dict())
    ['module.weight', 'module.bias']
    """

    def __init__(self, module: Module, device_ids: Any = None, output_device: Any = None, dim: int = 0):
        super().__init__()
        self.module = module

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        return self.module(*inputs, **kwargs)


class DistributedDataParallel(DataParallel):
    """Call `module`, and average the gradients of all ranks in backward, so that their parameters stay the same.

    Every rank wraps the same network and computes the mean loss of its own batch; parameters and buffers of rank 0 are
    copied to the others at the start. The gradients are averaged equally, as in PyTorch: with batches of different sizes
    that is not the mean over all examples (the Trainer weighs them by their number). Operations of MPI begin while backward
    still runs (`distributed.reducer`). Layers such as BatchNorm normalize by the batch of their rank; with
    `broadcast_buffers` the running statistics of rank 0 replace the others' before each recorded forward in training mode.

    `bucket_cap_mb` is the size of the arrays that are reduced at once, 25 MiB by default. A parameter without a gradient
    raises RuntimeError at the end of backward (PyTorch: in the next forward), unless `find_unused_parameters`. A backward
    that not all ranks run raises RuntimeError, too. The other options are accepted and ignored. See
    `distributed.init_process_group`, without which it raises ValueError. (Li et al., 2020, "PyTorch Distributed".)

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> mg.distributed.init_process_group("mpi")  # doctest: +SKIP
    >>> net = nn.parallel.DistributedDataParallel(nn.Linear(2, 1))  # doctest: +SKIP
    >>> net(mg.ones(3, 2)).mean().backward()  # doctest: +SKIP
    """

    def __init__(
        self,
        module: Module,
        device_ids: Any = None,
        output_device: Any = None,
        dim: int = 0,
        broadcast_buffers: bool = True,
        init_sync: bool = True,
        process_group: Any = None,
        bucket_cap_mb: float | None = None,
        find_unused_parameters: bool = False,
        **options: Any,
    ):
        super().__init__(module)
        if not any(p.requires_grad for p in module.parameters()):
            raise ValueError("DistributedDataParallel: no parameter requires a gradient\n  hint: call the module itself")
        self.broadcast_buffers, self.require_backward_grad_sync = broadcast_buffers, True
        self._reducer = Reducer(
            [*module.named_parameters()],
            [*module.named_buffers()],
            megabytes=25 if bucket_cap_mb is None else bucket_cap_mb,
            find_unused=find_unused_parameters,
            owner="DistributedDataParallel",
        )

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        if is_grad_enabled():
            self._reducer.enabled = self.require_backward_grad_sync
            if self.broadcast_buffers and self.training and self.require_backward_grad_sync:
                for buffer in self.module.buffers():
                    broadcast(buffer)
        return self.module(*inputs, **kwargs)

    @contextmanager
    def no_sync(self) -> Iterator[None]:
        """Accumulate gradients without averaging them, if the forward runs within the ``with`` block.

        The first backward of a forward outside it averages the sum.
        """
        before, self.require_backward_grad_sync = self.require_backward_grad_sync, False
        try:
            yield
        finally:
            self.require_backward_grad_sync = before
