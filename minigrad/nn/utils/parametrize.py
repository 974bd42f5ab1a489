"""Parametrizations: parameters that are computed, each time they are read, from other parameters."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from minigrad.engine.grad_mode import no_grad
from minigrad.errors import ShapeError
from minigrad.nn.containers import ModuleDict, ModuleList
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.tensors.tensor import Tensor

__all__ = [
    "ParametrizationList", "cached", "is_parametrized", "register_parametrization", "remove_parametrizations",
    "type_before_parametrizations",
]  # fmt: skip


class _Cache(threading.local):
    values: dict[tuple[int, str], Tensor] | None = None  # None outside `cached`


_cache = _Cache()


@contextmanager
def cached() -> Iterator[None]:
    """Compute each parametrized tensor at most once in the block, in this thread; do not change parameters inside.

    >>> from minigrad import nn
    >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(2, 2))
    >>> with nn.utils.parametrize.cached():
    ...     layer.weight is layer.weight
    True
    >>> layer.weight is layer.weight
    False
    """
    before = _cache.values
    _cache.values = {} if before is None else before
    try:
        yield
    finally:
        _cache.values = before


class ParametrizationList(ModuleList):
    """The parametrizations of one tensor, first to last, with the parameter `original` that they are applied to.

    If the first parametrization takes several tensors, they are `original0`, `original1` and so on. Called without
    arguments, it returns the tensor.

    >>> from minigrad import nn
    >>> layer = nn.utils.parametrize.register_parametrization(nn.Linear(2, 2), "weight", nn.Tanh())
    >>> layer.parametrizations.weight, layer.parametrizations.weight.original.shape
    (ParametrizationList(
      (0): Tanh()
    ), (2, 2))
    """

    is_tensor = True  # whether there is one `original`
    count = 1  # of tensors that the first parametrization takes

    def __init__(self, modules: Iterable[Module], original: Tensor, unsafe: bool = False):
        super().__init__(modules)
        with no_grad():
            new = self._inverted(original)
        self.is_tensor = isinstance(new, Tensor)
        self.count = 1 if isinstance(new, Tensor) else len(new)
        if isinstance(new, Tensor):
            if not unsafe and (new.dtype != original.dtype or new.shape != original.shape):
                raise _changed("right_inverse", original, new)
            original.replace_array(new.array)
            _register(self, "original", original)
        else:
            for i, part in enumerate(new):
                _register(self, f"original{i}", Parameter(part, original.requires_grad))

    def right_inverse(self, value: Tensor) -> None:
        """Set the originals such that the tensor becomes `value`.

        Raises RuntimeError if a parametrization has no right inverse, ShapeError for a value of another shape.
        """
        lacking = [type(each).__name__ for each in self if not hasattr(each, "right_inverse")]
        if lacking:
            raise RuntimeError(f"parametrization {lacking[0]} has no right_inverse, so the tensor cannot be assigned")
        with no_grad():
            new = self._inverted(value)
            for old, part in zip(self._originals(), (new,) if isinstance(new, Tensor) else new, strict=True):
                if old.shape != part.shape:
                    raise _changed("right_inverse", old, part)
                old.data.copy_(part)

    def forward(self) -> Tensor:
        first, *others = self
        x: Tensor = first(*self._originals())
        for each in others:
            x = each(x)
        return x

    def _originals(self) -> list[Tensor]:
        names = ["original"] if self.is_tensor else [f"original{i}" for i in range(self.count)]
        return [getattr(self, name) for name in names]

    def _inverted(self, value: Any) -> Any:
        for each in reversed(list(self)):
            if hasattr(each, "right_inverse"):
                value = each.right_inverse(value)
        return value


def register_parametrization(module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False) -> Module:
    """Compute a parameter or buffer of a module by ``parametrization(original)`` from now on; return the module.

    The original is kept as ``module.parametrizations[tensor_name].original``. If there is a method `right_inverse`, it
    computes the original from the present value, and from every value that is assigned. A second parametrization is applied
    to the result of the first. Raises ValueError for a name that is no parameter or buffer; without `unsafe`, ShapeError if
    the shape or dtype would change.

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> class Symmetric(nn.Module):
    ...     def forward(self, x):
    ...         return x.triu() + x.triu(1).T
    >>> layer = nn.utils.parametrize.register_parametrization(nn.Linear(3, 3), "weight", Symmetric())
    >>> bool((layer.weight == layer.weight.T).all()), list(layer.state_dict())
    (True, ['bias', 'parametrizations.weight.original'])
    """
    parametrization.train(module.training)
    parametrized = is_parametrized(module, tensor_name)
    if not parametrized and tensor_name not in {**module._parameters, **module._buffers}:
        raise ValueError(f"register_parametrization: {type(module).__name__} has no parameter or buffer {tensor_name!r}")
    value = getattr(module, tensor_name)
    made = None if parametrized else ParametrizationList([parametrization], original=value, unsafe=unsafe)
    with no_grad():
        result = parametrization(value) if made is None else made()
    if not unsafe and (result.shape != value.shape or result.dtype != value.dtype):
        raise _changed("register_parametrization", value, result)
    if made is None:
        module.parametrizations[tensor_name].append(parametrization)
        return module
    delattr(module, tensor_name)
    if not is_parametrized(module):
        kind = type(module)
        module.__class__ = type(f"Parametrized{kind.__name__}", (kind,), {"__module__": kind.__module__})
        module.parametrizations = ModuleDict()
    setattr(type(module), tensor_name, _property(tensor_name))
    module.parametrizations[tensor_name] = made
    return module


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Return whether the tensor of that name is parametrized, or without a name, any tensor of the module itself.

    >>> from minigrad import nn
    >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(2, 2))
    >>> nn.utils.parametrize.is_parametrized(layer), nn.utils.parametrize.is_parametrized(layer, "bias")
    (True, False)
    """
    found = module._modules.get("parametrizations")
    return isinstance(found, ModuleDict) and bool(found) and (tensor_name is None or tensor_name in found)


