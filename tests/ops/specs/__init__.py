"""Every operation's spec; files are named after those of `minigrad/ops` where one exists."""

from __future__ import annotations

import importlib
import pkgutil

from minigrad.testing import OpSpec

__all__ = ["SPECS"]

SPECS: list[OpSpec] = [
    spec
    for module in sorted(info.name for info in pkgutil.iter_modules(__path__))
    for spec in importlib.import_module(f"{__name__}.{module}").SPECS
]
