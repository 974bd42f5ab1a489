"""Training: the Trainer, metrics, diagnostics, and run folders."""

from minigrad.training.early_stopping import EarlyStopping
from minigrad.training.history import Epoch
from minigrad.training.metrics import evaluate
from minigrad.training.run import Run
from minigrad.training.trainer import Trainer

__all__ = ["EarlyStopping", "Epoch", "Run", "Trainer", "evaluate"]
