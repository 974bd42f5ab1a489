"""The record of each epoch, and the table printed during training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["HEADER", "Epoch", "History", "best_epoch", "row"]


class Epoch(NamedTuple):
    """The results of one epoch; accuracies are within 0..1, `grad_norm` is that of the last step, before clipping.

    >>> epoch = Epoch(1, 2.1, 0.4, 2.2, 0.3, 0.001, 1.5, 9000.0, 0.2)
    >>> epoch.acc, epoch.val_acc
    (0.4, 0.3)
    """

    epoch: int
    loss: float
    acc: float
    val_loss: float
    val_acc: float
    lr: float
    grad_norm: float
    images_per_s: float
    seconds: float


class History(list[Epoch]):
    """The list of epochs, shown as a table in notebooks.

    >>> History([Epoch(1, 2.1, 0.4, 2.2, 0.3, 0.001, 1.5, 9000.0, 0.2)])._repr_html_().count("<tr>")
    2
    """

    def _repr_html_(self) -> str:
        lines = [HEADER.split(), *(row(epoch).split() for epoch in self)]
        cells = ("".join(f"<td>{text}</td>" for text in line) for line in lines)
        return "<table>" + "".join(f"<tr>{line}</tr>" for line in cells) + "</table>"


def best_epoch(history: Sequence[Epoch]) -> Epoch:
    """Return the epoch with the highest `val_acc`; of several the one with the lowest `val_loss`."""
    return max(history, key=lambda epoch: (epoch.val_acc, -epoch.val_loss))


HEADER = "epoch      loss     acc  val_loss  val_acc        lr    |grad|    img/s    time"


def row(e: Epoch) -> str:
    """Return the epoch as a row below `HEADER`."""
    return (
        f"{e.epoch:5d}  {e.loss:8.4f}  {e.acc:6.2%}  {e.val_loss:8.4f}  {e.val_acc:7.2%}  {e.lr:8.2g}  {e.grad_norm:8.4f}  "
        f"{e.images_per_s:7.0f}  {e.seconds:5.1f}s"
    )
