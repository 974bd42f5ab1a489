"""Trainer: epochs of shuffled batches, and what happened in each."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np

from minigrad import optim
from minigrad.arrays import Array
from minigrad.autograd import grad
from minigrad.config import keep_memory
from minigrad.data import DataLoader, TensorDataset
from minigrad.errors import ShapeError, WeightsFileError, did_you_mean
from minigrad.models.book import BookNetwork
from minigrad.nn import Module
from minigrad.nn import functional as F
from minigrad.nn.utils import clip_grad_norm_
from minigrad.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from minigrad.optim.state_types import differences
from minigrad.progress import progress, say
from minigrad.serialization import load, save
from minigrad.tensors.tensor import Tensor
from minigrad.training import diagnostics
from minigrad.training.history import HEADER, Epoch, History, row
from minigrad.training.interruption import Interruption, between_batches
from minigrad.training.metrics import EVALUATED, count_right, evaluate_batches, gradient_norms, labels
from minigrad.training.rng_state import generator_states, set_generator_states

__all__ = ["Trainer"]

Callback = Callable[["Trainer", Epoch], Any]
Scheduler = LRScheduler | Callable[[optim.Optimizer], LRScheduler]


class Trainer:
    """Train a classifier, with the interface of "Deep Learning from Scratch", for any Module, optimizer and loader here.

    `x_*` are images (N, ...), `t_*` their classes (N,) or one-hot rows; or `x_*` is a loader of batches (images, classes),
    and `t_*` is None. `optimizer` is a name ("SGD", "Adam", ...) or an optimizer already made. After each epoch the network
    is evaluated on the test data (on the first `evaluate_sample_num_per_epoch` of them, if given), and each callback is
    called with the trainer and the `Epoch`; one that gives True ends the training.

    `scheduler` is a schedule of the learning rate, or a function that makes one for the optimizer; it steps after every
    epoch, or, with ``schedule_per="batch"``, after every batch. `max_grad_norm` limits the gradients' norm before each step.
    With `checkpoint`, the name of a `.npz` file, the whole state is saved there after every epoch, and when Ctrl-C, which
    first lets the batch end, interrupts; see `load_checkpoint`.

    `train_loss_list` has a loss for every step. `train_acc_list` and `test_acc_list` have an accuracy for every epoch; the
    first is counted while training, from the one forward pass of each step, unless `evaluate_sample_num_per_epoch` asks
    for an evaluation as in the book. `history` has the epochs, `gradient_history` the norm of each parameter's gradient at
    the end of each, and `diagnoses` what seemed wrong, which is also printed, once.

    Raises FloatingPointError, naming the operation, before a step whose loss or gradient is not finite.

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
        x_train: Any,
        t_train: Any = None,
        x_test: Any = None,
        t_test: Any = None,
        epochs: int = 20,
        mini_batch_size: int = 100,
        optimizer: str | optim.Optimizer = "Adam",
        optimizer_param: dict[str, Any] | None = None,
        evaluate_sample_num_per_epoch: int | None = None,
        verbose: bool = True,
        *,
        seed: int | None = None,
        callbacks: Sequence[Callback] = (),
        scheduler: Scheduler | None = None,
        schedule_per: str = "epoch",
        max_grad_norm: float | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
    ):
        if schedule_per not in ("epoch", "batch"):
            raise ValueError(f'Trainer: schedule_per must be "epoch" or "batch", got {schedule_per!r}')
        if max_grad_norm is not None and not 0 < max_grad_norm < math.inf:
            raise ValueError(f"Trainer: max_grad_norm must be a positive number, got {max_grad_norm}")
        self.network = network
        self.epochs = _positive("epochs", epochs)
        self.evaluate_sample_num_per_epoch = n = evaluate_sample_num_per_epoch
        self.verbose = verbose
        self.callbacks = list(callbacks)
        self.schedule_per, self.max_grad_norm, self.checkpoint = schedule_per, max_grad_norm, checkpoint
        dtype = next((p.dtype for p in network.parameters()), None)
        batch = _positive("mini_batch_size", mini_batch_size)
        self.train_loader = _loader("train", x_train, t_train, None, dtype, batch_size=batch, shuffle=True, seed=seed)
        self.test_loader = _loader("test", x_test, t_test, n, dtype, batch_size=EVALUATED)
        self._sample = None if n is None else _loader("train", x_train, t_train, n, dtype, batch_size=EVALUATED)
        self.optimizer = _optimizer(optimizer, network, optimizer_param)
        self.scheduler = scheduler(self.optimizer) if callable(scheduler) else scheduler
        self.train_loss_list: list[float] = []
        self.train_acc_list: list[float] = []
        self.test_acc_list: list[float] = []
        self.history = History()
        self.gradient_history: list[dict[str, float]] = []
        self.diagnoses: dict[str, str] = {}
        self._position = Position()
        self._last: tuple[Any, int] | None = None  # the images of the last full batch, and how many classes there are

    def train(self) -> None:
        """Run what is left of the epochs, so that a call after an interruption goes on, in the middle of an epoch, too.

        The first Ctrl-C lets the batch end, saves the checkpoint if there is one, and raises KeyboardInterrupt.
        """
        keep_memory()
        if self.verbose:
            say(HEADER, sys.stdout)
        with between_batches() as interruption:
            while len(self.history) < self.epochs:
                epoch = self._epoch(interruption)
                if self.verbose:
                    say(row(epoch), sys.stdout)
                self._diagnose()
                verdicts = [callback(self, epoch) for callback in self.callbacks]
                if self.checkpoint is not None:
                    self.save_checkpoint(self.checkpoint)
                if True in verdicts:
                    break
                if interruption.wanted:
                    self._interrupt()

    def train_step(self, x: Any, t: Any) -> tuple[float, int]:
        """One step on one batch: its loss, and how many of its images were classified rightly before the step."""
        self.optimizer.zero_grad()
        scores, loss = self._forward(x, t)
        value = loss.item()
        if not math.isfinite(value):
            raise FloatingPointError(f"the loss is {value}: {self._culprit(x, t)}")
        loss.backward()
        norms = gradient_norms(self.network)
        if not all(map(math.isfinite, norms.values())):
            name = next(name for name, norm in norms.items() if not math.isfinite(norm))
            raise FloatingPointError(f"the gradient of {name} is not finite: {self._culprit(x, t)}")
        if self.max_grad_norm is not None:
            clip_grad_norm_(self.network.parameters(), self.max_grad_norm)
        self.optimizer.step()
        self._position.norms, self._position.lr = norms, self.optimizer.param_groups[0]["lr"]
        if self._last is None or len(x) >= len(self._last[0]):
            self._last = x, scores.shape[1]
        if self.scheduler is not None and self.schedule_per == "batch":
            self.scheduler.step()
        return value, count_right(scores, t)

    def save_checkpoint(self, path: str | os.PathLike[str]) -> None:
        """Write the whole state to a `.npz` file, atomically; nothing is pickled."""
        save(self.state_dict(), path)

    def load_checkpoint(self, path: str | os.PathLike[str]) -> None:
        """Go on where a checkpoint was saved: `train()` then gives bit for bit what it would have without a break.

        The trainer must be made with the same arguments; `epochs` may differ. All is loaded, or nothing: raises
        WeightsFileError for a file that is damaged, no checkpoint, or one that does not fit.
        """
        state = load(path)
        try:
            self.load_state_dict(state)
        except (KeyError, TypeError, AttributeError, IndexError, ArithmeticError) as error:
            raise WeightsFileError(f"{path}: not the checkpoint of a trainer: {error!r}") from None
        except ValueError as error:
            raise WeightsFileError(f"{path}: {error}") from None

    def state_dict(self) -> dict[str, Any]:
        """Everything that the rest of the training depends on, and everything recorded so far."""
        loader = self.train_loader
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": None if self.scheduler is None else self.scheduler.state_dict(),
            "generators": generator_states(self.network, loader),
            "loader": _loader_state(loader) if isinstance(loader, DataLoader) else None,
            "position": dict(vars(self._position)),
            "losses": np.array(self.train_loss_list),
            "history": [dict(epoch._asdict()) for epoch in self.history],
            "gradients": list(self.gradient_history),
            "diagnoses": dict(self.diagnoses),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state_dict`; see `load_checkpoint`.

        Raises ValueError, TypeError or KeyError for one that does not fit; nothing has changed then.
        """
        before = self.state_dict()
        self._check(before, state)
        try:
            self._load(state)
        except BaseException:
            self._load(before)
            raise

    def _check(self, own: Mapping[str, Any], state: Mapping[str, Any]) -> None:
        """Raise unless the records of `state` are some that a training makes; its other parts check what they are given."""
        if not isinstance(state, Mapping) or set(state) != set(own):
            lacking = sorted(set(own) - set(state)) if isinstance(state, Mapping) else list(own)
            raise KeyError(f"it has no {lacking[0]}" if lacking else "it has parts that a trainer's has not")
        model = Epoch(1, *[0.0] * 8)._asdict()
        problems = differences("position", vars(Position()), state["position"])
        problems += differences("history", [model], state["history"])
        problems += differences("gradients", [{}], state["gradients"]) + differences("diagnoses", {}, state["diagnoses"])
        if problems:
            raise ValueError(f"Trainer: the state does not fit: {', '.join(problems)}")
        position, history, gradients = state["position"], state["history"], state["gradients"]
        if set(position) != set(vars(Position())) or any(set(epoch) != set(model) for epoch in history):
            raise ValueError("Trainer: the state has a position or epochs of other parts")
        if [epoch["epoch"] for epoch in history] != list(range(1, len(history) + 1)) or len(gradients) != len(history):
            raise ValueError("Trainer: the state has epochs that do not follow each other")
        for norms in [position["norms"], *gradients]:
            if not isinstance(norms, Mapping) or any(differences("norm", 0.0, n) for n in norms.values()):
                raise ValueError("Trainer: the state has gradient norms that are no numbers")
            if not all(isinstance(name, str) for name in norms):
                raise ValueError("Trainer: the state has gradient norms without names")
        if any(differences("diagnosis", "", text) for text in state["diagnoses"].values()):
            raise ValueError("Trainer: the state has diagnoses that are no texts")
        losses = state["losses"]
        losses = losses.array if isinstance(losses, Tensor) else losses
        if not isinstance(losses, np.ndarray) or losses.ndim != 1 or losses.dtype.kind != "f":
            raise ValueError("Trainer: the state has losses that are not one number for each step")
        self._check_position(position, len(losses))
        if isinstance(self.train_loader, DataLoader):
            epoch, seed = _pair(state["loader"])
            right = type(epoch) is int and bool(position["batches"]) <= epoch < 2**63
            if not right or not (seed is None or (type(seed) is int and 0 <= seed < 2**128)):
                raise ValueError("Trainer: the state of the loader has no count of epochs, or a seed that none can be")

    def _check_position(self, position: Mapping[str, Any], steps: int) -> None:
        counts = [position[name] for name in ("batches", "right", "seen")]
        batches, right, seen = counts
        total = len(self.train_loader) if isinstance(self.train_loader, Sized) else batches
        if min(counts) < 0 or batches > min(total, steps) or seen < batches or right > seen:
            raise ValueError(
                f"Trainer: the state is after {batches} batches of an epoch of {total}, {right} of {seen} images right, "
                f"with {steps} losses"
            )
        if not (0 <= position["seconds"] < math.inf) or not math.isfinite(position["loss"]):
            raise ValueError("Trainer: the state has a time or a loss that is not finite")
        if batches:
            now = generator_states(self.network, self.train_loader)
            try:
                set_generator_states(position["generators"], self.network, self.train_loader)
            finally:
                set_generator_states(now, self.network, self.train_loader)

    def _load(self, state: Mapping[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        if (state["scheduler"] is None) != (self.scheduler is None):
            has, lacks = ("the trainer", "the checkpoint") if self.scheduler else ("the checkpoint", "the trainer")
            raise ValueError(f"Trainer: {has} has a scheduler, {lacks} has none")
        if self.scheduler is not None:
            self.scheduler.load_state_dict(state["scheduler"])
        set_generator_states(state["generators"], self.network, self.train_loader)
        if isinstance(self.train_loader, DataLoader):
            self.train_loader.epoch, self.train_loader.seed = _pair(state["loader"])
        self._position = Position(**state["position"])
        self.train_loss_list = np.asarray(state["losses"]).tolist()
        self.history = History(Epoch(**epoch) for epoch in state["history"])
        self.train_acc_list = [epoch.acc for epoch in self.history]
        self.test_acc_list = [epoch.val_acc for epoch in self.history]
        self.gradient_history, self.diagnoses = list(state["gradients"]), dict(state["diagnoses"])

    def _epoch(self, interruption: Interruption) -> Epoch:
        self.network.train()
        started, number, at = time.perf_counter(), len(self.history) + 1, self._position
        spent = at.seconds
        with self._bar(f"epoch {number}/{self.epochs}", at.batches) as bar:
            for x, t in self._batches():
                if not self.train_loss_list:
                    self._say("inputs", diagnostics.unscaled(x.array))
                try:
                    loss, hits = self.train_step(x, t)
                except FloatingPointError as error:
                    raise FloatingPointError(f"epoch {number}, batch {at.batches + 1}: {error}") from None
                self.train_loss_list.append(loss)
                at.add(loss, hits, len(t), spent + time.perf_counter() - started)
                if bar is not None:
                    bar.set_postfix(loss=f"{at.loss / at.seen:.4f}", acc=f"{at.right / at.seen:.2%}", refresh=False)
                    bar.update()
                if interruption.wanted:
                    self._interrupt()
        if not at.seen:
            raise ValueError("Trainer: the loader of the training data is empty")
        acc = at.right / at.seen if self._sample is None else evaluate_batches(self.network, self._sample)[1]
        val_loss, val_acc = evaluate_batches(self.network, self.test_loader)
        epoch = Epoch(
            epoch=number,
            loss=at.loss / at.seen,
            acc=acc,
            val_loss=val_loss,
            val_acc=val_acc,
            lr=at.lr,
            grad_norm=math.hypot(*at.norms.values()),
            images_per_s=at.seen / at.seconds,
            seconds=spent + time.perf_counter() - started,
        )
        self._position = Position()
        self.history.append(epoch)
        self.train_acc_list.append(acc)
        self.test_acc_list.append(val_acc)
        self.gradient_history.append(at.norms)
        if self.scheduler is not None and self.schedule_per == "epoch":
            self.scheduler.step(*[val_loss] * isinstance(self.scheduler, ReduceLROnPlateau))
        return epoch

    def _batches(self) -> Iterator[tuple[Tensor, Array]]:
        """The batches that are left of the epoch: of one broken off, its order is drawn again, and what is done skipped."""
        at, owners = self._position, (self.network, self.train_loader)
        if not at.batches:
            at.generators = generator_states(*owners)
            batches = iter(self.train_loader)
        else:
            now = generator_states(*owners)
            set_generator_states(at.generators, *owners)
            if isinstance(self.train_loader, DataLoader):
                self.train_loader.epoch -= 1
            batches = iter(self.train_loader)
            for _ in range(at.batches):
                next(batches)
            set_generator_states(now, *owners)
        return ((x if isinstance(x, Tensor) else Tensor(x), labels(t)) for x, t in batches)

    def _forward(self, x: Any, t: Any) -> tuple[Tensor, Tensor]:
        """Scores and loss from one pass; a network of the book has a loss of its own, perhaps with weight decay."""
        if not isinstance(self.network, BookNetwork):
            scores = self.network(x)
            return scores, F.cross_entropy(scores, t)
        given: list[Tensor] = []
        with self.network.register_forward_hook(lambda module, args, out: given.append(out)):
            loss = self.network.loss(x, t)
        return given[0], loss

    def _interrupt(self) -> NoReturn:
        where = f"in epoch {len(self.history) + 1}, after {self._position.batches} batches"
        if self.checkpoint is None:
            raise KeyboardInterrupt(f"{where}; train() goes on from there")
        self.save_checkpoint(self.checkpoint)
        raise KeyboardInterrupt(f"{where}; load_checkpoint({str(self.checkpoint)!r}) and train() go on from there")

    def _bar(self, title: str, done: int) -> AbstractContextManager[Any]:
        if not self.verbose:
            return nullcontext()
        total = len(self.train_loader) if isinstance(self.train_loader, Sized) else None
        return progress(title, total, "batch", initial=done)

    def _culprit(self, x: Any, t: Any) -> str:
        """What made the loss or a gradient a NaN or an infinity: the batch is run once more, and watched."""
        for name, p in self.network.named_parameters():
            if not np.isfinite(p.array).all():
                return f"{name} was not finite before"
        if not np.isfinite(x.array).all():
            return "the images are not finite"
        weights = [p for p in self.network.parameters() if p.requires_grad]
        made = diagnostics.first_not_finite(self.network, lambda: grad(self._forward(x, t)[1], weights, allow_unused=True))
        return f"{made or 'not so when run again'}; the weights are as they were before this step"

    def _diagnose(self) -> None:
        self._say("overfitting", diagnostics.overfitting(self.history))
        if self._last is not None:
            images, classes = self._last
            self._say("guessing", diagnostics.guessing(self.history, classes))
            self._say("dead", diagnostics.dead_units(self.network, images))

    def _say(self, kind: str, text: str | None) -> None:
        if text is not None and kind not in self.diagnoses:
            self.diagnoses[kind] = text
            if self.verbose:
                say(f"note: {text}", sys.stderr)


@dataclass
class Position:
    """How far an epoch has got, and the random generators' states at its start."""

    batches: int = 0
    loss: float = 0.0
    right: int = 0
    seen: int = 0
    seconds: float = 0.0
    lr: float = 0.0
    norms: dict[str, float] = field(default_factory=dict)
    generators: list[dict[str, Any]] = field(default_factory=list)

    def add(self, loss: float, right: int, images: int, seconds: float) -> None:
        """Count a batch."""
        self.batches += 1
        self.loss += loss * images
        self.right += right
        self.seen += images
        self.seconds = seconds


def _loader(name: str, x: Any, t: Any, limit: int | None, dtype: Any, **options: Any) -> Iterable[Any]:
    """A loader of the arrays, or of the first `limit` images of them; a loader already made as it is."""
    if t is None:
        if x is None or isinstance(x, np.ndarray | Tensor) or not isinstance(x, Iterable):
            raise TypeError(f"Trainer: x_{name} must be images, with their classes in t_{name}, or a loader of batches")
        if limit is not None:
            raise ValueError("Trainer: evaluate_sample_num_per_epoch goes with arrays, not with a loader")
        return x
    x, t = x.detach().array if isinstance(x, Tensor) else np.asarray(x), labels(t)
    if len(x) != len(t):
        raise ShapeError(f"Trainer: x_{name} has {len(x)} images, t_{name} {len(t)} labels")
    if not len(x):
        raise ValueError(f"Trainer: x_{name} is empty")
    if dtype is not None and x.dtype.kind == "f":
        x = x.astype(dtype, copy=False)  # float64 images would make a float32 network compute in float64
    return DataLoader(TensorDataset(x[:limit], t[:limit]), **options)


def _loader_state(loader: DataLoader) -> list[int | None]:
    return [loader.epoch, None if loader.seed is None else int(loader.seed)]


def _pair(value: Any) -> tuple[Any, Any]:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError("Trainer: the state of the loader is not its epoch and its seed")
    return value[0], value[1]


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
    known = optim.OPTIMIZERS
    if optimizer.lower() not in known:
        hint = did_you_mean(optimizer.lower(), known)
        raise ValueError(f"Trainer: unknown optimizer {optimizer!r}{hint}; there are {', '.join(sorted(known))}")
    made: optim.Optimizer = known[optimizer.lower()](network.parameters(), **({"lr": 0.001} | (options or {})))
    return made
