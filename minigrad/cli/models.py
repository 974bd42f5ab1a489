"""The networks that commands know by name, and those of the user's own that they are given as module:Class."""

from __future__ import annotations

import importlib
import inspect
import math
import os
import sys
from typing import Any

from minigrad import models
from minigrad.arrays import Array
from minigrad.cli.arguments import SIZES, count, shape
from minigrad.errors import ShapeError, did_you_mean
from minigrad.nn import Module
from minigrad.nn.inference import evaluating
from minigrad.tensors.tensor import Tensor

__all__ = ["NAMES", "add_facts", "build", "check_scores", "ships"]

NAMES = {
    "affine": "MultiLayerNet",
    "alexnet-small": "AlexNetSmall",
    "deep-convnet": "DeepConvNet",
    "lenet": "LeNet5",
    "simple-conv": "SimpleConvNet",
}


def add_facts(parser: Any) -> None:
    """The arguments about the images that a network is made for."""
    parser.add_argument(
        "--shape", type=shape, default=(1, 28, 28), metavar="C,H,W", help=f"of an image: {SIZES} (default: 1,28,28)"
    )
    parser.add_argument("--classes", type=count, default=10, metavar="N", help="default: 10")


def ships(name: str) -> bool:
    """Whether the name is that of a network in minigrad.models; any other is imported from code of somebody's own."""
    module, _, attribute = name.partition(":")
    return name in NAMES or (module == models.__name__ and attribute in models.__all__)


def build(name: str, shape: tuple[int, ...], classes: int) -> Module:
    """The network of that name for images (C, H, W) of so many classes.

    A class or function of the user's gets what it asks for by name: `input_dim` (the shape), `input_channels`, `input_size`
    (the number of pixels) and `output_size` or `num_classes`; a Module that is there already is used as it is. Raises
    ValueError for an unknown name, and for what is no Module and makes none.
    """
    made = _class(name)
    if isinstance(made, Module):
        return made
    if not callable(made) or (isinstance(made, type) and not issubclass(made, Module)):
        what = f"the class {made.__name__}" if isinstance(made, type) else f"a {type(made).__name__}"
        raise ValueError(f"{name}: is {what}, not a Module")
    channels = shape[0] if shape else 1
    facts = {
        "input_dim": tuple(shape),
        "input_channels": channels,
        "in_channels": channels,
        "input_size": math.prod(shape),
        "output_size": classes,
        "num_classes": classes,
    }
    if name in NAMES and len(shape) != 3:
        raise ShapeError(f"{name}: takes images (C, H, W), got {tuple(shape)}")
    try:
        signature = inspect.signature(made)
        given = {key: value for key, value in facts.items() if key in signature.parameters}
        signature.bind(**given)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name}: cannot be called to make a network: {error}\n"
            f"  hint: give its parameters defaults, or names of these: {', '.join(facts)}"
        ) from None
    network = made(**given)
    if not isinstance(network, Module):
        raise ValueError(f"{name}: gave a {type(network).__name__}, not a Module")
    return network


def check_scores(name: str, network: Module, images: Array, classes: int) -> None:
    """Raise ShapeError for a network that does not give a score for each class of an image."""
    with evaluating(network):
        out = network(Tensor(images))
    if not isinstance(out, Tensor):
        raise ShapeError(f"{name}: must give a tensor of scores (N, {classes}), it gave a {type(out).__name__}")
    given = out.shape
    if given != (len(images), classes):
        hint = "take num_classes in its constructor" if ":" in name else "choose another --model"
        raise ShapeError(
            f"{name}: must give ({len(images)}, {classes}), a score for each class, for one image; it gave {given}"
            f"\n  hint: {hint}"
        )


def _class(name: str) -> Any:
    if name in NAMES:
        return getattr(models, NAMES[name])
    module, colon, attribute = name.partition(":")
    if not (module and colon and attribute):
        close = did_you_mean(name, NAMES)
        raise ValueError(f"there is no network {name!r}; there are {', '.join(NAMES)}, and module:Class for your own{close}")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())  # the user's own modules, as `python -m` finds them
    try:
        home = importlib.import_module(module)
    except ImportError as error:
        hint = f"; did you mean {module[:-3]}:{attribute}?" if module.endswith(".py") else ""
        raise ValueError(f"{name}: {error}{hint}") from None
    if not hasattr(home, attribute):
        raise ValueError(f"{name}: module {module!r} has no attribute {attribute!r}{did_you_mean(attribute, dir(home))}")
    return getattr(home, attribute)
