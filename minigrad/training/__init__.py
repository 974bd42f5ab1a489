"""Training: the Trainer, metrics, and the folders that runs leave behind."""

from minigrad.training.metrics import evaluate
from minigrad.training.run import Run
from minigrad.training.trainer import Epoch, Trainer

__all__ = ["Epoch", "Run", "Trainer", "evaluate"]
