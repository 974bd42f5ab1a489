"""Names of arguments, read from code objects instead of signatures."""

import functools
import inspect

import pytest

from minigrad.engine.arguments import parameters_of


def wrapped(x, y=2):
    return x


@functools.wraps(wrapped)
def wrapper(*args, **options):
    return wrapped(*args, **options)


@pytest.mark.parametrize("function", [
    lambda: 0, lambda x, y: 0, lambda x, y=1, z=2: 0, lambda *args: 0, lambda x, *args, k, l=3: 0, lambda *, k: 0,
    lambda x=None, *args, k=1, **options: 0, lambda x, /, y, **options: 0, wrapper,
])  # fmt: skip
def test_parameters_are_those_of_the_signature(function):
    parameters = inspect.signature(function).parameters
    kinds = {p.kind for p in parameters.values()}
    found = parameters_of(function)
    assert found.names == tuple(parameters)
    assert found.defaults == {n: p.default for n, p in parameters.items() if p.default is not p.empty}
    assert found.variadic == (inspect.Parameter.VAR_POSITIONAL in kinds)
    assert found.only_by_name == bool(kinds & {inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD})
