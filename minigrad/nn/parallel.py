"""Wrappers of a module for several devices or processes, of which there is one."""

from __future__ import annotations

from typing import Any

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
    """Call `module`: one process trains alone, so there is no other gradient to average with; see `DataParallel`.

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> nn.parallel.DistributedDataParallel(nn.Linear(2, 1))(mg.zeros(3, 2)).shape
    (3, 1)
    """

    def __init__(self, module: Module, *args: Any, **options: Any):
        super().__init__(module)
