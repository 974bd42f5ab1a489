"""Mixed precision: disabled. Everything is computed in the dtypes of its tensors, and no gradient needs to be scaled."""

from __future__ import annotations

import warnings
from contextlib import ContextDecorator
from typing import Any

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd", "is_autocast_available", "is_autocast_enabled", "unchanged"]


class autocast(ContextDecorator):
    """Context and decorator that changes nothing: operations keep the dtypes of their tensors.

    Warns if it is enabled, since results are then more precise than with PyTorch's bfloat16 or float16.

    >>> import minigrad as mg
    >>> with mg.autocast("cpu", enabled=False):
    ...     (mg.ones(2) @ mg.ones(2)).dtype
    dtype('float32')
    """

    def __init__(self, device_type: str, dtype: Any = None, enabled: bool = True, cache_enabled: bool | None = None):
        self.device, self.enabled = device_type, False
        if enabled:
            _warn("autocast")

    def __enter__(self) -> autocast:
        return self

    def __exit__(self, *raised: object) -> None:
        pass


class GradScaler:
    """A gradient scaler that is disabled: `scale` returns the loss itself, `step` calls the optimizer's.

    Warns if it is enabled, as PyTorch does without CUDA.

    >>> import minigrad as mg
    >>> scaler = mg.GradScaler(enabled=False)
    >>> scaler.scale(mg.tensor(3.0)), scaler.get_scale()
    (tensor(3.), 1.0)
    """

    def __init__(self, *args: Any, enabled: bool = True, **options: Any):
        if enabled:
            _warn("GradScaler")

    def is_enabled(self) -> bool:
        """Return False."""
        return False

    def get_scale(self) -> float:
        """Return 1.0."""
        return 1.0

    def scale(self, outputs: Any) -> Any:
        """Return `outputs`."""
        return outputs

    def unscale_(self, optimizer: Any) -> None:
        """Do nothing: the gradients are not scaled."""

    def step(self, optimizer: Any, *args: Any, **options: Any) -> Any:
        """Return ``optimizer.step(*args, **options)``."""
        return optimizer.step(*args, **options)

    def update(self, new_scale: Any = None) -> None:
        """Do nothing: there is no scale."""

    def state_dict(self) -> dict[str, Any]:
        """Return an empty dict, as a disabled scaler of PyTorch's does."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Do nothing."""


def is_autocast_available(device_type: str) -> bool:
    """Return False.

    >>> import minigrad as mg
    >>> mg.amp.is_autocast_available("cpu")
    False
    """
    return False


def is_autocast_enabled(device_type: str = "cpu") -> bool:
    """Return False.

    >>> import minigrad as mg
    >>> mg.is_autocast_enabled()
    False
    """
    return False


def unchanged(function: Any = None, **options: Any) -> Any:
    """Decorator that returns the function itself; with or without options.

    >>> unchanged(abs) is abs, unchanged(cast_inputs=None)(abs) is abs
    (True, True)
    """
    return function if callable(function) else unchanged


custom_fwd = custom_bwd = unchanged


def _warn(name: str) -> None:
    message = f"{name}: minigrad computes in the dtypes of the tensors; it is disabled\n  hint: enabled=False avoids this"
    warnings.warn(message, stacklevel=3)
