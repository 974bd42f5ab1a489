"""Module: parameters, buffers and other modules under names, in the order in which they were assigned."""

from __future__ import annotations

import difflib
import weakref
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Self

import numpy as np

from minigrad.errors import DTypeError, MinigradError
from minigrad.nn.parameter import Parameter
from minigrad.primitive import DType
from minigrad.scope import here, untracked
from minigrad.tensor import Tensor

__all__ = ["Module"]


class IncompatibleKeys(NamedTuple):
    """What `load_state_dict` found amiss with strict=False."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class Module:
    """A part of a network: assign Parameters and Modules as attributes and define `forward`.

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> class Twice(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.fc = nn.Linear(2, 2)
    ...     def forward(self, x):
    ...         return self.fc(self.fc(x))
    >>> net = Twice()
    >>> net
    Twice(
      (fc): Linear(in_features=2, out_features=2, bias=True)
    )
    >>> [name for name, _ in net.named_parameters()]
    ['fc.weight', 'fc.bias']
    """

    training: bool
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Module | None]

    def __init__(self) -> None:
        for registry in ("_parameters", "_buffers", "_modules"):
            object.__setattr__(self, registry, {})
        object.__setattr__(self, "training", True)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes; define it in a subclass."""
        raise NotImplementedError(f"{type(self).__name__} does not define forward()")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        outer = here.scope
        here.scope = outer, weakref.ref(self), untracked(args)
        try:
            return self.forward(*args, **kwargs)
        except MinigradError as error:
            self._locate(error)
            raise
        finally:
            here.scope = outer

    # Registration

    def __setattr__(self, name: str, value: Any) -> None:
        registries = self.__dict__
        if "_parameters" not in registries:
            if isinstance(value, Parameter | Module):
                raise AttributeError(f"{type(self).__name__}.{name} is assigned before super().__init__() was called")
            object.__setattr__(self, name, value)
            return
        if isinstance(value, Parameter):
            home: dict[str, Any] | None = registries["_parameters"]
        elif isinstance(value, Module):
            self._check_contains(name, value)
            home = registries["_modules"]
        else:
            home = next((registries[r] for r in ("_parameters", "_modules", "_buffers") if name in registries[r]), None)
            if home is not None and value is not None and not (home is self._buffers and isinstance(value, Tensor)):
                kind = "buffer" if home is self._buffers else "parameter" if home is self._parameters else "module"
                raise TypeError(f"{type(self).__name__}.{name} is a {kind}; it cannot become a {type(value).__name__}")
        if home is None:
            object.__setattr__(self, name, value)
            return
        for registry in ("_parameters", "_modules", "_buffers"):
            if registries[registry] is not home:
                registries[registry].pop(name, None)
        registries.pop(name, None)
        home[name] = value

    def __getattr__(self, name: str) -> Any:
        for registry in ("_parameters", "_modules", "_buffers"):
            if name in self.__dict__.get(registry, ()):
                return self.__dict__[registry][name]
        known = [key for key in dir(self) if not key.startswith("_")]
        close = difflib.get_close_matches(name, known, 1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}{hint}")

    def __delattr__(self, name: str) -> None:
        for registry in ("_parameters", "_modules", "_buffers"):
            if name in self.__dict__.get(registry, ()):
                del self.__dict__[registry][name]
                return
        object.__delattr__(self, name)

    def __dir__(self) -> list[str]:
        held = [self.__dict__.get(registry, ()) for registry in ("_parameters", "_buffers", "_modules")]  # none while copied
        return [*super().__dir__(), *(name for names in held for name in names)]

    def register_parameter(self, name: str, parameter: Parameter | None) -> None:
        """Own a parameter under a name; None reserves the name."""
        self._check_name(name)
        if parameter is not None and not isinstance(parameter, Parameter):
            raise TypeError(f"register_parameter: {name!r} must be a Parameter or None, got {type(parameter).__name__}")
        self._parameters[name] = parameter

    def register_buffer(self, name: str, tensor: Tensor | None) -> None:
        """Own a tensor that is saved and converted with the parameters, but not optimized."""
        self._check_name(name)
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(f"register_buffer: {name!r} must be a Tensor or None, got {type(tensor).__name__}")
        self._buffers[name] = tensor

    def add_module(self, name: str, module: Module | None) -> None:
        """Own a module under a name that need not be an identifier, such as "0"."""
        self._check_name(name)
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"add_module: {name!r} must be a Module or None, got {type(module).__name__}")
        self._check_contains(name, module)
        self._modules[name] = module

    # Walks: parents before children, in the order of registration, each object once unless told otherwise

    def named_modules(self, prefix: str = "", remove_duplicate: bool = True) -> Iterator[tuple[str, Module]]:
        """This module under the name `prefix`, and all those inside it under dotted names."""
        seen: set[int] = set()
        stack: list[tuple[str, Module]] = [(prefix, self)]
        while stack:
            name, module = stack.pop()
            if remove_duplicate and id(module) in seen:
                continue
            seen.add(id(module))
            yield name, module
            inner = [(f"{name}.{n}" if name else n, m) for n, m in module._modules.items() if m is not None]
            stack.extend(reversed(inner))

    def modules(self) -> Iterator[Module]:
        return (module for _, module in self.named_modules())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        return ((name, module) for name, module in self._modules.items() if module is not None)

    def children(self) -> Iterator[Module]:
        return (module for _, module in self.named_children())

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Every parameter under its dotted name; a shared one once, under its first name."""
        return self._named("_parameters")

    def parameters(self) -> Iterator[Parameter]:
        return (parameter for _, parameter in self.named_parameters())

    def named_buffers(self) -> Iterator[tuple[str, Tensor]]:
        return self._named("_buffers")

    def buffers(self) -> Iterator[Tensor]:
        return (buffer for _, buffer in self.named_buffers())

    def _named(self, registry: str) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        for prefix, module in self.named_modules():
            for name, tensor in getattr(module, registry).items():
                if tensor is None or id(tensor) in seen:
                    continue
                seen.add(id(tensor))
                yield f"{prefix}.{name}" if prefix else name, tensor

    # Everything at once

    def apply(self, function: Callable[[Module], Any]) -> Self:
        """Call `function` on every module inside, then on this one."""
        for module in reversed(list(self.modules())):
            function(module)
        return self

    def train(self, mode: bool = True) -> Self:
        """Training mode, for layers such as Dropout that behave differently in evaluation."""
        for module in self.modules():
            object.__setattr__(module, "training", mode)
        return self

    def eval(self) -> Self:
        """Evaluation mode."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for parameter in self.parameters():
            parameter.grad = None

    def to(self, dtype: DType) -> Self:
        """Convert parameters and floating-point buffers, in place, to a float dtype; their gradients are forgotten."""
        wanted = np.dtype(dtype)
        if wanted.kind != "f":
            raise DTypeError(f"to: a module's dtype must be a float, got {wanted}")
        for tensor in [*self.parameters(), *self.buffers()]:
            if tensor.dtype.kind == "f" and tensor.dtype != wanted:
                tensor._convert(wanted)
        return self

    def float(self) -> Self:
        return self.to(np.float32)

    def double(self) -> Self:
        return self.to(np.float64)

    # State

    def state_dict(self) -> dict[str, Tensor]:
        """The values of all parameters and buffers under their dotted names: PyTorch's names and layouts."""
        return {key: tensor.detach() for key, tensor in self._state_tensors().items()}

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> IncompatibleKeys:
        """Replace parameters and buffers by the tensors or arrays of `state_dict`: all of them, or none.

        Raises ValueError listing every missing, unexpected and mis-shaped key at once (with strict=False only the
        mis-shaped ones), and TypeError for what is not a mapping of names to numbers; nothing has changed then.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"load_state_dict: needs a mapping of names to arrays, got {type(state_dict).__name__}")
        own = self._state_tensors()
        missing = [key for key in own if key not in state_dict]
        unexpected = [key for key in state_dict if key not in own]
        new = {}
        problems = []
        for key in own:
            if key not in state_dict:
                continue
            value = state_dict[key]
            array = value._array if isinstance(value, Tensor) else np.asarray(value)
            if array.dtype.kind not in "fiub":
                raise TypeError(f"load_state_dict: {key} has dtype {array.dtype}, expected numbers")
            if array.shape != own[key].shape:
                problems.append(f"{key}: has shape {array.shape}, the module {own[key].shape}")
            new[key] = array
        if strict:
            for key in missing:
                problems.append(f"{key}: missing")
            for key in unexpected:
                close = difflib.get_close_matches(str(key), list(own), 1)
                problems.append(f"{key}: unexpected" + (f"; did you mean {close[0]}?" if close else ""))
        if problems:
            listed = "\n  ".join(problems)
            raise ValueError(f"load_state_dict: {len(problems)} problems with {type(self).__name__}\n  {listed}")
        for key, array in new.items():
            replacement = np.empty_like(own[key]._array)
            replacement[...] = array
            own[key]._write(replacement)
        return IncompatibleKeys(missing, unexpected)

    def _state_tensors(self) -> dict[str, Tensor]:
        """Parameters and buffers, module by module; a shared one under each of its names."""
        state = {}
        for prefix, module in self.named_modules(remove_duplicate=False):
            for name, tensor in [*module._parameters.items(), *module._buffers.items()]:
                if tensor is not None:
                    state[f"{prefix}.{name}" if prefix else name] = tensor
        return state

    # Appearance

    def extra_repr(self) -> str:
        """What stands between the parentheses of a layer's repr."""
        return ""

    def __repr__(self) -> str:
        head = type(self).__name__
        lines = [f"({name}): {module!r}".replace("\n", "\n  ") for name, module in self.named_children()]
        if not lines:
            return f"{head}({self.extra_repr()})"
        return f"{head}({self.extra_repr()}\n  " + "\n  ".join(lines) + "\n)"

    def _check_name(self, name: str) -> None:
        if "_parameters" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__}: call super().__init__() before registering {name!r}")
        if not isinstance(name, str):
            raise TypeError(f"a name must be a string, got {type(name).__name__}")
        if not name or "." in name:
            raise KeyError(f"{name!r} cannot be a name: it is empty or holds a dot")
        if name not in self._parameters and name not in self._modules and name not in self._buffers and hasattr(self, name):
            raise KeyError(f"{type(self).__name__} already has an attribute {name!r}")

    def _check_contains(self, name: str, module: Module | None) -> None:
        if module is not None and any(inner is self for inner in module.modules()):
            raise ValueError(f"{type(self).__name__}.{name}: a module cannot contain itself")

    def _locate(self, error: MinigradError) -> None:
        """Name the innermost module in which an error was raised, by its path from this one."""
        inner = getattr(error, "module", self)
        error.module = inner  # type: ignore[attr-defined]
        path = next((name for name, module in self.named_modules() if module is inner), "")
        head = f"{type(self).__name__}.{path}" if path else type(self).__name__
        error.module_path = f"{head} ({inner!r})" if not inner._modules and path else head
