"""Learning rate schedules, with PyTorch's names, defaults and values.

A scheduler sets the learning rates of an optimizer when it is created, and again at each `step()`. Call `step()` after the
optimizer's, once per epoch or once per batch, depending on the schedule. Most schedules multiply the current rate by a
factor, so that several of them can act on one optimizer.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from minigrad.kernels.checks import check_at_least, check_choice, positive_int
from minigrad.optim.optimizer import Group, Optimizer
from minigrad.optim.state_types import differences
from minigrad.tensors.tensor import Tensor

__all__ = [
    "ChainedScheduler", "ConstantLR", "CosineAnnealingLR", "CosineAnnealingWarmRestarts", "CyclicLR", "ExponentialLR",
    "LRScheduler", "LambdaLR", "LinearLR", "MultiStepLR", "MultiplicativeLR", "OneCycleLR", "PolynomialLR",
    "ReduceLROnPlateau", "SequentialLR", "StepLR",
]  # fmt: skip


class LRScheduler:
    """Base class of all schedules: the step counter, the initial rates, and the state.

    A subclass defines `rate`, the learning rate of one parameter group at step number `last_epoch`, which is 0 at the start
    of the schedule. With the argument `last_epoch` the schedule resumes after that step, from the optimizer's current rates.

    >>> import minigrad as mg
    >>> class Inverse(LRScheduler):
    ...     chained = False
    ...     def rate(self, group, base_lr):
    ...         return base_lr / (1 + self.last_epoch)
    >>> optimizer = mg.optim.SGD([mg.tensor([1.0], requires_grad=True)], lr=0.1)
    >>> scheduler = Inverse(optimizer)
    >>> optimizer.step()
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.05]
    """

    chained = True  # True if `rate` is computed from the current rate, False if from the initial one

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1):
        _check_optimizer(self, optimizer)
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise KeyError(f"{type(self).__name__}: last_epoch={last_epoch}, but group {i} has no initial_lr")
        self.optimizer = optimizer
        self.base_lrs: list[float] = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch + 1
        resumed = last_epoch != -1 and self.chained
        self._set(self._current_rates() if resumed else self._next_rates())

    def rate(self, group: Group, base_lr: float) -> float:
        """Return the rate of a group at step `last_epoch`, given the current rate ``group["lr"]`` and the initial one."""
        raise NotImplementedError

    def step(self) -> None:
        """Set the rates of the next step."""
        self.last_epoch += 1
        self._set(self._next_rates())

    def restart(self) -> None:
        """Set the rates at the start of the schedule; `SequentialLR` calls this when it switches to a schedule."""
        self.last_epoch = 0
        self._set(self.base_lrs)
        self._set(self._next_rates())

    def get_last_lr(self) -> list[float]:
        """Return the rates that the last step set, one for each parameter group."""
        return self._last_lr

    def state_dict(self) -> dict[str, Any]:
        """Return all attributes but the optimizer."""
        return {name: value for name, value in vars(self).items() if name != "optimizer"}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Restore a `state_dict` of this library or of PyTorch; the rates themselves are part of the optimizer's state.

        Raises ValueError, with nothing changed, for the state of another kind of schedule and for impossible values.
        """
        self._check(state_dict)
        vars(self).update({name: state_dict[name] for name in self.state_dict()})

    def _check(self, state_dict: Mapping[str, Any]) -> None:
        """Raise ValueError unless `state_dict` is the state of a schedule of this kind."""
        current = self.state_dict()
        if not isinstance(state_dict, Mapping):
            raise ValueError(f"{type(self).__name__}: the state_dict is of type {type(state_dict).__name__}, not a dict")
        problems = [f"{name} is missing" for name in current if name not in state_dict]
        problems += [f"{name} is unexpected" for name in state_dict if name not in current and name not in BOOKKEEPING]
        problems = problems or [p for name in current for p in _problems(name, current[name], state_dict[name])]
        if problems:
            raise ValueError(f"{type(self).__name__}: the state_dict does not fit: {', '.join(problems)}")

    def _next_rates(self) -> list[float]:
        groups = zip(self.optimizer.param_groups, self.base_lrs, strict=True)
        return [self.rate(group, base_lr) for group, base_lr in groups]

    def _current_rates(self) -> list[float]:
        return [group["lr"] for group in self.optimizer.param_groups]

    def _set(self, rates: Sequence[float]) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
        self._last_lr = list(rates)


