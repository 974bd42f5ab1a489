"""Operations over one, two and three spatial axes from one definition."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from types import FunctionType
from typing import Any, Concatenate, ParamSpec, TypeVar

import numpy as np

from minigrad.arrays import Traced, shape_of
from minigrad.engine.composite import composite
from minigrad.engine.promotion import floating

__all__ = ["Size", "Value", "over_axes", "unbatched"]

P = ParamSpec("P")
R = TypeVar("R")
Value = TypeVar("Value", bound=Any)  # a tensor or an array: the result is what the input is
Size = int | tuple[int, ...]  # the same for every spatial axis, or one for each

REWORDING = {  # of a docstring about images: what replaces what, in this order, for sequences and volumes
    1: {"OH x OW": "OL", "KH, KW": "K", "H, W": "L", "OH, OW": "OL", "KH": "K", "OH": "OL", "(H ": "(L ", "*H/": "*L/",
        "an image": "a sequence", "image": "sequence", "pair (height, width)": "tuple of one", "pair": "tuple of one"},
    2: {},
    3: {"OH x OW": "OD x OH x OW", "KH, KW": "KD, KH, KW", " H, W": " D, H, W", "OH, OW": "OD, OH, OW",
        "an image": "a volume", "image": "volume", "pair (height,": "triple (depth, height,", "pair": "triple"},
}  # fmt: skip


def over_axes(
    function: Callable[Concatenate[int, P], R], *floats: str
) -> tuple[Callable[P, R], Callable[P, R], Callable[P, R]]:
    """Make the operations over 1, 2 and 3 spatial axes of a function whose first parameter is their number.

    ``_conv(n, x, ...)`` becomes the composites `conv1d`, `conv2d` and `conv3d`, each with the other parameters. The
    docstring describes images; it is reworded for sequences and volumes, and reduced to the examples that call the
    operation. An `x` without its batch axis has a result without it. `floats` names the inputs that are computed as floats
    (see `floating`).

    >>> import numpy as np
    >>> def _sums(n, x):
    ...     return x.sum(tuple(range(2, 2 + n)))
    >>> sums1d, sums2d, sums3d = over_axes(_sums)
    >>> sums1d(np.ones((2, 3, 4))).shape, sums2d(np.ones((3, 4, 5))).shape
    ((2, 3), (3,))
    """
    signature = inspect.signature(function)
    signature = signature.replace(parameters=list(signature.parameters.values())[1:])
    return (
        _over(function, signature, 1, floats),
        _over(function, signature, 2, floats),
        _over(function, signature, 3, floats),
    )


def _over(function: Any, signature: inspect.Signature, n: int, floats: tuple[str, ...]) -> Callable[..., Any]:
    """Make the composite over `n` spatial axes."""
    name = f"{function.__name__.removeprefix('_')}{n}d"
    # a copy under this name, which Python's messages about arguments then show
    implementation = FunctionType(function.__code__, function.__globals__, name, function.__defaults__, function.__closure__)
    implementation.__kwdefaults__, implementation.__qualname__ = function.__kwdefaults__, name

    def over(*args: Any, **options: Any) -> Any:
        if len(shape_of(args[0] if args else options.get("x"))) == n + 1:
            return unbatched(functools.partial(implementation, n), *args, **options)
        return implementation(n, *args, **options)

    over.__signature__ = signature  # type: ignore[attr-defined]
    over.__name__ = over.__qualname__ = name
    over.__module__, over.__doc__ = function.__module__, _reworded(function.__doc__ or "", name, n)
    return floating(*floats)(composite(over)) if floats else composite(over)


def unbatched(function: Callable[..., Any], x: Any, *args: Any, **options: Any) -> Any:
    """Call a function of a batch on one item without the batch axis, and remove the axis from its result, or its results.

    >>> import numpy as np
    >>> unbatched(lambda images: images.sum((2, 3)), np.ones((3, 4, 5))).shape
    (3,)
    """
    x = x if isinstance(x, Traced) else np.asarray(x)
    out = function(x.reshape((1, *shape_of(x))), *args, **options)
    return tuple([y.reshape(y.shape[1:]) for y in out]) if isinstance(out, tuple) else out.reshape(out.shape[1:])


def _reworded(text: str, name: str, n: int) -> str:
    """Return a docstring about images in terms of `n` axes, with only those of its examples that call `name`."""
    paragraphs = [part for part in text.split("\n\n") if ">>>" not in part or f" {name}(" in part]
    return functools.reduce(lambda text, words: text.replace(*words), REWORDING[n].items(), "\n\n".join(paragraphs))
