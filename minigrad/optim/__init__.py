"""Optimizers and learning rate schedules, with PyTorch's equations and defaults."""

from minigrad.optim import lr_scheduler
from minigrad.optim.adagrad import AdaGrad, Adagrad
from minigrad.optim.adam import Adam, AdamW
from minigrad.optim.optimizer import Optimizer
from minigrad.optim.rmsprop import RMSprop
from minigrad.optim.sgd import SGD

__all__ = ["OPTIMIZERS", "SGD", "AdaGrad", "Adagrad", "Adam", "AdamW", "Optimizer", "RMSprop", "lr_scheduler"]

# The optimizers by name, for commands and configurations.
OPTIMIZERS: dict[str, type[Optimizer]] = {kind.__name__.lower(): kind for kind in (SGD, Adagrad, RMSprop, Adam, AdamW)}