class LambdaLR(LRScheduler):
    """The initial rate times ``lr_lambda(step)``; `lr_lambda` may be a list of one function for each parameter group."""

    chained = False

    def __init__(self, optimizer: Optimizer, lr_lambda: Any, last_epoch: int = -1):
        _check_optimizer(self, optimizer)
        self.lr_lambdas: list[Callable[[int], float]] = _each(type(self).__name__, "lr_lambda", lr_lambda, optimizer)
        super().__init__(optimizer, last_epoch)

    def _next_rates(self) -> list[float]:
        return [base_lr * f(self.last_epoch) for f, base_lr in zip(self.lr_lambdas, self.base_lrs, strict=True)]

    def state_dict(self) -> dict[str, Any]:
        """Return all attributes but the optimizer; as in PyTorch, None replaces the functions, which cannot be saved."""
        return {**super().state_dict(), "lr_lambdas": [None] * len(self.lr_lambdas)}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        self._check(state_dict)
        super().load_state_dict({**state_dict, "lr_lambdas": self.lr_lambdas})


class MultiplicativeLR(LambdaLR):
    """Multiply the rate by ``lr_lambda(step)`` at every step; `lr_lambda` may be a list of one function for each group."""

    chained = True

    def _next_rates(self) -> list[float]:
        rates = self._current_rates()
        return [lr * f(self.last_epoch) for lr, f in zip(rates, self.lr_lambdas, strict=True)] if self.last_epoch else rates


class StepLR(LRScheduler):
    """Multiply the rate by `gamma` every `step_size` steps.

    >>> import minigrad as mg
    >>> optimizer = mg.optim.SGD([mg.tensor(1.0, requires_grad=True)], lr=0.5)
    >>> scheduler = StepLR(optimizer, step_size=2, gamma=0.5)
    >>> rates = []
    >>> for epoch in range(5):
    ...     optimizer.step()
    ...     rates += scheduler.get_last_lr()
    ...     scheduler.step()
    >>> rates
    [0.5, 0.5, 0.25, 0.25, 0.125]
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1):
        self.step_size, self.gamma = positive_int("StepLR", "step_size", step_size), gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, group: Group, base_lr: float) -> float:
        due = self.last_epoch and self.last_epoch % self.step_size == 0
        return group["lr"] * self.gamma if due else group["lr"]


class MultiStepLR(LRScheduler):
    """Multiply the rate by `gamma` at each of the `milestones`, numbers of steps."""

    def __init__(self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1):
        self.milestones, self.gamma = Counter(milestones), gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, group: Group, base_lr: float) -> float:
        return group["lr"] * self.gamma ** self.milestones.get(self.last_epoch, 0)


class ConstantLR(LRScheduler):
    """Multiply the rate by `factor` during the first `total_iters` steps."""

    def __init__(self, optimizer: Optimizer, factor: float = 1 / 3, total_iters: int = 5, last_epoch: int = -1):
        self.factor, self.total_iters = _within("ConstantLR", "factor", factor), total_iters
        super().__init__(optimizer, last_epoch)

    def rate(self, group: Group, base_lr: float) -> float:
        if self.last_epoch == 0:
            return group["lr"] * self.factor
        return group["lr"] / self.factor if self.last_epoch == self.total_iters else group["lr"]


class LinearLR(LRScheduler):
    """A linear warm-up: the initial rate times a factor from `start_factor` to `end_factor` over `total_iters` steps."""

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ):
        self.start_factor = _within("LinearLR", "start_factor", start_factor)
        self.end_factor, self.total_iters = _within("LinearLR", "end_factor", end_factor, zero=True), total_iters
        super().__init__(optimizer, last_epoch)

    def rate(self, group: Group, base_lr: float) -> float:
        t, lr = self.last_epoch, group["lr"]
        if t == 0:
            return lr * self.start_factor
        if t > self.total_iters:
            return lr
        rise = self.end_factor - self.start_factor
        return lr * (1 + rise / (self.total_iters * self.start_factor + (t - 1) * rise))


class ExponentialLR(LRScheduler):
    """Multiply the rate by `gamma` at every step."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1):
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, group: Group, base_lr: float) -> float:
        return group["lr"] * self.gamma if self.last_epoch else group["lr"]


