"""Every public name stays where users import it: tests/public_names.txt lists them by namespace.

The list was made before the package was divided into rooms, and holds no names of files, which may move.
"""

import importlib
from pathlib import Path

import pytest

RENAMED = {"minigrad.optim.Optimizer": {"buffers"}}  # by its subclasses: now `state_names`
LISTED = {}
for section in Path(__file__).with_name("public_names.txt").read_text("utf-8").split("[")[1:]:
    namespace, _, names = section.partition("]")
    LISTED[namespace] = sorted(set(names.split()) - RENAMED.get(namespace, set()))


def find(namespace):
    try:
        return importlib.import_module(namespace)
    except ImportError:  # a class
        home, _, name = namespace.rpartition(".")
        return getattr(importlib.import_module(home), name)


@pytest.mark.parametrize("namespace", LISTED)
def test_no_public_name_is_lost(namespace):
    found = find(namespace)
    assert [name for name in LISTED[namespace] if not hasattr(found, name)] == []


@pytest.mark.parametrize("namespace", LISTED)
def test_public_names_are_in_dir(namespace):
    assert set(LISTED[namespace]) <= set(dir(find(namespace)))
