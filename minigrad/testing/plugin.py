"""The pytest plugin: a `gradcheck` fixture, and failures that show the report instead of the frames of the checker.

Installed with minigrad, it needs no configuration. It imports nothing of the library until a test uses a fixture.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import pytest

__all__ = ["gradcheck", "gradgradcheck", "pytest_runtest_makereport"]


@pytest.fixture
def gradcheck() -> Callable[..., Any]:
    """`minigrad.testing.gradcheck`: compare the gradients of a function with differences of its values."""
    from minigrad.testing import gradcheck

    return gradcheck


@pytest.fixture
def gradgradcheck() -> Callable[..., Any]:
    """`minigrad.testing.gradgradcheck`: the same for second derivatives."""
    from minigrad.testing import gradgradcheck

    return gradgradcheck


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Cut the traceback of a failed check down to the line of the test, and the report."""
    report = yield
    error = call.excinfo.value if call.excinfo is not None else None
    if call.excinfo is not None and type(error).__name__ in ("GradcheckError", "NonDifferentiableError"):
        frames = [entry for entry in call.excinfo.traceback if str(entry.path) == str(item.path)]
        where = f"{item.path.name}:{frames[-1].lineno + 1}: {frames[-1].statement}\n\n" if frames else ""
        notes = "".join(f"\n{note}" for note in getattr(error, "__notes__", ()))
        report.longrepr = f"{where}{type(error).__name__}: {error}{notes}"
    return report