class PolynomialLR(LRScheduler):
    """The initial rate times (1 - step / total_iters) ** power, which reaches 0 at step `total_iters`."""

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1):
        self.total_iters, self.power = total_iters, power
        super().__init__(optimizer, last_epoch)

    def rate(self, group: Group, base_lr: float) -> float:
        t, total = self.last_epoch, self.total_iters
        return group["lr"] * ((1 - t / total) / (1 - (t - 1) / total)) ** self.power if 0 < t <= total else group["lr"]


class CosineAnnealingLR(LRScheduler):
    """A cosine between the initial rate and `eta_min`, with half-period `T_max`: Loshchilov and Hutter (2017)."""

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1):
        self.T_max, self.eta_min = positive_int("CosineAnnealingLR", "T_max", T_max), eta_min
        super().__init__(optimizer, last_epoch)

    def rate(self, group: Group, base_lr: float) -> float:
        t, lr = self.last_epoch, group["lr"]
        if t == 0:
            return lr
        if (t - 1 - self.T_max) % (2 * self.T_max) == 0:  # the rate is eta_min, and no factor changes that
            return lr + (base_lr - self.eta_min) * _cosine(self.T_max - 1, self.T_max)
        ratio = _cosine(t, self.T_max) / _cosine(t - 1, self.T_max)
        return self.eta_min + (lr - self.eta_min) * ratio


class CosineAnnealingWarmRestarts(LRScheduler):
    """Cosine annealing with restarts: from the initial rate to `eta_min` in `T_0` steps, and again from the initial rate.

    Each cycle is `T_mult` times as long as the previous one. SGDR: Loshchilov and Hutter (2017).
    """

    chained = False

    def __init__(self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1):
        self.T_0 = positive_int("CosineAnnealingWarmRestarts", "T_0", T_0)
        self.T_mult, self.eta_min = positive_int("CosineAnnealingWarmRestarts", "T_mult", T_mult), eta_min
        super().__init__(optimizer, last_epoch)

    def rate(self, group: Group, base_lr: float) -> float:
        start, length = 0, self.T_0
        if self.T_mult == 1:
            start = self.last_epoch // length * length
        while self.last_epoch >= start + length:
            start, length = start + length, length * self.T_mult
        self.T_cur, self.T_i = self.last_epoch - start, length
        return self.eta_min + (base_lr - self.eta_min) * _cosine(self.T_cur, self.T_i)


