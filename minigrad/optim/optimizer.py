"""Base class of optimizers: parameter groups, state, and the blockwise loop of `step`; a subclass adds one equation."""

from __future__ import annotations

import math
import numbers
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypedDict

import numpy as np

from minigrad.arrays import Array, array_of
from minigrad.engine.grad_mode import enable_grad
from minigrad.engine.handles import RemovableHandle
from minigrad.errors import ShapeError, did_you_mean
from minigrad.kernels.errstate import errstate
from minigrad.nn.module import Module, unregistered
from minigrad.nn.parameter import clear_gradients
from minigrad.tensors.in_place import write_all
from minigrad.tensors.tensor import Tensor

__all__ = ["Execution", "Group", "Numbers", "Optimizer"]

Group = dict[str, Any]  # the options of a parameter group, and under "params" its parameters
Numbers = dict[str, float]

# Number of elements that are updated together: with its gradient and state a block stays in cache through all operations of
# the equation, instead of streaming through memory once for each (Adam on 434,000 parameters: 4.5 ms to 1 ms).
BLOCK = 32_768

# Options that are checked; a subclass checks any others in `check`.
NUMBERS = (
    "alpha", "dampening", "eps", "initial_accumulator_value", "lambd", "lr", "lr_decay", "momentum", "momentum_decay", "rho",
    "t0", "tolerance_change", "tolerance_grad", "weight_decay",
)  # fmt: skip
PAIRS = ("betas", "etas", "step_sizes")
FLAGS = ("amsgrad", "centered", "decoupled_weight_decay", "maximize", "nesterov")
SCHEDULED = ("initial_lr", "max_lr", "min_lr", "base_momentum", "max_momentum")  # entries that schedules add to the groups


class Execution(TypedDict, total=False):
    """PyTorch's options of every optimizer that select how a step is executed, not what it computes.

    They are accepted and not kept, except that True is refused for `differentiable` (the step would be recorded) and
    `capturable` (for CUDA graphs): a step here does neither.
    """

    foreach: bool | None
    fused: bool | None
    capturable: bool
    differentiable: bool


