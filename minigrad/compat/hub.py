"""torch.hub: refused, since its files are PyTorch programs and pickles."""

from __future__ import annotations

from typing import Any, NoReturn

__all__ = ["load", "load_state_dict_from_url", "load_url"]


def load(*args: Any, **options: Any) -> NoReturn:
    """Raise RuntimeError: a hub's program needs PyTorch.

    >>> import minigrad as mg
    >>> mg.hub.load("pytorch/vision", "resnet18")
    Traceback (most recent call last):
    RuntimeError: hub: files of PyTorch Hub are programs and pickles for PyTorch
      hint: load the weights with torch and convert them: minigrad.interop.from_torch(state_dict)
    """
    raise RuntimeError(
        "hub: files of PyTorch Hub are programs and pickles for PyTorch\n"
        "  hint: load the weights with torch and convert them: minigrad.interop.from_torch(state_dict)"
    )


load_state_dict_from_url = load_url = load