class OneCycleLR(LRScheduler):
    """The 1cycle policy: the rate rises to `max_lr` and falls to almost zero, while the momentum falls and rises.

    Smith (2018). The rate starts at max_lr / div_factor, reaches max_lr after the fraction `pct_start` of the steps, and
    ends at the initial rate divided by `final_div_factor`; with `three_phase` it falls back to the initial rate as fast as
    it rose before the final descent. The number of steps is `total_steps`, or epochs * steps_per_epoch. `anneal_strategy`
    is "cos" or "linear". With `cycle_momentum`, momentum (or Adam's first beta) goes from `max_momentum` to `base_momentum`
    and back. `max_lr` and the momenta may be lists of one value for each parameter group. Call `step()` after every batch;
    a step beyond the last raises ValueError.
    """

    chained = False

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: Any,
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: Any = 0.85,
        max_momentum: Any = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ):
        _check_optimizer(self, optimizer)
        if total_steps is None and (epochs is None or steps_per_epoch is None):
            raise ValueError("OneCycleLR: needs total_steps, or epochs and steps_per_epoch")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f'OneCycleLR: anneal_strategy must be "cos" or "linear", got {anneal_strategy!r}')
        _check_momentum("OneCycleLR", optimizer, cycle_momentum)
        self.total_steps = positive_int("OneCycleLR", "total_steps", total_steps or (epochs or 0) * (steps_per_epoch or 0))
        self.cycle_momentum, self._anneal_func_type = cycle_momentum, anneal_strategy
        peak = _within("OneCycleLR", "pct_start", pct_start, zero=True) * self.total_steps - 1
        self._schedule_phases = _phases(peak, self.total_steps - 1, three_phase)
        if last_epoch == -1:
            columns = (_each("OneCycleLR", "value", value, optimizer) for value in (max_lr, base_momentum, max_momentum))
            for group, top, low, high in zip(optimizer.param_groups, *columns, strict=True):
                group.update(initial_lr=top / div_factor, max_lr=top, min_lr=top / div_factor / final_div_factor)
                if cycle_momentum:
                    group.update(base_momentum=low, max_momentum=high)
        super().__init__(optimizer, last_epoch)

    def rate(self, group: Group, base_lr: float) -> float:
        start = 0.0
        for phase in self._schedule_phases:
            if self.last_epoch <= phase["end_step"] or phase is self._schedule_phases[-1]:
                break
            start = phase["end_step"]
        length = phase["end_step"] - start
        share = (self.last_epoch - start) / length if length else 1.0
        if self.cycle_momentum:
            _set_momentum(group, self._between(group[phase["start_momentum"]], group[phase["end_momentum"]], share))
        return self._between(group[phase["start_lr"]], group[phase["end_lr"]], share)

    def step(self) -> None:
        if self.last_epoch >= self.total_steps:
            raise ValueError(f"OneCycleLR: step {self.last_epoch + 1} of a schedule of {self.total_steps} steps")
        super().step()

    def _check(self, state_dict: Mapping[str, Any]) -> None:
        super()._check(state_dict)
        done, steps = state_dict["last_epoch"], state_dict["total_steps"]
        if done > steps:
            raise ValueError(f"OneCycleLR: the state_dict does not fit: last_epoch is {done} of a schedule of {steps} steps")

    def _between(self, start: float, end: float, share: float) -> float:
        if self._anneal_func_type == "linear":
            return (end - start) * share + start
        return end + (start - end) * _cosine(share, 1)


class CyclicLR(LRScheduler):
    """Let the rate rise from `base_lr` to `max_lr` and fall back, linearly, again and again, and the momentum fall and rise.

    Smith (2017). The rise takes `step_size_up` steps, the fall `step_size_down` (default: as many). `mode` is "triangular";
    "triangular2", where each cycle has half the height of the one before; or "exp_range", where the height is multiplied by
    gamma ** step. Instead of a mode, ``scale_fn(x)`` may return a factor of the height, for the number of the cycle or, with
    `scale_mode` "iterations", of the step. With `cycle_momentum`, momentum (or Adam's first beta) goes from `max_momentum`
    to `base_momentum` and back. Rates and momenta may be lists of one value for each parameter group. Call `step()` after
    every batch.
    """

    chained = False

    def __init__(
        self, optimizer: Optimizer, base_lr: Any, max_lr: Any, step_size_up: int = 2000, step_size_down: int | None = None,
        mode: str = "triangular", gamma: float = 1.0, scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle", cycle_momentum: bool = True, base_momentum: Any = 0.8, max_momentum: Any = 0.9,
        last_epoch: int = -1,
    ):  # fmt: skip
        _check_optimizer(self, optimizer)
        check_choice("CyclicLR", "mode", mode, *CHOICES["mode"][2:])
        check_choice("CyclicLR", "scale_mode", scale_mode, *CHOICES["scale_mode"])
        _check_momentum("CyclicLR", optimizer, cycle_momentum)
        each = (_each("CyclicLR", "value", value, optimizer) for value in (base_lr, max_lr, base_momentum, max_momentum))
        bases, self.max_lrs, *momenta = each
        if cycle_momentum:
            self.base_momentums, self.max_momentums = momenta
        down = step_size_up if step_size_down is None else step_size_down
        check_at_least("CyclicLR", "the smaller of step_size_up and step_size_down", min(step_size_up, down), 1)
        self.total_size = float(step_size_up + down)
        self.step_ratio, self.mode, self.gamma = step_size_up / self.total_size, mode, gamma
        self._scale_fn_custom, self.cycle_momentum = scale_fn, cycle_momentum
        self.scale_mode = scale_mode if scale_fn else "iterations" if mode == "exp_range" else "cycle"
        if last_epoch == -1:
            for group, base in zip(optimizer.param_groups, bases, strict=True):
                group["lr"] = base
        super().__init__(optimizer, last_epoch)
        self.base_lrs = bases

    def scale_fn(self, x: float) -> float:
        """Return the factor of the height for the number of a cycle or step."""
        if self._scale_fn_custom:
            return self._scale_fn_custom(x)
        return {"triangular": 1.0, "triangular2": 2.0 ** (1 - x), "exp_range": self.gamma**x}[self.mode]

    def _next_rates(self) -> list[float]:
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1 + self.last_epoch / self.total_size - cycle
        height = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        height *= self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            momenta = zip(self.optimizer.param_groups, self.base_momentums, self.max_momentums, strict=True)
            for group, low, high in momenta:
                _set_momentum(group, high - (high - low) * height)
        return [low + (high - low) * height for low, high in zip(self.base_lrs, self.max_lrs, strict=True)]

    def state_dict(self) -> dict[str, Any]:
        """Return all attributes but the optimizer; as in PyTorch, None replaces a function, which cannot be saved."""
        return {**super().state_dict(), "_scale_fn_custom": None}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        self._check(state_dict)
        super().load_state_dict({**state_dict, "_scale_fn_custom": self._scale_fn_custom})


