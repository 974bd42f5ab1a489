"""Stop training when a metric stops improving."""

from __future__ import annotations

from typing import Any

from minigrad.kernels.checks import positive_int
from minigrad.training.history import Epoch

__all__ = ["EarlyStopping"]


class EarlyStopping:
    """A callback of the Trainer that ends training when a metric has not improved for `patience` epochs.

    `monitor` is "loss", "acc", "val_loss" or "val_acc", a field of `Epoch`; smaller losses and larger accuracies are better.
    A change by `min_delta` or less is no improvement. The decision depends on the trainer's history alone, so that a resumed
    run stops at the same epoch as an uninterrupted one. Raises ValueError for a patience below 1 or an unknown field.

    >>> stop = EarlyStopping(patience=2, monitor="val_loss")
    >>> stop
    EarlyStopping(patience=2, monitor='val_loss', min_delta=0.0)
    """

    def __init__(self, patience: int = 5, monitor: str = "val_acc", min_delta: float = 0.0):
        if monitor not in ("loss", "acc", "val_loss", "val_acc"):
            raise ValueError(f"EarlyStopping: monitor must be loss, acc, val_loss or val_acc, got {monitor!r}")
        self.patience = positive_int("EarlyStopping", "patience", patience)
        self.monitor, self.min_delta = monitor, min_delta

    def __call__(self, trainer: Any, epoch: Epoch) -> bool:
        """Return whether the best value is at least `patience` epochs old."""
        sign = -1 if self.monitor.endswith("loss") else 1
        best, since = float("-inf"), 0
        for past in trainer.history:
            value = sign * getattr(past, self.monitor)
            if value > best + self.min_delta:
                best, since = value, 0
            else:
                since += 1
        return since >= self.patience

    def __repr__(self) -> str:
        return f"EarlyStopping(patience={self.patience}, monitor={self.monitor!r}, min_delta={self.min_delta})"
