"""Modules that hold modules, and lists and dicts of parameters."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Generic, Self, overload

from minigrad.nn.module import Forward, Module
from minigrad.nn.parameter import Parameter

__all__ = ["ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "Sequential"]

if TYPE_CHECKING:
    from typing_extensions import TypeVar  # which every checker knows; its defaults are in `typing` since Python 3.13

    from minigrad.tensors.tensor import Tensor

    Output = TypeVar("Output", default=Tensor)
else:
    from minigrad.nn.module import Output


class _Row(Module):
    """Modules in a row, named "0", "1", ... by their places."""

    def append(self, module: Module) -> Self:
        """Add a module at the end; gives the container."""
        self.add_module(str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Module]) -> Self:
        """Add modules at the end; gives the container."""
        for module in modules:
            self.append(module)
        return self

    def insert(self, index: int, module: Module) -> Self:
        """Add a module before the one at `index`; gives the container."""
        row = list(self._modules.values())
        row.insert(index, module)
        self._become(row)
        return self

    def pop(self, index: int | str = -1) -> Module:
        """Take a module out and give it."""
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
        gone = list(self._modules)[index] if isinstance(index, slice) else [self._name(index)]
        for name in gone:
            del self._modules[name]
        if all(name.isdecimal() for name in self._modules):
            self._become(list(self._modules.values()))

    def _name(self, index: Any) -> str:
        return index if isinstance(index, str) else list(self._modules)[index]

    def _become(self, row: list[Module | None]) -> None:
        self._modules.clear()
        for i, module in enumerate(row):
            self.add_module(str(i), module)


class Sequential(_Row, Generic[Output]):
    """Modules called one after another, named "0", "1", ..., or by the keys of one dict.

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

    @overload
    def __getitem__(self, index: slice) -> Sequential: ...
    @overload
    def __getitem__(self, index: int | str) -> Any: ...
    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return Sequential(dict(list(self._modules.items())[index]))
        return super().__getitem__(index)


class ModuleList(_Row):
    """A list whose modules are registered; it has no `forward` of its own."""

    def __init__(self, modules: Iterable[Module] = ()):
        super().__init__()
        self.extend(modules)

    def __getitem__(self, index: Any) -> Any:
        found = super().__getitem__(index)
        return ModuleList(found) if isinstance(index, slice) else found

    def _shown(self) -> Iterator[tuple[str, str]]:
        """Equal ones in a row once, as "(0-2): 3 x ..."."""
        for shown, group in itertools.groupby(super()._shown(), lambda item: item[1]):
            names = [name for name, _ in group]
            yield (f"{names[0]}-{names[-1]}", f"{len(names)} x {shown}") if names[1:] else (names[0], shown)


class ModuleDict(Module):
    """A dict whose modules are registered; it has no `forward` of its own."""

    def __init__(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]] = ()):
        super().__init__()
        self.update(modules)

    def update(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]]) -> None:
        """Add the modules of a dict, or replace those of the same names."""
        for name, module in _pairs("ModuleDict", "module", modules).items():
            self[name] = module

    def keys(self) -> Iterable[str]:
        return self._modules.keys()

    def values(self) -> Iterable[Any]:
        return self._modules.values()

    def items(self) -> Iterable[tuple[str, Any]]:
        return self._modules.items()

    def pop(self, name: str) -> Module:
        """Take a module out and give it."""
        module: Module = self[name]
        del self[name]
        return module

    def clear(self) -> None:
        self._modules.clear()

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, name: object) -> bool:
        return name in self._modules

    def __getitem__(self, name: str) -> Any:
        return self._modules[name]

    def __setitem__(self, name: str, module: Module) -> None:
        self.add_module(name, module)

    def __delitem__(self, name: str) -> None:
        del self._modules[name]


class ParameterList(Module):
    """A list whose parameters are registered under "0", "1", ...; tensors become parameters."""

    def __init__(self, values: Iterable[Any] = ()):
        super().__init__()
        self.extend(values)

    def append(self, value: Any) -> Self:
        """Add a parameter at the end; gives the list."""
        self.register_parameter(str(len(self)), _as_parameter(value))
        return self

    def extend(self, values: Iterable[Any]) -> Self:
        """Add parameters at the end; gives the list."""
        for value in values:
            self.append(value)
        return self

    def __len__(self) -> int:
        return len(self._parameters)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._parameters.values())

    def __getitem__(self, index: int | slice) -> Any:
        found = list(self._parameters.values())[index]
        return ParameterList(found) if isinstance(found, list) else found

    def __setitem__(self, index: int, value: Any) -> None:
        setattr(self, list(self._parameters)[index], _as_parameter(value))

    def extra_repr(self) -> str:
        return _listed(self._parameters)


class ParameterDict(Module):
    """A dict whose parameters are registered under their keys; tensors become parameters."""

    def __init__(self, values: Mapping[str, Any] | Iterable[tuple[str, Any]] = ()):
        super().__init__()
        self.update(values)

    def update(self, values: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> None:
        """Add the parameters of a dict, or replace those of the same names."""
        for name, value in _pairs("ParameterDict", "parameter", values).items():
            self[name] = value

    def keys(self) -> Iterable[str]:
        return self._parameters.keys()

    def values(self) -> Iterable[Any]:
        return self._parameters.values()

    def items(self) -> Iterable[tuple[str, Any]]:
        return self._parameters.items()

    def __len__(self) -> int:
        return len(self._parameters)

    def __iter__(self) -> Iterator[str]:
        return iter(self._parameters)

    def __contains__(self, name: object) -> bool:
        return name in self._parameters

    def __getitem__(self, name: str) -> Any:
        return self._parameters[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self.register_parameter(name, _as_parameter(value))

    def __delitem__(self, name: str) -> None:
        del self._parameters[name]

    def extra_repr(self) -> str:
        return _listed(self._parameters)


def _pairs(owner: str, kind: str, given: Any) -> dict[str, Any]:
    try:
        return dict(given)
    except (TypeError, ValueError):
        raise TypeError(f"{owner}: needs a dict or (name, {kind}) pairs, got {type(given).__name__}") from None


def _as_parameter(value: Any) -> Parameter:
    return value if isinstance(value, Parameter) else Parameter(value)


def _listed(parameters: Mapping[str, Parameter | None]) -> str:
    """A line for each parameter."""
    lines = [f"({name}): Parameter of {p.dtype} and shape {p.shape}" for name, p in parameters.items() if p is not None]
    return "\n".join(lines)
