"""Trainer: epochs of shuffled batches, evaluation, checkpoints and diagnoses."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, NoReturn

import numpy as np

from minigrad import optim
from minigrad.arrays import Array
from minigrad.autograd import grad
from minigrad.config import keep_memory
from minigrad.data import DataLoader, TensorDataset
from minigrad.data.fetching import is_mapped
from minigrad.distributed import barrier
from minigrad.distributed.process_group import is_first, is_joined
from minigrad.errors import ShapeError, WeightsFileError, did_you_mean
from minigrad.kernels.checks import positive_int
from minigrad.models.book_network import BookNetwork
from minigrad.nn import Module
from minigrad.nn import functional as F
from minigrad.nn.utils import clip_grad_norm_
from minigrad.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from minigrad.progress import progress, say
from minigrad.serialization import load, save
from minigrad.tensors.tensor import Tensor, tensor
from minigrad.training import diagnostics
from minigrad.training.history import HEADER, Epoch, History, row
from minigrad.training.interruption import Interruption, between_batches
from minigrad.training.metrics import EVALUATED, count_right, evaluate_batches, gradient_norms, labels
from minigrad.training.ranks import Together, from_first, sums
from minigrad.training.rng_state import generator_states, set_generator_states
from minigrad.training.trainer_state import Position, check_state, loader_state

__all__ = ["Trainer"]

Callback = Callable[["Trainer", Epoch], Any]
Scheduler = LRScheduler | Callable[[optim.Optimizer], LRScheduler]


class Trainer:
    """Train a classifier, with the interface of "Deep Learning from Scratch", for any Module, optimizer and loader.

    * `x_train`, `t_train`: images (N, ...) and their classes (N,) or one-hot rows (N, C); or a loader of batches (images,
      classes) and None. `x_test`, `t_test`: likewise, for the evaluation after each epoch.
    * `epochs`: their number; `mini_batch_size`: images in a batch, if arrays are given.
    * `optimizer`, `optimizer_param`: a name ("SGD", "Adam", ...) and options, by default ``{"lr": 0.001}``; or an optimizer.
    * `evaluate_sample_num_per_epoch`: evaluate on so many of the first training and test images, as the book does.
    * `verbose`: print a table row for each epoch, and a progress bar.
    * `seed`: seeds the order of the batches; None: draw it from the default generator.
    * `callbacks`: functions called with the trainer and the `Epoch` after each epoch; one that returns True ends training.
    * `scheduler`: a learning rate schedule, or a function that makes one for the optimizer; it steps after every epoch, or
      after every batch with ``schedule_per="batch"``.
    * `max_grad_norm`: clip the gradients to this norm before each step.
    * `checkpoint`: a `.npz` file to which the whole state is saved after every epoch, and on Ctrl-C after the current batch;
      see `load_checkpoint`.

    `train_loss_list` holds a loss for every step; `train_acc_list` and `test_acc_list` hold an accuracy for every epoch, the
    former counted during training, in the one forward pass of each step, unless `evaluate_sample_num_per_epoch` is given.
    `history` holds the epochs, `gradient_history` the norm of each parameter's gradient in the last step of each, and
    `diagnoses` the problems that were noticed, each of which is also printed once.

    After `distributed.init_process_group`, the ranks train together: each makes the same Trainer, the batch is divided among
    them, and rank 0 decides the order, prints and saves; callbacks run on every rank. The result is that of one process, but
    for random numbers, which differ by rank, and layers such as BatchNorm, which normalize by the share of their rank and
    keep rank 0's statistics. `train` and `load_checkpoint` are called on all ranks.

    `train` calls `config.keep_memory()`, which changes the allocator of the whole process. A step whose loss or gradient is
    not finite raises FloatingPointError, with the name of the operation, and leaves the weights unchanged.

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
        self.epochs = positive_int("Trainer", "epochs", epochs)
        self.evaluate_sample_num_per_epoch = n = evaluate_sample_num_per_epoch
        self.verbose = verbose and is_first()
        self.callbacks = list(callbacks)
        self.schedule_per, self.max_grad_norm, self.checkpoint = schedule_per, max_grad_norm, checkpoint
        dtype = next((p.dtype for p in network.parameters()), None)
        batch = positive_int("Trainer", "mini_batch_size", mini_batch_size)
        self.train_loader = _loader("train", x_train, t_train, None, dtype, batch_size=batch, shuffle=True, seed=seed)
        self.test_loader = _loader("test", x_test, t_test, n, dtype, batch_size=EVALUATED)
        self._train_sample = None if n is None else _loader("train", x_train, t_train, n, dtype, batch_size=EVALUATED)
        self.optimizer = _optimizer(optimizer, network, optimizer_param)
        self.scheduler = scheduler(self.optimizer) if callable(scheduler) else scheduler
        self.train_loss_list: list[float] = []
        self.history = History()
        self.gradient_history: list[dict[str, float]] = []
        self.diagnoses: dict[str, str] = {}
        self._position = Position()
        self._together: Together | None = None  # while several ranks train
        self._last_batch: tuple[Any, int] | None = None  # the images of the last full batch, and the number of classes

    @property
    def train_acc_list(self) -> list[float]:
        """The training accuracy of each epoch."""
        return [epoch.acc for epoch in self.history]

    @property
    def test_acc_list(self) -> list[float]:
        """The test accuracy of each epoch."""
        return [epoch.val_acc for epoch in self.history]

    def train(self) -> None:
        """Run the remaining epochs; after an interruption, a new call continues, also in the middle of an epoch.

        The first Ctrl-C takes effect after the current batch: it saves the checkpoint, if there is one, and raises
        KeyboardInterrupt.
        """
        keep_memory()
        if self.verbose:
            say(HEADER, sys.stdout)
        with self._joined(), between_batches() as interruption:
            while len(self.history) < self.epochs:
                epoch = self._epoch(interruption)
                if self.verbose:
                    say(row(epoch), sys.stdout)
                self._diagnose()
                verdicts = [callback(self, epoch) for callback in self.callbacks]
                if self.checkpoint is not None:
                    self.save_checkpoint(self.checkpoint)
                stop, interrupted = self._agreed(True in verdicts, interruption.wanted)
                if stop:
                    break
                if interrupted:
                    self._interrupt()

    def train_step(self, x: Any, t: Any) -> tuple[float, int]:
        """Run one step on a batch; return its loss, and how many of its images were classified correctly before the step."""
        self.optimizer.zero_grad()
        scores, loss = self.forward(x, t)
        value = loss.item()
        if not math.isfinite(value):
            raise FloatingPointError(f"the loss is {value}: {self._explain_not_finite(x, t)}")
        loss.backward()
        norms = gradient_norms(self.network)
        if not all(map(math.isfinite, norms.values())):
            name = next(name for name, norm in norms.items() if not math.isfinite(norm))
            raise FloatingPointError(f"the gradient of {name} is not finite: {self._explain_not_finite(x, t)}")
        if self.max_grad_norm is not None:
            clip_grad_norm_(self.network.parameters(), self.max_grad_norm)
        self.optimizer.step()
        self._position.norms, self._position.lr = norms, self.optimizer.param_groups[0]["lr"]
        if self._last_batch is None or len(x) >= len(self._last_batch[0]):
            self._last_batch = x, scores.shape[1]
        if self.scheduler is not None and self.schedule_per == "batch":
            self.scheduler.step()
        return value, count_right(scores, t)

    def forward(self, x: Any, t: Any) -> tuple[Tensor, Tensor]:
        """Return scores (N, C) and loss of a batch, from one forward pass; subclasses may override it.

        The loss is the cross-entropy; a network of the book defines its loss itself, perhaps with weight decay.
        """
        if not isinstance(self.network, BookNetwork):
            scores = self.network(x)
            return scores, F.cross_entropy(scores, t)
        outputs: list[Tensor] = []
        with self.network.register_forward_hook(lambda module, args, out: outputs.append(out)):
            loss = self.network.loss(x, t)
        return outputs[0], loss

    def save_checkpoint(self, path: str | os.PathLike[str]) -> None:
        """Save the whole state to a `.npz` file, atomically and without pickle; of several ranks the first does it."""
        if is_first():
            save(self.state_dict(), path)

    def load_checkpoint(self, path: str | os.PathLike[str]) -> None:
        """Load a checkpoint: `train()` then continues from it, with the same bits as an uninterrupted run.

        The trainer must be made with the same arguments; `epochs` may differ. Raises WeightsFileError, and changes nothing,
        for a file that is damaged, not a checkpoint, or the checkpoint of another trainer. Rank 0 reads it for all ranks, of
        which there may be another number than before.
        """
        state = from_first(load(path) if is_first() else None)
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
            "loader": loader_state(loader) if isinstance(loader, DataLoader) else None,
            "position": dict(vars(self._position)),
            "losses": np.array(self.train_loss_list),
            "history": [dict(epoch._asdict()) for epoch in self.history],
            "gradients": list(self.gradient_history),
            "diagnoses": dict(self.diagnoses),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Load a `state_dict`, as `load_checkpoint` does.

        Raises ValueError, TypeError or KeyError, and changes nothing, for a state that does not fit.
        """
        before = self.state_dict()
        before["network"] = {name: value.clone() for name, value in before["network"].items()}
        check_state(before, state, self.network, self.train_loader)
        try:
            self._load(state)
        except BaseException:
            self._load(before)
            raise

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
            self.train_loader.epoch, self.train_loader.seed = state["loader"]
        self._position = Position(**state["position"])
        self.train_loss_list = np.asarray(state["losses"]).tolist()
        self.history = History(Epoch(**epoch) for epoch in state["history"])
        self.gradient_history, self.diagnoses = list(state["gradients"]), dict(state["diagnoses"])

    def _epoch(self, interruption: Interruption) -> Epoch:
        self.network.train()
        started, number, position = time.perf_counter(), len(self.history) + 1, self._position
        spent = position.seconds
        with self._bar(f"epoch {number}/{self.epochs}", position.batches) as bar:
            for x, t in self._batches():
                if not self.train_loss_list:
                    self._report("inputs", diagnostics.unscaled(x.array))
                try:
                    loss, hits = self.train_step(x, t)
                except FloatingPointError as error:
                    raise FloatingPointError(f"epoch {number}, batch {position.batches + 1}: {error}") from None
                images, interrupted = len(t), interruption.wanted
                if self._together is not None:
                    loss, hits, images, interrupted = self._together.step_totals(loss, hits, interrupted)
                self.train_loss_list.append(loss)
                position.add(loss, hits, images, spent + time.perf_counter() - started)
                if bar is not None:
                    bar.set_postfix(loss=f"{position.mean_loss:.4f}", acc=f"{position.accuracy:.2%}", refresh=False)
                    bar.update()
                if interrupted:
                    self._interrupt()
        if not position.seen:
            raise ValueError("Trainer: the loader of the training data is empty")
        sample = self._train_sample
        acc = position.accuracy if sample is None else self._evaluate(sample)[1]
        val_loss, val_acc = self._evaluate(self.test_loader)
        epoch = Epoch(
            epoch=number,
            loss=position.mean_loss,
            acc=acc,
            val_loss=val_loss,
            val_acc=val_acc,
            lr=position.lr,
            grad_norm=math.hypot(*position.norms.values()),
            images_per_s=position.seen / position.seconds,
            seconds=spent + time.perf_counter() - started,
        )
        self._position = Position()
        self.history.append(epoch)
        self.gradient_history.append(position.norms)
        if self.scheduler is not None and self.schedule_per == "epoch":
            self.scheduler.step(*[val_loss] * isinstance(self.scheduler, ReduceLROnPlateau))
        return epoch

    def _batches(self) -> Iterator[tuple[Tensor, Array]]:
        """Return the remaining batches of the epoch; if some are done, their order is drawn again and they are skipped."""
        position, owners = self._position, (self.network, self.train_loader)
        if not position.batches:
            position.generators = generator_states(*owners)
            batches = self._read()
        else:
            now = generator_states(*owners)
            set_generator_states(position.generators, *owners)
            if isinstance(self.train_loader, DataLoader):
                self.train_loader.epoch -= 1
            batches = self._read()
            for _ in range(position.batches):
                next(batches)
            set_generator_states(now, *owners)
        return ((x if isinstance(x, Tensor) else tensor(x), labels(t)) for x, t in batches)

    def _read(self) -> Iterator[Any]:
        """Start an epoch of the training data; of several ranks, each reads its share of every batch."""
        if self._together is None:
            return iter(self.train_loader)
        key = self._position.generators[0]["state"]["state"]  # of the default generator, a PCG64
        return self._together.batches(self.train_loader, key, self.network, self.train_loader)

    def _evaluate(self, loader: Iterable[Any]) -> tuple[float, float]:
        return evaluate_batches(self.network, loader) if self._together is None else self._together.evaluate(loader)

    @contextmanager
    def _joined(self) -> Iterator[None]:
        """Train together with the other ranks, if there are any, within a ``with`` block."""
        if not is_joined():
            yield
            return
        self._together = Together(self.network)
        try:
            yield
        finally:
            self._together.reducer.close()
            self._together = None

    def _agreed(self, *flags: bool) -> list[bool]:
        """Return, for each flag, whether it is set on any rank."""
        return [*flags] if self._together is None else [count > 0 for count in sums(*flags)]

    def _interrupt(self) -> NoReturn:
        where = f"in epoch {len(self.history) + 1}, after {self._position.batches} batches"
        if self.checkpoint is None:
            raise KeyboardInterrupt(f"{where}; train() continues from there")
        self.save_checkpoint(self.checkpoint)
        if self._together is not None:
            barrier()  # no rank ends the run before the file is there
        raise KeyboardInterrupt(f"{where}; load_checkpoint({str(self.checkpoint)!r}) and train() continue from there")

    def _bar(self, title: str, done: int) -> AbstractContextManager[Any]:
        if not self.verbose:
            return nullcontext()
        total = len(self.train_loader) if isinstance(self.train_loader, Sized) else None
        return progress(title, total, "batch", initial=done)

    def _explain_not_finite(self, x: Any, t: Any) -> str:
        """Return why the loss or a gradient is not finite: the batch is run once more, with anomaly detection."""
        for name, p in self.network.named_parameters():
            if not np.isfinite(p.array).all():
                return f"{name} was not finite before"
        if not np.isfinite(x.array).all():
            return "the images are not finite"
        weights = [p for p in self.network.parameters() if p.requires_grad]
        made = diagnostics.first_not_finite(self.network, lambda: grad(self.forward(x, t)[1], weights, allow_unused=True))
        return f"{made or 'they are finite when run again'}; the weights are as they were before this step"

    def _diagnose(self) -> None:
        self._report("overfitting", diagnostics.overfitting(self.history))
        if self._last_batch is not None:
            images, classes = self._last_batch
            self._report("guessing", diagnostics.guessing(self.history, classes))
            self._report("dead", diagnostics.dead_units(self.network, images))

    def _report(self, kind: str, text: str | None) -> None:
        if text is not None and kind not in self.diagnoses:
            self.diagnoses[kind] = text
            if self.verbose:
                say(f"note: {text}", sys.stderr)


def _loader(name: str, x: Any, t: Any, limit: int | None, dtype: Any, **options: Any) -> Iterable[Any]:
    """Return a loader of the arrays, or of their first `limit` images; a loader is returned unchanged."""
    if t is None:
        if x is None or isinstance(x, np.ndarray | Tensor) or not isinstance(x, Iterable):
            raise TypeError(f"Trainer: x_{name} must be images, with their classes in t_{name}, or a loader of batches")
        if limit is not None:
            raise ValueError("Trainer: evaluate_sample_num_per_epoch needs arrays, not a loader")
        return x
    x, t = x.detach().array if isinstance(x, Tensor) else np.asarray(x), labels(t)
    if len(x) != len(t):
        raise ShapeError(f"Trainer: x_{name} has {len(x)} images, t_{name} {len(t)} labels")
    if not len(x):
        raise ValueError(f"Trainer: x_{name} is empty")
    if dtype is not None and x.dtype.kind == "f" and x.dtype != dtype:  # or a float32 network would compute in float64
        if is_mapped(x):  # a file, perhaps larger than memory
            loader = _Converting(TensorDataset(x[:limit], t[:limit]), **options)
            loader.dtype = dtype
            return loader
        x = x.astype(dtype)
    return DataLoader(TensorDataset(x[:limit], t[:limit]), **options)


class _Converting(DataLoader[Any]):
    """A loader of images of another dtype than the network's, which are converted batch by batch."""

    dtype: Any

    def __iter__(self) -> Iterator[Any]:
        return ((Tensor.from_array(x.array.astype(self.dtype)), t) for x, t in super().__iter__())


def _optimizer(optimizer: str | optim.Optimizer, network: Module, options: dict[str, Any] | None) -> optim.Optimizer:
    """Return the optimizer, or make one by name for the parameters of the network."""
    if not isinstance(optimizer, str):
        if options is not None:
            raise ValueError("Trainer: optimizer_param needs the name of an optimizer, not one already made")
        return optimizer
    known = optim.OPTIMIZERS
    if optimizer.lower() not in known:
        hint = did_you_mean(optimizer.lower(), known)
        raise ValueError(f"Trainer: unknown optimizer {optimizer!r}{hint}; there are {', '.join(sorted(known))}")
    return known[optimizer.lower()](network.parameters(), **({"lr": 0.001} | (options or {})))