class ChainedScheduler(LRScheduler):
    """Step several schedules together; each multiplies the rate that the one before has set.

    >>> import minigrad as mg
    >>> optimizer = mg.optim.SGD([mg.tensor([1.0], requires_grad=True)], lr=1.0)
    >>> scheduler = ChainedScheduler([ExponentialLR(optimizer, 0.5), StepLR(optimizer, 1, 0.25)])
    >>> optimizer.step()
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.125]
    """

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None):
        name = type(self).__name__
        if not schedulers:
            raise ValueError(f"{name}: needs at least one scheduler")
        self.optimizer = optimizer or schedulers[0].optimizer
        for i, scheduler in enumerate(schedulers):
            if isinstance(scheduler, ReduceLROnPlateau) or scheduler.optimizer is not self.optimizer:
                raise ValueError(f"{name}: scheduler {i} needs a metric, or belongs to another optimizer")
        self._schedulers = list(schedulers)
        self._last_lr = self._current_rates()

    def step(self) -> None:
        for scheduler in self._schedulers:
            scheduler.step()
        self._last_lr = self._current_rates()

    def restart(self) -> None:
        self._schedulers[0].restart()
        for scheduler in self._schedulers[1:]:
            scheduler.last_epoch = 0
            scheduler._set(scheduler._next_rates())
        self._last_lr = self._current_rates()

    def state_dict(self) -> dict[str, Any]:
        """Return the counters, the last rates, and the states of the schedules."""
        return {**super().state_dict(), "_schedulers": [s.state_dict() for s in self._schedulers]}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        self._check(state_dict)
        vars(self).update({name: state_dict[name] for name in self.state_dict() if name != "_schedulers"})
        for scheduler, state in zip(self._schedulers, state_dict["_schedulers"], strict=True):
            scheduler.load_state_dict(state)

    def _check(self, state_dict: Mapping[str, Any]) -> None:
        states, name = state_dict.get("_schedulers", ()) if isinstance(state_dict, Mapping) else (), type(self).__name__
        if isinstance(states, list | tuple) and len(states) != len(self._schedulers):
            raise ValueError(f"{name}: the state_dict has {len(states)} schedulers, not {len(self._schedulers)}")
        super()._check(state_dict)
        for scheduler, state in zip(self._schedulers, states, strict=True):
            scheduler._check(state)


