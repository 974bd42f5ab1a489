"""Optimizers and schedules of their learning rate, with PyTorch's equations and defaults."""

from minigrad.optim import lr_scheduler
from minigrad.optim.adagrad import AdaGrad, Adagrad
from minigrad.optim.adam import Adam, AdamW
from minigrad.optim.optimizer import Optimizer
from minigrad.optim.rmsprop import RMSprop
from minigrad.optim.sgd import SGD

__all__ = ["SGD", "AdaGrad", "Adagrad", "Adam", "AdamW", "Optimizer", "RMSprop", "lr_scheduler"]
