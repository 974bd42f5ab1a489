"""Optimizer: walks over parameters, block by block; a subclass is one equation on arrays."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Iterable, Mapping
from itertools import repeat
from typing import Any

import numpy as np

from minigrad.arrays import Array
from minigrad.engine.grad_mode import enable_grad
from minigrad.engine.interrupts import at_once
from minigrad.errors import ShapeError
from minigrad.nn.module import Module, unregistered
from minigrad.tensors.in_place import write_all
from minigrad.tensors.tensor import Tensor

__all__ = ["Optimizer"]

# Elements that are updated together: with its gradient and state a block stays in cache through all the steps of the
# equation, instead of streaming through memory once for each (Adam on 434,000 parameters: 4.5 ms to 1 ms).
BLOCK = 32_768

FLAGS = ("amsgrad", "centered", "maximize", "nesterov")  # options that are true or false
SCHEDULED = ("initial_lr", "max_lr", "min_lr", "base_momentum", "max_momentum")  # what schedules keep in the groups
# Options of PyTorch's groups that say how a step is executed there, and nothing about what it computes.
EXECUTION = ("foreach", "fused", "capturable", "differentiable", "decoupled_weight_decay")


class Optimizer:
    """What all optimizers share: parameter groups, state, and the walk of `step`.

    `params` are tensors, ``(name, tensor)`` pairs, or dicts with "params" and options of their own. Names appear in errors.
    The state of a float16 parameter is float32, and a step on it is computed in float32 and rounded once: a squared gradient
    of 256 or more is infinite in float16, one below 0.0002 is 0. What remains is that a weight does not move by less than
    half of its last place, 0.0005 for weights of 1 to 2; sums of many small steps need float32 parameters.

    Raises ValueError for no parameters (an exhausted generator, modules in a plain list) or for one given twice, for a
    result and for options out of range, TypeError for what is not a tensor.
    """

    buffers: tuple[str, ...] = ()  # the names of the state arrays that `update` keeps for each parameter, zero at first
    decoupled = False  # whether `update` itself decays the weights; else weight_decay * p is added to the gradient

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any]):
        if isinstance(params, Tensor | Mapping):
            raise TypeError(f"{self._name}: params must be an iterable of tensors or dicts, got one {type(params).__name__}")
        if not isinstance(params, Iterable):
            hint = "\n  hint: pass its parameters()" if isinstance(params, Module) else ""
            raise TypeError(
                f"{self._name}: params must be an iterable of tensors or dicts, got {type(params).__name__}{hint}"
            )
        given = list(params)
        if not given:
            raise ValueError(f"{self._name}: got no parameters{_why_none(params)}")
        self.defaults = defaults
        self.param_groups: list[dict[str, Any]] = []
        self.state: dict[Tensor, dict[str, Any]] = {}
        for group in given if isinstance(given[0], Mapping) else [{"params": given}]:
            self.add_param_group(group)

    def add_param_group(self, group: Mapping[str, Any]) -> None:
        """Optimize more parameters, with options that differ from the defaults."""
        if "params" not in group:
            raise ValueError(f"{self._name}: a group needs 'params', got {', '.join(map(repr, group))}")
        unknown = sorted(set(group) - set(self.defaults) - {"params", "initial_lr"})
        if unknown:
            raise ValueError(f"{self._name}: unknown option {unknown[0]!r}; there are {', '.join(self.defaults)}")
        given = [group["params"]] if isinstance(group["params"], Tensor) else list(group["params"])
        named = [item if isinstance(item, tuple) and len(item) == 2 else (None, item) for item in given]
        known = {id(p) for g in self.param_groups for p in g["params"]}
        for i, (name, p) in enumerate(named):
            label = f"parameter {i if name is None else name}"
            if not isinstance(p, Tensor):
                raise TypeError(f"{self._name}: {label} must be a Tensor, got {type(p).__name__}")
            if not p.is_leaf:
                raise ValueError(f"{self._name}: {label} is the result of an operation, not a leaf")
            if id(p) in known:
                raise ValueError(f"{self._name}: {label} of shape {p.shape} is given twice")
            known.add(id(p))
        options = self._checked({**self.defaults, **group})
        options["params"] = [p for _, p in named]
        if named and all(name is not None for name, _ in named):
            options["param_names"] = [name for name, _ in named]
        self.param_groups.append(options)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters; or, with ``set_to_none=False``, make them zero."""
        params = [p for group in self.param_groups for p in group["params"]]
        zeros = [None if set_to_none or p.stored_grad is None else Tensor.from_array(np.zeros_like(p.array)) for p in params]
        at_once(setattr, params, repeat("stored_grad"), zeros)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change every parameter that has a gradient; those without are left alone.

        A `closure` is called first, to compute the loss and its gradients anew; its result is given back. Raises ShapeError
        for a gradient that does not fit its parameter; nothing has changed then. A signal that interrupts the step finds all
        parameters changed or none, but perhaps some state: averages are updated in place, for speed.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        ready = [(p, group) for group in self.param_groups for p in group["params"] if p.grad is not None]
        for p, group in ready:  # all of them first: a step that fails has changed nothing
            if p.grad.shape != p.shape:
                raise ShapeError(
                    f"{self._name}: the gradient has shape {p.grad.shape}, its parameter {p.shape}{_named(p, group)}"
                )
        write_all([p for p, _ in ready], [self._step(p, group) for p, group in ready])
        return loss

    def state_dict(self) -> dict[str, Any]:
        """State and options in PyTorch's layout: the parameters are numbered through all the groups."""
        numbering = {p: i for i, p in enumerate(p for group in self.param_groups for p in group["params"])}
        state = {
            numbering[p]: {
                k: Tensor.from_array(v.copy(order="K")) if isinstance(v, np.ndarray) else v for k, v in values.items()
            }
            for p, values in self.state.items()
        }
        groups = [{**group, "params": [numbering[p] for p in group["params"]]} for group in self.param_groups]
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a `state_dict`, this library's or PyTorch's (see `interop.from_torch`): all of it, or nothing.

        Raises TypeError for what is none, and ValueError listing everything that does not fit.
        """
        try:
            groups, given = list(state_dict["param_groups"]), dict(state_dict["state"])
            sizes = [len(list(group["params"])) for group in groups]
            if not all(type(index) is int for group in groups for index in group["params"]):
                raise TypeError("parameters are numbered")
        except (TypeError, KeyError, ValueError) as error:
            raise TypeError(f"{self._name}: not the state_dict of an optimizer: {error!r}") from None
        own = [len(group["params"]) for group in self.param_groups]
        if sizes != own:
            raise ValueError(f"{self._name}: the state_dict has groups of {sizes} parameters, the optimizer of {own}")
        renewed = []
        for mine, saved in zip(self.param_groups, groups, strict=True):
            kept = {name: value for name, value in saved.items() if name not in EXECUTION}
            renewed.append(self._checked(self._known_options(mine, kept) | {"params": mine["params"]}))
        state: dict[Tensor, dict[str, Any]] = {}
        problems: list[str] = []
        for group, saved in zip(renewed, groups, strict=True):
            for p, index in zip(group["params"], saved["params"], strict=True):
                if index in given:
                    state[p] = self._fitted(f"state[{index}]", given[index], p, group, problems)
        if problems:
            listed = "\n  ".join(problems)
            raise ValueError(f"{self._name}: the state_dict does not fit:\n  {listed}")
        self.param_groups, self.state = renewed, state

    def check(self, options: Mapping[str, Any]) -> None:
        """Raise ValueError for options that do not go together; each for itself is checked already."""

    def start(self, group: dict[str, Any], state: dict[str, Any]) -> dict[str, float]:
        """Count the step of one parameter, and give the numbers that are the same for all its elements."""
        state["step"] = state.get("step", 0) + 1
        return {}

    def update(
        self, group: dict[str, Any], numbers: dict[str, float], p: Array, g: Array, state: list[Array], work: list[Array]
    ) -> None:
        """Change the block `p` and its state in place, given the gradient `g` (not ours) and two arrays to work in."""
        raise NotImplementedError

    def state_names(self, group: dict[str, Any]) -> tuple[str, ...]:
        """The state arrays that the group's options ask for."""
        return self.buffers

    def _step(self, p: Tensor, group: dict[str, Any]) -> Array:
        """Update the state of a parameter, and return its new array."""
        state = self.state.setdefault(p, {})
        numbers = self.start(group, state)
        new = _working_copy(p.array)
        names = self.state_names(group)
        for name in names:
            state[name] = _alike(state[name], new) if name in state else np.zeros_like(new)
        g = _alike(p.grad.array, new)  # type: ignore[union-attr]
        # Every flat view runs through memory in the order of the parameter.
        flat = [a.ravel(order="K") for a in (new, g, *(state[name] for name in names))]
        work = [np.empty(min(BLOCK, new.size), new.dtype) for _ in range(3)]
        decay = 0.0 if self.decoupled else group["weight_decay"]
        for at in range(0, new.size, BLOCK):
            p_block, g_block, *states = [a[at : at + BLOCK] for a in flat]
            w, *others = [a[: len(p_block)] for a in work]
            if group["maximize"]:
                g_block = np.negative(g_block, out=w)
            if decay:  # others[0] is free until `update`
                g_block = np.add(g_block, np.multiply(p_block, decay, out=others[0]), out=w)
            self.update(group, numbers, p_block, g_block, states, others)
        with np.errstate(over="ignore"):  # a float16 weight beyond 65504 becomes infinite, as in PyTorch
            return new.astype(p.dtype, order="K", copy=False)

    def _checked(self, options: dict[str, Any]) -> dict[str, Any]:
        """The options with numbers as Python's own, which leave float32 alone; raises for what is out of range."""
        for name in self.defaults:
            value = options[name]
            if name == "betas":
                try:
                    options[name] = tuple(self._number("betas", beta) for beta in value)
                except TypeError:
                    raise TypeError(f"{self._name}: betas must be two numbers, got {value!r}") from None
                if len(options[name]) != 2 or max(options[name]) >= 1:
                    raise ValueError(f"{self._name}: betas must be two numbers within [0, 1), got {value}")
            elif name in FLAGS:
                options[name] = bool(value)
            else:
                options[name] = self._number(name, value)
        self.check(options)
        return options

    def _known_options(self, mine: dict[str, Any], saved: Mapping[str, Any]) -> dict[str, Any]:
        """A saved group's options, checked where they are not the optimizer's own but a schedule's, and its names."""
        options = {**mine, **saved}
        for name in SCHEDULED:
            if name in options:
                options[name] = self._number(name, options[name])
        if "param_names" in options and not _are_names(options["param_names"], len(mine["params"])):
            raise TypeError(f"{self._name}: param_names must be a text for each parameter")
        return options

    def _number(self, name: str, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            raise TypeError(f"{self._name}: {name} must be a number, got {value!r}")
        number = value if isinstance(value, int) else float(value)
        if not 0 <= number < math.inf:  # also refuses NaN
            raise ValueError(f"{self._name}: {name} must be a finite number of at least 0, got {value}")
        return number

    def _fitted(self, where: str, given: Any, p: Tensor, group: dict[str, Any], problems: list[str]) -> dict[str, Any]:
        """One parameter's state as `_step` wants it; what is wrong with it is added to the problems."""
        found: dict[str, Any] = {}
        names = self.state_names(group)
        if not isinstance(given, Mapping):
            problems.append(f"{where}: has type {type(given).__name__}, expected a dict")
            return found
        for name, value in given.items():
            array = value.array if isinstance(value, Tensor) else np.asarray(value)
            if name == "step":
                if array.size != 1 or array.dtype.kind not in "fiu" or not 0 <= array.item() < 2**53:
                    problems.append(f"{where}: step must be a count, got {_shown(value)}")
                else:
                    found["step"] = int(array.item())
            elif value is None:  # as PyTorch saved a momentum that is not used
                continue
            elif name not in names:
                problems.append(f"{where}: {name} is not part of this {self._name}'s state")
            elif array.shape != p.shape or array.dtype.kind not in "fiu":
                problems.append(f"{where}: {name} has shape {array.shape} of {array.dtype}, its parameter {p.shape}")
            else:
                found[name] = _alike(array.copy(), _working_copy(p.array))
        problems += [f"{where}: {name} is missing" for name in names if name not in given]
        return found

    @property
    def _name(self) -> str:
        return type(self).__name__

    def __repr__(self) -> str:
        lines = [self._name + " ("]
        for i, group in enumerate(self.param_groups):
            options = ", ".join(f"{k}={v}" for k, v in group.items() if k not in ("params", "param_names"))
            lines.append(f"  group {i}: {len(group['params'])} tensors, {options}")
        return "\n".join([*lines, ")"])


def _are_names(value: Any, count: int) -> bool:
    return isinstance(value, list | tuple) and len(value) == count and all(isinstance(name, str) for name in value)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _working_copy(p: Array) -> Array:
    """A copy in the dtype of steps and state: that of the parameter, but float32 for float16."""
    return p.astype(np.float32 if p.dtype == np.float16 else p.dtype, order="K")


def _alike(array: Array, model: Array) -> Array:
    """The array itself where it lies in memory as `model` does, else a copy that does."""
    if array.strides == model.strides and array.dtype == model.dtype:
        return array
    alike = np.empty_like(model)
    alike[...] = array
    return alike


def _named(p: Tensor, group: Mapping[str, Any]) -> str:
    if "param_names" not in group:
        return ""
    name = next(name for name, q in zip(group["param_names"], group["params"], strict=True) if q is p)
    return f" ({name})"


def _why_none(params: Any) -> str:
    """What is certain about an empty iterable of parameters, as the rest of a message."""
    module = getattr(params, "module", None)  # of the iterator that Module.parameters() returns
    if not isinstance(module, Module) or next(module.parameters(), None) is not None:
        return "\n  hint: a generator such as net.parameters() can be used only once"
    kind, found = type(module).__name__, unregistered(module)
    if found is None:
        return f": {kind} has none"
    place, plain = found
    values = plain.values() if isinstance(plain, dict) else plain
    what = "Module" if any(isinstance(value, Module) for value in values) else "Parameter"
    return (
        f": {kind} has none registered\n  hint: {kind}.{place} is a plain {type(plain).__name__} of {what.lower()}s; "
        f"make it an nn.{what}{'Dict' if isinstance(plain, dict) else 'List'}"
    )


def _copied(value: Any) -> Any:
    """Return a value of the state for a state dict: a copy of an array, as a tensor."""
    return Tensor.from_array(value.copy(order="K")) if isinstance(value, np.ndarray) else value