class SequentialLR(ChainedScheduler):
    """Run schedules one after another, switching at the `milestones`; each begins at its step 0.

    >>> import minigrad as mg
    >>> optimizer = mg.optim.SGD([mg.tensor(1.0, requires_grad=True)], lr=1.0)
    >>> warmup, decay = LinearLR(optimizer, 0.5, total_iters=2), ExponentialLR(optimizer, 0.5)
    >>> scheduler = SequentialLR(optimizer, [warmup, decay], milestones=[2])
    >>> rates = []
    >>> for epoch in range(5):
    ...     rates += scheduler.get_last_lr()
    ...     scheduler.step()
    >>> rates
    [0.5, 0.75, 1.0, 0.5, 0.25]
    """

    def __init__(
        self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int], last_epoch: int = -1
    ):
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(
                f"SequentialLR: {len(schedulers)} schedulers need {len(schedulers) - 1} milestones, got {len(milestones)}"
            )
        super().__init__(schedulers, optimizer)
        self._milestones = list(milestones)
        self.restart()
        self.last_epoch = last_epoch + 1

    def step(self) -> None:
        self.last_epoch += 1
        if self.last_epoch in self._milestones:
            self._current.restart()
        else:
            self._current.step()
        self._last_lr = self._current_rates()

    def restart(self) -> None:
        self.last_epoch = 0
        self._current.restart()
        self._last_lr = self._current_rates()

    @property
    def _current(self) -> LRScheduler:
        return self._schedulers[bisect_right(self._milestones, self.last_epoch)]


