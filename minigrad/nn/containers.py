"""Containers: modules in sequences, lists and dicts, and parameters in lists and dicts."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, overload

import numpy as np

from minigrad.nn.module import Forward, Module
from minigrad.nn.parameter import Parameter
from minigrad.tensors.tensor import Tensor

__all__ = ["ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "Sequential"]

if TYPE_CHECKING:
    from typing_extensions import TypeVar  # which every checker knows; its defaults are in `typing` since Python 3.13

    from minigrad.tensors.tensor import Tensor

    Output = TypeVar("Output", default=Tensor)
else:
    from minigrad.nn.module import Output


class _ModuleSequence(Module):
    """Modules in an order, named "0", "1", ... by position."""

    def append(self, module: Module) -> Self:
        """Add a module at the end; return the container."""
        self.add_module(str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Module]) -> Self:
        """Add modules at the end; return the container."""
        for module in modules:
            self.append(module)
        return self

    def __iadd__(self, modules: Iterable[Module]) -> Self:
        return self.extend(modules)

    def __add__(self, modules: Iterable[Module]) -> Any:
        return (Sequential() if isinstance(self, Sequential) else ModuleList()).extend(self).extend(modules)

    def insert(self, index: int, module: Module) -> Self:
        """Insert a module before position `index`; return the container."""
        modules = list(self._modules.values())
        modules.insert(index, module)
        self._renumber(modules)
        return self

    def pop(self, index: int | str = -1) -> Module:
        """Remove a module and return it."""
        module: Module = self[index]
        del self[index]
        return module

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._modules.values())

    def __contains__(self, module: object) -> bool:
        return any(module is inner for inner in self._modules.values())

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, str):
            return self._modules[index]
        return list(self._modules.values())[index]

    def __setitem__(self, index: Any, module: Module) -> None:
        setattr(self, self._name(index), module)

    def __delitem__(self, index: Any) -> None:
        for name in list(self._modules)[index] if isinstance(index, slice) else [self._name(index)]:
            del self._modules[name]
        if all(name.isdecimal() for name in self._modules):
            self._renumber(list(self._modules.values()))

    def _name(self, index: Any) -> str:
        return index if isinstance(index, str) else list(self._modules)[index]

    def _renumber(self, modules: list[Module | None]) -> None:
        self._modules.clear()
        for i, module in enumerate(modules):
            self.add_module(str(i), module)


class Sequential(_ModuleSequence, Generic[Output]):
    """Modules called one after another, each on the output of the previous one.

    They are named "0", "1", ..., or by the keys of one dict given instead.

    >>> from minigrad import nn
    >>> nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    Sequential(
      (0): Linear(in_features=2, out_features=3, bias=True)
      (1): ReLU()
    )
    """

    @overload
    def __init__(self: Sequential[Output], *modules: *tuple[*tuple[Any, ...], Forward[Output]]) -> None: ...
    @overload
    def __init__(self, *modules: Mapping[str, Module | None] | Module | None) -> None: ...
    def __init__(self, *modules: Any) -> None:  # type: ignore[misc]  # mypy does not see that it takes the first, too
        super().__init__()
        if len(modules) == 1 and isinstance(modules[0], list | tuple):
            raise TypeError(f"Sequential: takes modules, got one {type(modules[0]).__name__}\n  hint: Sequential(*modules)")
        named = modules[0] if len(modules) == 1 and isinstance(modules[0], dict) else dict(enumerate(modules))
        for name, module in named.items():
            self.add_module(str(name), module)

    def forward(self, x: Any) -> Output:
        former = None
        for module in self._modules.values():
            if module is not None:
                if x is None and former is not None:
                    raise TypeError(f"Sequential: {type(former).__name__}, before {type(module).__name__}, returned None")
                x, former = module(x), module
        out: Output = x
        return out

    def __mul__(self, repeats: int) -> Sequential:
        """Return a Sequential that calls the modules several times: the same ones, with the same parameters."""
        repeats = operator.index(repeats)
        if repeats < 1:
            raise ValueError(f"Sequential: can be repeated once or more, got {repeats}")
        return Sequential(*list(self) * repeats)

    __rmul__ = __mul__

    @overload
    def __getitem__(self, index: slice) -> Sequential: ...
    @overload
    def __getitem__(self, index: int | str) -> Any: ...
    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return Sequential(dict(list(self._modules.items())[index]))
        return super().__getitem__(index)


class ModuleList(_ModuleSequence):
    """A list whose modules are registered; it has no `forward`."""

    def __init__(self, modules: Iterable[Module] = ()):
        super().__init__()
        self.extend(modules)

    def __getitem__(self, index: Any) -> Any:
        found = super().__getitem__(index)
        return ModuleList(found) if isinstance(index, slice) else found

    def _shown_children(self) -> Iterator[tuple[str, str]]:
        """Yield consecutive modules of equal repr once, as "(0-2): 3 x ..."."""
        for shown, group in itertools.groupby(super()._shown_children(), lambda item: item[1]):
            names = [name for name, _ in group]
            yield (f"{names[0]}-{names[-1]}", f"{len(names)} x {shown}") if names[1:] else (names[0], shown)


class _Dict(Module):
    """The interface of a dict over the modules or parameters of this module."""

    _registry: ClassVar[str]
    _kind: ClassVar[str]

    @property
    def _entries(self) -> dict[str, Any]:
        return self.__dict__[self._registry]

    def __setitem__(self, name: str, value: Any) -> None:
        raise NotImplementedError

    def _set_all(self, given: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> None:
        """Add the entries of a dict or of (name, value) pairs, or replace those of the same names."""
        try:
            pairs = dict(given)
        except (TypeError, ValueError):
            needs = f"{type(self).__name__}: needs a dict or (name, {self._kind}) pairs"
            raise TypeError(f"{needs}, got {type(given).__name__}") from None
        for name, value in pairs.items():
            self[name] = value

    def keys(self) -> Iterable[str]:
        """Return the names, in order."""
        return self._entries.keys()

    def values(self) -> Iterable[Any]:
        """Return the modules or parameters, in order."""
        return self._entries.values()

    def items(self) -> Iterable[tuple[str, Any]]:
        """Return the pairs (name, value), in order."""
        return self._entries.items()

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __getitem__(self, name: str) -> Any:
        return self._entries[name]

    def __delitem__(self, name: str) -> None:
        del self._entries[name]


class ModuleDict(_Dict):
    """A dict whose modules are registered; it has no `forward`."""

    _registry, _kind = "_modules", "module"

    def __init__(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]] = ()):
        super().__init__()
        self.update(modules)

    def __setitem__(self, name: str, module: Module) -> None:
        self.add_module(name, module)

    def update(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]]) -> None:
        """Add the modules of a dict or of (name, module) pairs, or replace those of the same names."""
        self._set_all(modules)

    def pop(self, name: str) -> Module:
        """Remove a module and return it."""
        module: Module = self[name]
        del self[name]
        return module

    def clear(self) -> None:
        """Remove all modules."""
        self._modules.clear()


class ParameterList(Module):
    """A list whose parameters and modules are registered under "0", "1", ...; tensors become parameters.

    As in PyTorch, it also holds other values, such as numbers; they are not registered.
    """

    def __init__(self, values: Iterable[Any] = ()):
        super().__init__()
        self._size = 0
        self.extend(values)

    def append(self, value: Any) -> Self:
        """Add a value at the end; return the list."""
        setattr(self, str(self._size), _as_parameter(value))
        self._size += 1
        return self

    def extend(self, values: Iterable[Any]) -> Self:
        """Add values at the end; return the list."""
        for value in values:
            self.append(value)
        return self

    __iadd__ = extend

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Any]:
        return (getattr(self, str(i)) for i in range(self._size))

    def __getitem__(self, index: int | slice) -> Any:
        found = list(self)[index]
        return ParameterList(found) if isinstance(index, slice) else found

    def __setitem__(self, index: int, value: Any) -> None:
        setattr(self, str(range(self._size)[index]), _as_parameter(value))

    def extra_repr(self) -> str:
        return _listed(self._parameters)


class ParameterDict(_Dict):
    """A dict whose parameters are registered under their keys; tensors become parameters."""

    _registry, _kind = "_parameters", "parameter"

    def __init__(self, parameters: Mapping[str, Any] | Iterable[tuple[str, Any]] | None = None):
        super().__init__()
        self.update(() if parameters is None else parameters)

    def __setitem__(self, name: str, value: Any) -> None:
        self.register_parameter(name, _as_parameter(value))

    def update(self, parameters: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> None:
        """Add the parameters of a dict or of (name, value) pairs, or replace those of the same names."""
        self._set_all(parameters)

    def extra_repr(self) -> str:
        return _listed(self._parameters)


def _as_parameter(value: Any) -> Any:
    return Parameter(value) if isinstance(value, Tensor | np.ndarray) and not isinstance(value, Parameter) else value


def _listed(parameters: Mapping[str, Parameter | None]) -> str:
    """Return a line for each parameter."""
    lines = [f"({name}): Parameter of {p.dtype} and shape {p.shape}" for name, p in parameters.items() if p is not None]
    return "\n".join(lines)
