"""Training and evaluation mode of modules; inside `evaluating` it is a property of one thread alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from typing import Any, Protocol

from minigrad.engine.grad_mode import mode as grad_mode
from minigrad.engine.interrupts import Revertible, in_turn

__all__ = ["evaluating", "mode_of", "modes"]


class _Modes(threading.local):
    here: dict[int, bool] = {}  # modes by the id of the module; `evaluating` replaces the dict


modes = _Modes()  # the modes that `evaluating` sets in its thread; elsewhere the attribute `training` holds


class ModuleWithModes(Protocol):
    """The method of a module that `evaluating` uses."""

    def modules(self) -> Iterator[Any]:
        """Yield the module and all modules inside it."""


def mode_of(module: Any) -> tuple[dict[Any, bool], Any]:
    """Return the storage of the mode that applies to a module in this thread: a dict and a key in it."""
    return (modes.here, id(module)) if id(module) in modes.here else (module.__dict__, "training")


class evaluating(Revertible):
    """Set evaluation mode for a module, without recording, for a ``with`` block and in this thread alone.

    The modules themselves do not change: other threads may train or evaluate them at the same time. Changes that `train()`
    and `eval()` make to these modules inside the block, in this thread, are discarded at its end.
    """

    def __init__(self, module: ModuleWithModes):
        super().__init__()
        self.module = module

    def __enter__(self) -> None:
        inside = dict.fromkeys(map(id, self.module.modules()), False)
        undo = in_turn(
            partial(setattr, modes, "here", modes.here), partial(setattr, grad_mode, "enabled", grad_mode.enabled)
        )
        here = modes.here | inside
        self._undo += (undo,)
        modes.here, grad_mode.enabled = here, False