class Optimizer:
    """Base class of all optimizers: parameter groups, state, and the loop of `step`.

    `params` are tensors, ``(name, tensor)`` pairs, or dicts with "params" and options that override `defaults`. Names appear
    in errors.

    A subclass calls ``super().__init__(params, defaults)`` with its options and their default values, and defines `update`.
    It names its state arrays, if any, in `state_names`. The options "weight_decay" and "maximize" need no code: they change
    the gradient that `update` receives. Options of PyTorch's optimizers (`NUMBERS`, `FLAGS`, "betas") are checked; other
    options may have any value, and `check` may be overridden to check them.

    >>> import numpy as np
    >>> import minigrad as mg
    >>> class Signum(mg.optim.Optimizer):  # Bernstein et al. (2018)
    ...     def __init__(self, params, lr=0.1, decay=0.9):
    ...         super().__init__(params, {"lr": lr, "decay": decay})
    ...     def state_names(self, group):
    ...         return ("average",)
    ...     def update(self, group, numbers, p, g, state, work):
    ...         (average,) = state
    ...         average *= group["decay"]
    ...         average += (1 - group["decay"]) * g
    ...         p -= group["lr"] * np.sign(average)
    >>> x = mg.tensor([1.0, -1.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> Signum([x]).step()
    >>> x
    tensor([ 0.9000, -0.9000], requires_grad=True)

    Or it defines `step`, as subclasses in PyTorch do: `state` holds a dict for every parameter, where such a step may keep
    anything; its options are not checked, and the hooks of steps are then its own affair.

    The state of a float16 parameter is float32, and a step on it is computed in float32 and rounded once: a squared gradient
    of 256 or more is infinite in float16, one below 0.0002 is 0. One limit remains: a weight does not move by less than half
    of its last place, 0.0005 for weights of 1 to 2; sums of many small steps need float32 parameters.

    Raises ValueError for no parameters (an exhausted generator, modules in a plain list), for a parameter given twice, for
    the result of an operation and for options out of range, and TypeError for anything that is not a tensor.
    """

    decoupled = False  # True if weight decay shrinks the weights, by lr * weight_decay, instead of changing the gradient

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any], execution: Mapping[str, Any] | None = None):
        for name in self._executable(execution or {}):
            hint = did_you_mean(name, [*defaults, *Execution.__annotations__])
            raise TypeError(f"{self._name}: unexpected option {name!r}{hint}; there are {', '.join(defaults)}")
        if isinstance(params, Tensor | Mapping):
            raise TypeError(f"{self._name}: params must be an iterable of tensors or dicts, got one {type(params).__name__}")
        if not isinstance(params, Iterable):
            hint = "\n  hint: pass its parameters()" if isinstance(params, Module) else ""
            raise TypeError(
                f"{self._name}: params must be an iterable of tensors or dicts, got {type(params).__name__}{hint}"
            )
        given = list(params)
        if not given:
            raise ValueError(f"{self._name}: got no parameters{_empty_reason(params)}")
        self.defaults = defaults
        self.param_groups: list[dict[str, Any]] = []
        self.state: defaultdict[Tensor, dict[str, Any]] = defaultdict(dict)
        self._hooks: defaultdict[str, dict[int, Callable[..., Any]]] = defaultdict(dict)
        for group in given if isinstance(given[0], Mapping) else [{"params": given}]:
            self.add_param_group(group)

    def add_param_group(self, param_group: Mapping[str, Any]) -> None:
        """Optimize further parameters: ``{"params": ..., option: value, ...}``; options left out have their defaults.

        Other keys are kept as values of the program's own, unless they look like a misspelled option.
        """
        if "params" not in param_group:
            raise ValueError(f"{self._name}: a group needs 'params', got {', '.join(map(repr, param_group))}")
        group = self._executable(param_group)
        for key in sorted(set(group) - set(self.defaults) - {"params", "initial_lr"}):
            if hint := did_you_mean(key, self.defaults):
                raise ValueError(f"{self._name}: unknown option {key!r}{hint}; there are {', '.join(self.defaults)}")
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
        """Clear the gradients of all parameters; with ``set_to_none=False``, set them to zero."""
        clear_gradients([p for group in self.param_groups for p in group["params"]], set_to_none)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient; parameters without one are left alone.

        A `closure`, if given, is called first to recompute the loss and its gradients, and its result is returned. Raises
        ShapeError, with nothing changed, for a gradient whose shape differs from its parameter's. After a signal that
        interrupts the step, either all parameters have changed or none, but some state may have: averages are updated in
        place, for speed.
        """
        for hook in list(self._hooks["before"].values()):
            changed = hook(self, (self,) if closure is None else (self, closure), {})
            if changed is not None:
                args, kwargs = changed
                closure = kwargs.get("closure", (*args, None)[1])
        loss = self.advance(closure)
        for hook in list(self._hooks["after"].values()):
            hook(self, (self,) if closure is None else (self, closure), {})
        return loss

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` before each step; a pair that it returns replaces `args` and `kwargs`.

        As in PyTorch `args` begin with the optimizer. Returns a handle whose `remove` removes the hook.
        """
        return RemovableHandle(self._hooks["before"], hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` after each step. See `register_step_pre_hook`."""
        return RemovableHandle(self._hooks["after"], hook)

    def register_state_dict_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer)`` before `state_dict`, with `prepend` before those registered so far."""
        return RemovableHandle(self._hooks["before_state"], hook, prepend)

    def register_state_dict_post_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer, state_dict)`` after `state_dict`; a result other than None is returned instead."""
        return RemovableHandle(self._hooks["after_state"], hook, prepend)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer, state_dict)`` with a copy before `load_state_dict`; a result is loaded instead."""
        return RemovableHandle(self._hooks["before_load"], hook, prepend)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer)`` after `load_state_dict`."""
        return RemovableHandle(self._hooks["after_load"], hook, prepend)

    def _call_hooks(self, kind: str, *state: Any) -> Any:
        """Call the hooks of one kind, and return the state dict that they leave."""
        for hook in list(self._hooks[kind].values()):
            state = state if (changed := hook(self, *state)) is None or not state else (changed,)
        return state[0] if state else None

    def advance(self, closure: Callable[[], Any] | None) -> Any:
        """Perform a step between its hooks, and return the loss."""
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        ready = [(p, group) for group in self.param_groups for p in group["params"] if p.grad is not None]
        for p, group in ready:  # check all first: a step that fails has changed nothing
            if p.grad.shape != p.shape:
                raise ShapeError(
                    f"{self._name}: the gradient has shape {p.grad.shape}, its parameter {p.shape}{_name_of(p, group)}"
                )
        write_all([p for p, _ in ready], [self._step(p, group) for p, group in ready])
        return loss

    def state_dict(self) -> dict[str, Any]:
        """Return state and options in PyTorch's layout, with the parameters numbered through all groups."""
        self._call_hooks("before_state")
        numbering = {p: i for i, p in enumerate(p for group in self.param_groups for p in group["params"])}
        state = {numbering[p]: {k: _copied(v) for k, v in values.items()} for p, values in self.state.items()}
        groups = [{**group, "params": [numbering[p] for p in group["params"]]} for group in self.param_groups]
        found: dict[str, Any] = self._call_hooks("after_state", {"state": state, "param_groups": groups})
        return found

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Restore a `state_dict` of this library or of PyTorch (see `interop.from_torch`): all of it, or nothing.

        Raises TypeError for an object that is not a state dict, and ValueError with a list of everything that does not fit.
        """
        if self._hooks["before_load"]:
            state_dict = self._call_hooks("before_load", dict(state_dict))
        try:
            groups, given = list(state_dict["param_groups"]), dict(state_dict["state"])
            sizes = [len(list(group["params"])) for group in groups]
            if not all(type(index) is int for group in groups for index in group["params"]):
                raise TypeError("parameters are numbered")
        except (TypeError, KeyError, ValueError) as error:
            raise TypeError(f"{self._name}: not the state_dict of an optimizer: {error!r}") from None
        expected = [len(group["params"]) for group in self.param_groups]
        if sizes != expected:
            raise ValueError(f"{self._name}: the state_dict has groups of {sizes} parameters, the optimizer of {expected}")
        renewed = []
        for mine, saved in zip(self.param_groups, groups, strict=True):
            kept = {name: value for name, value in saved.items() if name not in Execution.__annotations__}
            renewed.append(self._checked(self._merged_options(mine, kept) | {"params": mine["params"]}))
        state: defaultdict[Tensor, dict[str, Any]] = defaultdict(dict)
        problems: list[str] = []
        for group, saved in zip(renewed, groups, strict=True):
            for p, index in zip(group["params"], saved["params"], strict=True):
                if index in given:
                    state[p] = self._fitted(f"state[{index}]", given[index], p, group, problems)
        if problems:
            listed = "\n  ".join(problems)
            raise ValueError(f"{self._name}: the state_dict does not fit:\n  {listed}")
        self.param_groups, self.state = renewed, state
        self._call_hooks("after_load")

    def check(self, options: Mapping[str, Any]) -> None:
        """Raise ValueError for options that do not go together; each option has been checked by itself before."""

    def start(self, group: Group, state: dict[str, Any]) -> Numbers:
        """Count the step of one parameter, and return the numbers that `update` needs for all of its blocks.

        Called before the state arrays of the parameter are created or changed.
        """
        state["step"] = state.get("step", 0) + 1
        return {}

    def update(self, group: Group, numbers: Numbers, p: Array, g: Array, state: list[Array], work: list[Array]) -> None:
        """Change a block of a parameter, `p`, and its state arrays, in place: the equation of the optimizer.

        `numbers` is the result of `start`, `g` the gradient, which must not be written to. `state` are the arrays of
        `state_names`, zero at first, and `work` are two scratch arrays. All arrays are flat, of one length and dtype.
        """
        raise NotImplementedError

    def state_names(self, group: Group) -> tuple[str, ...]:
        """Return the names of the state arrays of each parameter, given the options of its group."""
        return ()

    def state_numbers(self) -> tuple[str, ...]:
        """Return the names of the numbers in the state of each parameter, besides "step"."""
        return ()

    def _step(self, p: Tensor, group: Group) -> Array:
        """Update the state of a parameter and return its new array."""
        state = self.state[p]
        numbers = self.start(group, state)
        new = _working_copy(p.array)
        names = self.state_names(group)
        for name in names:
            state[name] = _match_layout(state[name], new) if name in state else np.zeros_like(new)
        g = _match_layout(p.grad.array, new)  # type: ignore[union-attr]
        # All flat views have the memory order of the parameter.
        flat = [a.ravel(order="K") for a in (new, g, *(state[name] for name in names))]
        work = [np.empty(min(BLOCK, new.size), new.dtype) for _ in range(3)]
        decay = group.get("weight_decay", 0.0)
        decoupled = self.decoupled or group.get("decoupled_weight_decay", False)
        for at in range(0, new.size, BLOCK):
            p_block, g_block, *states = [a[at : at + BLOCK] for a in flat]
            w, *others = [a[: len(p_block)] for a in work]
            if group.get("maximize", False):
                g_block = np.negative(g_block, out=w)
            if decay and decoupled:
                p_block *= 1 - group["lr"] * decay
            elif decay:  # others[0] is free until `update`
                g_block = np.add(g_block, np.multiply(p_block, decay, out=others[0]), out=w)
            self.update(group, numbers, p_block, g_block, states, others)
        with errstate(over="ignore"):  # a float16 weight beyond 65504 becomes infinite, as in PyTorch
            return new.astype(p.dtype, copy=False)

    def _checked(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return the options with NumPy's numbers as Python's, which keep float32; raise for a known option out of range."""
        own_step = type(self).step is not Optimizer.step  # which may take a lr of None, or three betas
        for name in () if own_step else self.defaults:
            value = options[name]
            if name in PAIRS:
                try:
                    options[name] = tuple(self._number(name, number) for number in value)
                except TypeError:
                    raise TypeError(f"{self._name}: {name} must be two numbers, got {value!r}") from None
                if len(options[name]) != 2:
                    raise ValueError(f"{self._name}: {name} must be two numbers, got {value}")
                if name == "betas" and max(options[name]) >= 1:
                    raise ValueError(f"{self._name}: betas must be two numbers within [0, 1), got {value}")
            elif name in FLAGS:
                options[name] = bool(value)
            elif name in NUMBERS:
                options[name] = self._number(name, value)
        self.check(options)
        return options

    def _executable(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return the options without those of `Execution`; raise ValueError for one that would not be kept."""
        for name in ("capturable", "differentiable"):
            if options.get(name):
                what = "captured for a GPU" if name == "capturable" else "recorded, and has no gradient"
                raise ValueError(f"{self._name}: {name} must be False, got {options[name]!r}: a step is not {what}")
        return {name: value for name, value in options.items() if name not in Execution.__annotations__}

    def _merged_options(self, mine: dict[str, Any], saved: Mapping[str, Any]) -> dict[str, Any]:
        """Return a group's options with the saved ones, having checked the entries of schedules and the parameter names."""
        options = {**mine, **saved}
        for name in SCHEDULED:
            if name in options:
                options[name] = self._number(name, options[name])
        names = options.get("param_names", [""] * len(mine["params"]))
        if not isinstance(names, list | tuple) or list(map(type, names)) != [str] * len(mine["params"]):
            raise TypeError(f"{self._name}: param_names must be one string for each parameter")
        return options

    def _number(self, name: str, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            raise TypeError(f"{self._name}: {name} must be a number, got {value!r}")
        number = value if isinstance(value, int) else float(value)
        if not 0 <= number < math.inf:  # also refuses NaN
            raise ValueError(f"{self._name}: {name} must be a finite number of at least 0, got {value}")
        return number

    def _fitted(self, where: str, given: Any, p: Tensor, group: Group, problems: list[str]) -> dict[str, Any]:
        """Return a parameter's saved state in the form that `_step` uses; append every mismatch to `problems`."""
        if type(self).update is Optimizer.update and isinstance(given, Mapping):  # the state of a `step` of its own
            return {name: _copied(value) for name, value in given.items()}
        found: dict[str, Any] = {}
        names = self.state_names(group)
        if not isinstance(given, Mapping):
            problems.append(f"{where}: has type {type(given).__name__}, expected a dict")
            return found
        for name, value in given.items():
            array = array_of(value)
            if name == "step":
                if array.size != 1 or array.dtype.kind not in "fiu" or not 0 <= array.item() < 2**53:
                    problems.append(f"{where}: step must be a count, got {value!r:.80}")
                else:
                    found["step"] = int(array.item())
            elif name in self.state_numbers():
                if array.size != 1 or array.dtype.kind not in "fiu" or not math.isfinite(array.item()):
                    problems.append(f"{where}: {name} must be a finite number, got {value!r:.80}")
                else:
                    found[name] = float(array.item())
            elif value is None:  # PyTorch saves an unused momentum so
                continue
            elif name not in names:
                problems.append(f"{where}: {name} is not part of this {self._name}'s state")
            elif array.shape != p.shape or array.dtype.kind not in "fiu":
                problems.append(f"{where}: {name} has shape {array.shape} of {array.dtype}, its parameter {p.shape}")
            else:
                found[name] = _match_layout(array.copy(), _working_copy(p.array))
        problems += [f"{where}: {name} is missing" for name in (*names, *self.state_numbers()) if name not in given]
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


def _working_copy(p: Array) -> Array:
    """Return a copy in the dtype of steps and state: the parameter's dtype, or float32 for float16."""
    return p.astype(np.float32 if p.dtype == np.float16 else p.dtype)


def _match_layout(array: Array, model: Array) -> Array:
    """Return the array itself if it has the strides and dtype of `model`, else a copy that has."""
    if array.strides == model.strides and array.dtype == model.dtype:
        return array
    copy = np.empty_like(model)
    copy[...] = array
    return copy


def _name_of(p: Tensor, group: Mapping[str, Any]) -> str:
    """Return " (NAME)" for a parameter with a name, else an empty string."""
    if "param_names" not in group:
        return ""
    name = next(name for name, q in zip(group["param_names"], group["params"], strict=True) if q is p)
    return f" ({name})"


def _empty_reason(params: Any) -> str:
    """Return the reason why an iterable of parameters is empty, as the end of an error message."""
    module = getattr(params, "module", None)  # of the iterator that Module.parameters() returns
    if not isinstance(module, Module) or next(module.parameters(), None) is not None:
        return "\n  hint: a generator such as net.parameters() can be used only once"
    kind, found = type(module).__name__, unregistered(module)
    if found is None:
        return f": {kind} has none"
    path, container = found
    values = container.values() if isinstance(container, dict) else container
    what = "Module" if any(isinstance(value, Module) for value in values) else "Parameter"
    return (
        f": {kind} has none registered\n  hint: {kind}.{path} is a plain {type(container).__name__} of {what.lower()}s; "
        f"make it an nn.{what}{'Dict' if isinstance(container, dict) else 'List'}"
    )


def _copied(value: Any) -> Any:
    """Return a value of the state for a state dict: for an array, a tensor with a copy of it."""
    if isinstance(value, list):
        return [_copied(item) for item in value]
    if isinstance(value, Tensor):
        return value.detach().clone()
    return Tensor.from_array(value.copy(order="K")) if isinstance(value, np.ndarray) else value
