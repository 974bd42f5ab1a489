"""Trainer: epochs of shuffled batches, and what happened in each."""

from __future__ import annotations

import difflib
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import numpy as np

from minigrad import optim
from minigrad.config import keep_memory
from minigrad.data import DataLoader, TensorDataset
from minigrad.errors import ShapeError
from minigrad.nn import Module
from minigrad.nn import functional as F
from minigrad.primitive import Array
from minigrad.progress import progress
from minigrad.training.metrics import count_right, evaluate, gradient_norm

__all__ = ["Epoch", "Trainer"]


class Epoch(NamedTuple):
    """What one epoch came to; accuracies in 0..1, the gradient's norm that of the last step."""

    epoch: int
    loss: float
    acc: float
    val_loss: float
    val_acc: float
    lr: float
    grad_norm: float
    images_per_s: float
    seconds: float


HEADER = "epoch      loss     acc  val_loss  val_acc        lr    |grad|    img/s    time"
Callback = Callable[["Trainer", Epoch], Any]


class Trainer:
    """Train a classifier, with the interface of "Deep Learning from Scratch", for any Module and any optimizer here.

    `x_*` are images (N, ...), `t_*` their classes (N,) or one-hot rows. `optimizer` is a name ("SGD", "Adam", ...) or an
    optimizer already made. After each epoch the network is evaluated on the test data (on the first
    `evaluate_sample_num_per_epoch` of them, if given), and each callback is called with the trainer and the `Epoch`; one
    that gives True ends the training.

    `train_loss_list` has a loss for every step. `train_acc_list` and `test_acc_list` have an accuracy for every epoch; the
    first is counted while training, from the one forward pass of each step, unless `evaluate_sample_num_per_epoch` asks
    for an evaluation as in the book.

    >>> import minigrad as mg
    >>> (x, t), (x_test, t_test) = mg.data.load_digits(flatten=False)
    >>> net = mg.models.SimpleConvNet(input_dim=(1, 8, 8))
    >>> trainer = mg.training.Trainer(net, x[:200], t[:200], x_test, t_test, epochs=2, verbose=False)
    >>> trainer.train()
    >>> len(trainer.train_loss_list), len(trainer.test_acc_list)
    (4, 2)
    """

    def __init__(
        self,
        network: Module,
        x_train: Array,
        t_train: Array,
        x_test: Array,
        t_test: Array,
        epochs: int = 20,
        mini_batch_size: int = 100,
        optimizer: str | optim.Optimizer = "Adam",
        optimizer_param: dict[str, Any] | None = None,
        evaluate_sample_num_per_epoch: int | None = None,
        verbose: bool = True,
        *,
        seed: int | None = None,
        callbacks: Sequence[Callback] = (),
    ):
        self.network = network
        self.epochs = _positive("epochs", epochs)
        self.evaluate_sample_num_per_epoch = evaluate_sample_num_per_epoch
        self.verbose = verbose
        self.callbacks = list(callbacks)
        self._train = _pair("train", x_train, t_train)
        self._test = _pair("test", x_test, t_test)
        self.optimizer = _optimizer(optimizer, network, optimizer_param)
        self._loader = DataLoader(
            TensorDataset(*self._train), _positive("mini_batch_size", mini_batch_size), shuffle=True, seed=seed
        )
        self.train_loss_list: list[float] = []
        self.train_acc_list: list[float] = []
        self.test_acc_list: list[float] = []
        self.history: list[Epoch] = []

    def train(self) -> None:
        """Run the epochs that are left, so that a call after an interruption goes on."""
        keep_memory()
        if self.verbose:
            print(HEADER, flush=True)
        while len(self.history) < self.epochs:
            epoch = self._epoch(len(self.history) + 1)
            self.history.append(epoch)
            self.train_acc_list.append(epoch.acc)
            self.test_acc_list.append(epoch.val_acc)
            if self.verbose:
                print(_row(epoch), flush=True)
            verdicts = [callback(self, epoch) for callback in self.callbacks]
            if True in verdicts:
                break

    def train_step(self, x: Any, t: Any) -> tuple[float, int]:
        """One step on one batch: its loss, and how many of its images were classified rightly before the step."""
        self.optimizer.zero_grad()
        scores = self.network(x)
        loss = F.cross_entropy(scores, t)
        loss.backward()
        self.optimizer.step()
        return loss.item(), count_right(scores, t.numpy())

    def _bar(self, title: str) -> AbstractContextManager[Any]:
        return progress(title, len(self._loader), "batch") if self.verbose else nullcontext()

    def _epoch(self, number: int) -> Epoch:
        self.network.train()
        started = time.perf_counter()
        total, right, seen = 0.0, 0, 0
        with self._bar(f"epoch {number}/{self.epochs}") as bar:
            for x, t in self._loader:
                loss, hits = self.train_step(x, t)
                self.train_loss_list.append(loss)
                total, right, seen = total + loss * len(t), right + hits, seen + len(t)
                if bar is not None:
                    bar.set_postfix(loss=f"{total / seen:.4f}", acc=f"{right / seen:.2%}", refresh=False)
                    bar.update()
        trained = time.perf_counter() - started
        n = self.evaluate_sample_num_per_epoch
        (x_train, t_train), (x_test, t_test) = self._train, self._test
        acc = right / seen if n is None else evaluate(self.network, x_train[:n], t_train[:n])[1]
        val_loss, val_acc = evaluate(self.network, x_test[:n], t_test[:n])
        return Epoch(
            epoch=number,
            loss=total / seen,
            acc=acc,
            val_loss=val_loss,
            val_acc=val_acc,
            lr=self.optimizer.param_groups[0]["lr"],
            grad_norm=gradient_norm(self.network),
            images_per_s=seen / trained,
            seconds=time.perf_counter() - started,
        )


def _row(e: Epoch) -> str:
    return (
        f"{e.epoch:5d}  {e.loss:8.4f}  {e.acc:6.2%}  {e.val_loss:8.4f}  {e.val_acc:7.2%}  {e.lr:8.2g}  {e.grad_norm:8.4f}  "
        f"{e.images_per_s:7.0f}  {e.seconds:5.1f}s"
    )


def _pair(name: str, x: Any, t: Any) -> tuple[Array, Array]:
    x, t = np.asarray(x), np.asarray(t)
    if len(x) != len(t):
        raise ShapeError(f"Trainer: x_{name} has {len(x)} images, t_{name} {len(t)} labels")
    if not len(x):
        raise ValueError(f"Trainer: x_{name} is empty")
    return x, t.argmax(1) if t.ndim == 2 else t


def _positive(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"Trainer: {name} must be an int of at least 1, got {value!r}")
    return value


def _optimizer(optimizer: str | optim.Optimizer, network: Module, options: dict[str, Any] | None) -> optim.Optimizer:
    """The optimizer itself, or one made by name for the parameters of the network."""
    if not isinstance(optimizer, str):
        if options is not None:
            raise ValueError("Trainer: optimizer_param goes with the name of an optimizer, not with one already made")
        return optimizer
    known = {kind.lower(): getattr(optim, kind) for kind in optim.__all__ if kind not in ("Optimizer", "lr_scheduler")}
    if optimizer.lower() not in known:
        close = difflib.get_close_matches(optimizer.lower(), known, 1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"Trainer: unknown optimizer {optimizer!r}{hint}; there are {', '.join(sorted(known))}")
    made: optim.Optimizer = known[optimizer.lower()](network.parameters(), **({"lr": 0.001} | (options or {})))
    return made
