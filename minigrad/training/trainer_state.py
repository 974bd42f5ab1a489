"""The position of a Trainer in an epoch, and checks of a saved state before it is loaded."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sized
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minigrad.data import DataLoader
from minigrad.nn import Module
from minigrad.optim.state_types import differences
from minigrad.tensors.tensor import Tensor
from minigrad.training.history import Epoch
from minigrad.training.rng_state import generator_states, set_generator_states

__all__ = ["Position", "check_state", "loader_state"]

EPOCH = Epoch(1, *[0.0] * 8)._asdict()  # the types of its fields


@dataclass
class Position:
    """The batches of an epoch done so far, their sums, and the states of the random generators at its start."""

    batches: int = 0
    loss: float = 0.0  # the sum over images
    right: int = 0  # images classified correctly
    seen: int = 0  # images
    seconds: float = 0.0
    lr: float = 0.0  # of the last step
    norms: dict[str, float] = field(default_factory=dict)  # of the gradients of the last step
    generators: list[dict[str, Any]] = field(default_factory=list)

    @property
    def mean_loss(self) -> float:
        """The loss of an image so far."""
        return self.loss / self.seen

    @property
    def accuracy(self) -> float:
        """The fraction of images classified correctly so far."""
        return self.right / self.seen

    def add(self, loss: float, right: int, images: int, seconds: float) -> None:
        """Count a batch."""
        self.batches += 1
        self.loss += loss * images
        self.right += right
        self.seen += images
        self.seconds = seconds


def loader_state(loader: DataLoader) -> list[int | None]:
    """Return the state of a loader: the number of epochs, and the seed."""
    return [loader.epoch, None if loader.seed is None else int(loader.seed)]


def check_state(present: Mapping[str, Any], state: Mapping[str, Any], network: Module, loader: Iterable[Any]) -> None:
    """Raise KeyError or ValueError unless `state` has the parts of the `present` one, with values that training can produce.

    Networks, optimizers, schedules and generators check their own parts when they load them.
    """
    if not isinstance(state, Mapping) or set(state) != set(present):
        lacking = sorted(set(present) - set(state)) if isinstance(state, Mapping) else list(present)
        raise KeyError(f"it has no {lacking[0]}" if lacking else "it has parts that a trainer's does not have")
    steps = _check_records(state)
    position = state["position"]
    _check_position(position, steps, loader)
    if position["batches"]:
        now = generator_states(network, loader)
        try:
            set_generator_states(position["generators"], network, loader)
        finally:
            set_generator_states(now, network, loader)
    if isinstance(loader, DataLoader):
        _check_loader(state["loader"], position["batches"] > 0)


def _check_records(state: Mapping[str, Any]) -> int:
    """Check position, history, gradient norms, diagnoses and losses; return the number of losses."""
    types = {"position": vars(Position()), "history": [EPOCH], "gradients": [{}], "diagnoses": {}}
    problems = [problem for name, part in types.items() for problem in differences(name, part, state[name])]
    if problems:
        raise ValueError(f"Trainer: the state does not fit: {', '.join(problems)}")
    position, history, gradients = state["position"], state["history"], state["gradients"]
    norms = [item for part in (position["norms"], *gradients) for item in part.items()]
    losses = state["losses"].array if isinstance(state["losses"], Tensor) else state["losses"]
    fields = set(position) == set(types["position"]) and all(set(epoch) == set(EPOCH) for epoch in history)
    vector = isinstance(losses, np.ndarray) and losses.ndim == 1 and losses.dtype.kind == "f"
    valid = {
        "a position or epochs with other fields": fields,
        "epochs that do not follow each other": [e["epoch"] for e in history] == [*range(1, len(gradients) + 1)],
        "gradient norms without names": all(isinstance(name, str) for name, _ in norms),
        "gradient norms that are not numbers": not any(differences("norm", 0.0, norm) for _, norm in norms),
        "diagnoses that are not texts": all(isinstance(text, str) for text in state["diagnoses"].values()),
        "losses that are not a vector of floats": vector,
        "a time or a loss that is not finite": 0 <= position["seconds"] < math.inf and math.isfinite(position["loss"]),
    }
    for wrong, holds in valid.items():
        if not holds:
            raise ValueError(f"Trainer: the state has {wrong}")
    return len(losses)


def _check_position(position: Mapping[str, Any], steps: int, loader: Iterable[Any]) -> None:
    batches, right, seen = (position[name] for name in ("batches", "right", "seen"))
    total = len(loader) if isinstance(loader, Sized) else batches
    if not (0 <= batches <= min(total, steps, seen) and 0 <= right <= seen):
        raise ValueError(
            f"Trainer: the state is after {batches} batches of an epoch of {total}, {right} of {seen} images right, "
            f"with {steps} losses"
        )


def _check_loader(state: Any, within_epoch: bool) -> None:
    if not isinstance(state, list | tuple) or len(state) != 2:
        raise ValueError("Trainer: the state of the loader is not its epoch and its seed")
    epoch, seed = state
    valid = type(epoch) is int and within_epoch <= epoch < 2**63
    if not valid or not (seed is None or (type(seed) is int and 0 <= seed < 2**128)):
        raise ValueError("Trainer: the state of the loader has no valid count of epochs or seed")