def remove_parametrizations(module: Module, tensor_name: str, leave_parametrized: bool = True) -> Module:
    """Make a parametrized tensor an ordinary one again; return the module.

    It keeps its present value, or with ``leave_parametrized=False`` takes that of its original. Raises ValueError if it is
    not parametrized, or if the value of several originals is wanted.

    >>> from minigrad import nn
    >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(2, 2))
    >>> list(nn.utils.parametrize.remove_parametrizations(layer, "weight").state_dict())
    ['bias', 'weight']
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"remove_parametrizations: {tensor_name!r} of {type(module).__name__} is not parametrized")
    removed: Any = module.parametrizations[tensor_name]
    if not removed.is_tensor and not leave_parametrized:
        raise ValueError(f"remove_parametrizations: {tensor_name!r} has {removed.count} originals; leave it parametrized")
    value = getattr(module, tensor_name)
    if not removed.is_tensor:
        original = Parameter(value.detach(), value.requires_grad)
    else:
        original = removed.original
        if leave_parametrized:
            original.replace_array(value.array)
    delattr(type(module), tensor_name)
    del module.parametrizations[tensor_name]
    _register(module, tensor_name, original)
    if not is_parametrized(module):
        del module.parametrizations
        module.__class__ = type(module).__bases__[0]
    return module


def type_before_parametrizations(module: Module) -> type[Module]:
    """Return the class of a module without its parametrizations.

    >>> from minigrad import nn
    >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(2, 2))
    >>> type(layer).__name__, nn.utils.parametrize.type_before_parametrizations(layer).__name__
    ('ParametrizedLinear', 'Linear')
    """
    return type(module).__bases__[0] if is_parametrized(module) else type(module)


def _property(name: str) -> property:
    def read(module: Module) -> Any:
        if _cache.values is None:
            return module.parametrizations[name]()
        key = id(module), name
        if key not in _cache.values:
            _cache.values[key] = module.parametrizations[name]()
        return _cache.values[key]

    return property(read, lambda module, value: module.parametrizations[name].right_inverse(value))


def _register(module: Module, name: str, tensor: Tensor) -> None:
    if isinstance(tensor, Parameter):
        module.register_parameter(name, tensor)
    else:
        module.register_buffer(name, tensor)


def _changed(what: str, before: Tensor, after: Tensor) -> ShapeError:
    return ShapeError(
        f"{what}: the parametrization changes shape {before.shape} to {after.shape}, {before.dtype} to {after.dtype}"
    )
