"""TensorBoard's SummaryWriter, from the library tensorboardX, which is imported on first use."""

from __future__ import annotations

import importlib
from typing import Any


def __getattr__(name: str) -> Any:
    if name != "SummaryWriter":
        raise AttributeError(f"utils.tensorboard has no {name!r}", name=name)
    try:
        return importlib.import_module("tensorboardX").SummaryWriter
    except ImportError as error:
        raise ImportError("utils.tensorboard: SummaryWriter needs tensorboardX: pip install tensorboardX") from error