class ReduceLROnPlateau(LRScheduler):
    """Multiply the rate by `factor` when the metric given to `step` has not improved for more than `patience` steps.

    `mode` is "min" or "max": the direction of improvement. A change counts as an improvement if it is greater than
    `threshold`, relative to the best value with `threshold_mode` "rel", absolute with "abs". After a reduction, `cooldown`
    steps are not counted. No rate falls below `min_lr`, a number or a list of one for each parameter group; a reduction by
    no more than `eps` is skipped.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: Any = 0.0,
        eps: float = 1e-8,
    ):
        _check_optimizer(self, optimizer)
        if factor >= 1:
            raise ValueError(f"ReduceLROnPlateau: factor must be below 1, got {factor}")
        if mode not in ("min", "max") or threshold_mode not in ("rel", "abs"):
            raise ValueError(
                f'ReduceLROnPlateau: mode must be "min" or "max", threshold_mode "rel" or "abs", '
                f"got {mode!r} and {threshold_mode!r}"
            )
        self.optimizer = optimizer
        self.mode, self.threshold, self.threshold_mode = mode, threshold, threshold_mode
        self.factor, self.patience, self.cooldown, self.eps = factor, patience, cooldown, eps
        self.min_lrs = _each("ReduceLROnPlateau", "min_lr", min_lr, optimizer)
        self.best = math.inf if mode == "min" else -math.inf
        self.last_epoch = self.num_bad_epochs = self.cooldown_counter = 0
        self._last_lr = self._current_rates()

    def step(self, metrics: Any) -> None:  # type: ignore[override]
        """Record the metric of an epoch, a number or one-element tensor; reduce the rates once `patience` is exceeded."""
        metric = float(metrics.detach() if isinstance(metrics, Tensor) else metrics)
        self.last_epoch += 1
        if self._is_better(metric):
            self.best, self.num_bad_epochs = metric, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter:
            self.cooldown_counter, self.num_bad_epochs = self.cooldown_counter - 1, 0
        if self.num_bad_epochs > self.patience:
            for group, least in zip(self.optimizer.param_groups, self.min_lrs, strict=True):
                lower = max(group["lr"] * self.factor, least)
                if group["lr"] - lower > self.eps:
                    group["lr"] = lower
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
        self._last_lr = self._current_rates()

    def _is_better(self, metric: float) -> bool:
        sign = 1 if self.mode == "min" else -1
        if self.threshold_mode == "abs":
            return sign * metric < sign * self.best - self.threshold
        return sign * metric < sign * self.best * (1 - sign * self.threshold)


# Entries of PyTorch's state dicts that are internal there.
BOOKKEEPING = (
    "_get_lr_called_within_step", "_is_initial", "_step_count", "default_min_lr", "mode_worse", "use_beta1",
)  # fmt: skip

# The valid values of attributes, whichever schedule has them.
COUNTS = ("cooldown_counter", "last_epoch", "num_bad_epochs", "T_cur")  # at least 0, or -1 before the first
LENGTHS = ("T_0", "T_i", "T_max", "T_mult", "step_size", "total_steps")  # at least 1
LISTS = (
    "_last_lr",
    "_milestones",
    "base_lrs",
    "base_momentums",
    "max_lrs",
    "max_momentums",
    "min_lrs",
)  # finite numbers, as many as in the current state
CHOICES = {
    "_anneal_func_type": ("cos", "linear"), "mode": ("min", "max", "triangular", "triangular2", "exp_range"),
    "scale_mode": ("cycle", "iterations"), "threshold_mode": ("rel", "abs"),
}  # fmt: skip


def _problems(name: str, current: Any, given: Any) -> list[str]:
    """Return the reasons why `given` cannot be the value of the attribute `name`, whose value is `current` now."""
    problems = differences(name, current, given)
    if problems:
        return problems
    if (name in COUNTS and given < -1) or (name in LENGTHS and given < 1):
        return [f"{name} is {given}"]
    if name in CHOICES and given not in CHOICES[name]:
        return [f"{name} is none of {', '.join(CHOICES[name])}"]
    if name in LISTS and (len(given) != len(current) or not all(map(math.isfinite, given))):
        return [f"{name} must be {len(current)} finite numbers"]
    if name == "milestones" and not all(type(k) is type(v) is int and 0 < v < 2**31 for k, v in given.items()):
        return ["milestones must be counts of steps"]
    if name == "_schedule_phases":
        names = [{key: value for key, value in phase.items() if isinstance(value, str)} for phase in given]
        if names != [{key: value for key, value in phase.items() if isinstance(value, str)} for phase in current]:
            return ["_schedule_phases are of another cycle"]
    return []


def _phases(peak: float, last: float, three_phase: bool) -> list[dict[str, Any]]:
    """Return the phases of a cycle: the last step of each, and the names of the rates and momenta at its ends."""
    phases: list[tuple[Any, ...]] = [(peak, "initial_lr", "max_lr", "max_momentum", "base_momentum")]
    if three_phase:
        phases.append((2 * peak, "max_lr", "initial_lr", "base_momentum", "max_momentum"))
        phases.append((last, "initial_lr", "min_lr", "max_momentum", "max_momentum"))
    else:
        phases.append((last, "max_lr", "min_lr", "base_momentum", "max_momentum"))
    names = ("end_step", "start_lr", "end_lr", "start_momentum", "end_momentum")
    return [dict(zip(names, phase, strict=True)) for phase in phases]


def _cosine(t: float, T: float) -> float:
    """Return the cosine of half-period `T` at `t`, scaled to fall from 1 to 0."""
    return (1 + math.cos(math.pi * t / T)) / 2


def _check_optimizer(scheduler: LRScheduler, optimizer: Any) -> None:
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(scheduler).__name__}: needs an Optimizer, got {type(optimizer).__name__}")


def _check_momentum(schedule: str, optimizer: Optimizer, cycle_momentum: bool) -> None:
    if cycle_momentum and not {"momentum", "betas"} & set(optimizer.defaults):
        raise ValueError(f"{schedule}: {type(optimizer).__name__} has no momentum\n  hint: pass cycle_momentum=False")


def _set_momentum(group: Group, momentum: float) -> None:
    group.update({"betas": (momentum, *group["betas"][1:])} if "betas" in group else {"momentum": momentum})


def _each(schedule: str, name: str, value: Any, optimizer: Optimizer) -> list[Any]:
    """Return a list of one value for each parameter group."""
    count = len(optimizer.param_groups)
    values = list(value) if isinstance(value, list | tuple) else [value] * count
    if len(values) != count:
        raise ValueError(f"{schedule}: {len(values)} values of {name} for {count} parameter groups")
    return values


def _within(schedule: str, name: str, value: float, zero: bool = False) -> float:
    if not 0 <= value <= 1 or (value == 0 and not zero):
        raise ValueError(f"{schedule}: {name} must be within {'[' if zero else '('}0, 1], got {value}")
    return value
