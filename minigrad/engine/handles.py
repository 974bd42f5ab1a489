"""Handles of registered hooks."""

from __future__ import annotations

import itertools
from typing import Any, Self

__all__ = ["RemovableHandle"]


class RemovableHandle:
    """Handle of a registered hook: `remove()`, or the end of a ``with`` block, removes the hook."""

    def __init__(self, hooks: dict[int, Any], hook: Any, first: bool = False):
        self._hooks = hooks
        self._key = next(_keys)
        hooks[self._key] = hook
        if first:
            others = [key for key in hooks if key != self._key]
            for key in others:
                hooks[key] = hooks.pop(key)

    def remove(self) -> None:
        """Remove the hook; a second call does nothing."""
        self._hooks.pop(self._key, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


_keys = itertools.count()  # unique also where two threads register hooks at once
