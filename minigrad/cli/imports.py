"""Objects that are named on the command line as MODULE:NAME."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from minigrad.errors import did_you_mean

__all__ = ["import_object"]


def import_object(target: str) -> Any:
    """Import the object that MODULE:NAME or FILE.py:NAME names; modules of the current folder are found, too.

    Raises ImportError, whose message begins with the target, if there is no such module, file or attribute.
    """
    name, _, path = target.rpartition(":")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())  # as `python -m` has it; the installed command does not
    try:
        found = _run_file(name) if name.endswith(".py") else importlib.import_module(name)
    except (ImportError, FileNotFoundError) as error:
        raise ImportError(f"{target}: {error}") from None
    for part in path.split("."):
        if not hasattr(found, part):
            kind = f"module {name!r}" if isinstance(found, ModuleType) else repr(found)
            raise ImportError(f"{target}: {kind} has no attribute {part!r}{did_you_mean(part, dir(found))}")
        found = getattr(found, part)
    return found


def _run_file(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(Path(name).stem, name)
    if spec is None or spec.loader is None:
        raise ImportError(f"{name} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
