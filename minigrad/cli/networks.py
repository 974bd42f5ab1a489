"""The networks that commands know by name, and those of users, given as module:Class."""

from __future__ import annotations

import inspect
import math
from typing import Any

from minigrad import models
from minigrad.arrays import Array
from minigrad.cli.arguments import SIZES, Parser, at_least_one, shape
from minigrad.cli.imports import import_object
from minigrad.errors import ShapeError, did_you_mean
from minigrad.nn import Module
from minigrad.nn.inference import evaluating
from minigrad.tensors.tensor import Tensor, tensor

__all__ = ["NAMES", "add_image_arguments", "build", "check_scores", "is_built_in"]

NAMES = {
    "affine": "MultiLayerNet",
    "alexnet-small": "AlexNetSmall",
    "deep-convnet": "DeepConvNet",
    "lenet": "LeNet5",
    "simple-conv": "SimpleConvNet",
}


def add_image_arguments(parser: Parser) -> None:
    """Add the arguments about the images for which a network is built."""
    parser.add_argument(
        "--shape", type=shape, default=(1, 28, 28), metavar="C,H,W", help=f"shape of an image: {SIZES} (default: 1,28,28)"
    )
    parser.add_argument("--classes", type=at_least_one, default=10, metavar="N", help="number of classes (default: 10)")


def is_built_in(name: str) -> bool:
    """Return whether the name is that of a network in minigrad.models; any other is imported from a user's code."""
    module, _, attribute = name.partition(":")
    return name in NAMES or (module == models.__name__ and attribute in models.__all__)


def build(name: str, shape: tuple[int, ...], classes: int) -> Module:
    """Build the network of that name for images (C, H, W) of so many classes.

    A user's class or function is called with those of these arguments that it has: `input_dim` (the shape),
    `input_channels` or `in_channels`, `input_size` (the number of pixels), `output_size` or `num_classes`; a Module is
    returned unchanged. Raises ValueError or ImportError for an unknown name, and for an object that is not a Module and does
    not make one.
    """
    made = _find(name)
    if isinstance(made, Module):
        return made
    if not callable(made) or (isinstance(made, type) and not issubclass(made, Module)):
        kind = f"the class {made.__name__}" if isinstance(made, type) else f"a {type(made).__name__}"
        raise ValueError(f"{name}: is {kind}, not a Module")
    channels = shape[0] if shape else 1
    available = {
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
        given = {key: value for key, value in available.items() if key in signature.parameters}
        signature.bind(**given)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name}: cannot be called to make a network: {error}\n"
            f"  hint: give its parameters defaults, or names of these: {', '.join(available)}"
        ) from None
    network = made(**given)
    if not isinstance(network, Module):
        raise ValueError(f"{name}: returned a {type(network).__name__}, not a Module")
    return network


def check_scores(name: str, network: Module, images: Array, classes: int) -> None:
    """Raise ShapeError unless the network returns a score for each class of an image."""
    with evaluating(network):
        out = network(tensor(images))
    if not isinstance(out, Tensor):
        raise ShapeError(f"{name}: must return a tensor of scores (N, {classes}), it returned a {type(out).__name__}")
    if out.shape != (len(images), classes):
        hint = "take num_classes in its constructor" if ":" in name else "choose another --model"
        raise ShapeError(
            f"{name}: must return ({len(images)}, {classes}), a score for each class, for one image; it returned {out.shape}"
            f"\n  hint: {hint}"
        )


def _find(name: str) -> Any:
    if name in NAMES:
        return getattr(models, NAMES[name])
    module, _, attribute = name.partition(":")
    if not (module and attribute):
        in_models = name in models.__all__
        close = f"; did you mean '{models.__name__}:{name}'?" if in_models else did_you_mean(name, NAMES)
        raise ValueError(f"there is no network {name!r}; there are {', '.join(NAMES)}, and module:Class{close}")
    if module.endswith(".py"):
        raise ValueError(f"{name}: networks are imported from modules; did you mean {module[:-3]}:{attribute}?")
    return import_object(name)
