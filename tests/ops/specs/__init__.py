"""Every operation's spec, in one file for each file of `minigrad/ops`."""

from __future__ import annotations

import importlib
import pkgutil

from minigrad.testing import OpSpec
from tests.ops.specs import foundations

__all__ = ["SPECS"]

SPECS: list[OpSpec] = [
    spec
    for module in sorted(info.name for info in pkgutil.iter_modules(__path__) if info.name != "foundations")
    for spec in importlib.import_module(f"{__name__}.{module}").SPECS
]
SPECS += [spec.proof() for spec in foundations.SPECS]  # until each has moved to the file of its room
