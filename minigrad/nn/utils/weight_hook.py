"""Base of hooks that compute a weight before each forward."""

from __future__ import annotations

from typing import Self

from minigrad.engine.grad_mode import no_grad
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.tensors.tensor import Tensor

__all__ = ["WeightHook"]


class WeightHook:
    """A forward pre-hook that computes a weight from other parameters of its module, and keeps it as a plain attribute."""

    suffixes: tuple[str, ...] = ()  # of the parameters and buffers that are there instead of the weight

    def __init__(self, name: str):
        self.name = name

    def compute(self, module: Module, training: bool) -> Tensor:
        """Return the weight; in training a subclass may improve what it estimates."""
        raise NotImplementedError

    def split(self, module: Module, weight: Parameter) -> None:
        """Register parameters and buffers from which the weight is computed."""
        raise NotImplementedError

    def __call__(self, module: Module, args: object) -> None:
        setattr(module, self.name, self.compute(module, module.training))

    def attach(self, module: Module) -> None:
        """Replace the weight of a module; raise RuntimeError if that is done already."""
        if self._key(module) is not None:
            raise RuntimeError(f"{self}: {self.name!r} of {type(module).__name__} is normalized already")
        weight = getattr(module, self.name)
        delattr(module, self.name)
        self.split(module, weight)
        setattr(module, self.name, self.compute(module, False))
        module.register_forward_pre_hook(self)

    @classmethod
    def remove(cls, module: Module, name: str) -> None:
        """Make the weight an ordinary parameter again, of its present value; raise ValueError if it was not replaced."""
        key = cls(name)._key(module)
        if key is None:
            raise ValueError(f"remove_{cls(name)}: {name!r} of {type(module).__name__} is not normalized")
        hook: Self = module._hooks.before.pop(key)[0]  # type: ignore[union-attr,assignment]
        with no_grad():
            weight = hook.compute(module, False)
        for each in (name, *(f"{name}_{suffix}" for suffix in cls.suffixes)):
            delattr(module, each)
        module.register_parameter(name, Parameter(weight))

    def __str__(self) -> str:
        return type(self).__module__.rpartition(".")[2]

    def _key(self, module: Module) -> int | None:
        hooks = {} if module._hooks is None else module._hooks.before
        return next((k for k, (h, _) in hooks.items() if isinstance(h, type(self)) and h.name == self.name), None)
