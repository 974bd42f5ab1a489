"""The networks that commands know by name, and those of the user's own that they are given as module:Class."""

from __future__ import annotations

import difflib
import importlib
import inspect
import math
import os
import sys
from typing import Any

from minigrad import models
from minigrad.nn import Module

__all__ = ["NAMES", "build"]

NAMES = {
    "affine": "MultiLayerNet",
    "alexnet-small": "AlexNetSmall",
    "deep-convnet": "DeepConvNet",
    "lenet": "LeNet5",
    "simple-conv": "SimpleConvNet",
}


def build(name: str, shape: tuple[int, ...], classes: int) -> Module:
    """The network of that name for images (C, H, W) of so many classes.

    Of a class of the user's, the constructor gets what it asks for by name: `input_dim` (the shape), `input_channels`,
    `input_size` (the number of pixels) and `output_size` or `num_classes`. Raises ValueError for an unknown name.
    """
    made = _class(name)
    facts = {
        "input_dim": tuple(shape),
        "input_channels": shape[0],
        "in_channels": shape[0],
        "input_size": math.prod(shape),
        "output_size": classes,
        "num_classes": classes,
    }
    parameters = inspect.signature(made).parameters
    network = made(**{key: value for key, value in facts.items() if key in parameters})
    if not isinstance(network, Module):
        raise ValueError(f"--model {name}: gave a {type(network).__name__}, not a Module")
    return network


def _class(name: str) -> Any:
    if name in NAMES:
        return getattr(models, NAMES[name])
    module, colon, attribute = name.partition(":")
    if not colon:
        close = difflib.get_close_matches(name, NAMES, 1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise ValueError(f"--model {name}: there are {', '.join(NAMES)}, and module:Class for your own{hint}")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())  # the user's own modules, as `python -m` finds them
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"--model {name}: {error}") from None
