"""A mutant needs the verdict of a check alone: where the wrong entries lie took three quarters of the time."""

import pytest

from minigrad.testing.input_check import InputCheck


@pytest.fixture(autouse=True)
def _verdicts_alone(monkeypatch):
    monkeypatch.setattr(InputCheck, "locate", lambda self: ("", None))
