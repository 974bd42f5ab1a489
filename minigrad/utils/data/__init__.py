"""`minigrad.data` under PyTorch's path: ``from minigrad.utils.data import DataLoader``."""

import importlib as _importlib

from minigrad.data import *

for _path in ("dataloader", "dataset", "distributed", "sampler"):
    _importlib.import_module(f"minigrad.utils.data.{_path}")
