"""Ending a training that no longer gets better."""

from __future__ import annotations

from typing import Any

from minigrad.training.history import Epoch

__all__ = ["EarlyStopping"]


class EarlyStopping:
    """A callback that ends the training when a number has not improved for `patience` epochs.

    `monitor` is a field of `Epoch`; of a loss the smallest is best, of an accuracy the largest. An improvement is one by
    more than `min_delta`. Everything follows from the trainer's history, so that a resumed run stops where an uninterrupted
    one would have. Raises ValueError for a patience below 1 or an unknown field.

    >>> stop = EarlyStopping(patience=2, monitor="val_loss")
    >>> stop
    EarlyStopping(patience=2, monitor='val_loss', min_delta=0.0)
    """

    def __init__(self, patience: int = 5, monitor: str = "val_acc", min_delta: float = 0.0):
        if isinstance(patience, bool) or not isinstance(patience, int) or patience < 1:
            raise ValueError(f"EarlyStopping: patience must be an int of at least 1, got {patience!r}")
        if monitor not in ("loss", "acc", "val_loss", "val_acc"):
            raise ValueError(f"EarlyStopping: monitor must be loss, acc, val_loss or val_acc, got {monitor!r}")
        self.patience, self.monitor, self.min_delta = patience, monitor, min_delta

    def __call__(self, trainer: Any, epoch: Epoch) -> bool:
        """Whether the best value is too long ago."""
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
