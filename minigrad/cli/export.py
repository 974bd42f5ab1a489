"""``minigrad export RUN -o FILE.onnx``: write the network of a run as an ONNX file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from minigrad import onnx
from minigrad.cli.arguments import Parser, at_least_one
from minigrad.cli.runs import add_run, open_run
from minigrad.tensors.tensor import tensor

__all__ = ["DESCRIPTION", "HELP", "add_arguments", "run"]

HELP = "write the network of a run as an ONNX file"
DESCRIPTION = "Write the network of a run as an ONNX file, which onnxruntime runs and Netron shows; needs onnx."
EXAMPLES = """examples:
  minigrad export RUN -o net.onnx
  minigrad export RUN -o net.onnx --batch 1 --opset 18
"""


def add_arguments(parser: Parser) -> None:
    """Add the arguments of the command."""
    add_run(parser)
    parser.add_argument("-o", "--out", required=True, metavar="FILE", help="file to write: .onnx")
    parser.add_argument("--batch", type=_batch, metavar="N", help="number of images at once (default: dynamic, any number)")
    parser.add_argument("--opset", type=at_least_one, metavar="N", help="version of ONNX's operators (default: 20)")


def run(args: argparse.Namespace) -> int:
    """Write the file, and print what it takes and returns."""
    if Path(args.out).suffix != ".onnx":
        raise ValueError(f"--out must end in .onnx, got {args.out}")
    _, data, network = open_run(args)
    images = np.resize(data.x_test, (args.batch or 2, *data.x_test.shape[1:]))
    dtype = next((p.dtype for p in network.parameters()), None)
    axes = {} if args.batch else {"images": {0: "batch"}}
    file = onnx.export(
        network, tensor(images, dtype), args.out, input_names=["images"], output_names=["scores"], opset_version=args.opset,
        dynamic_axes=axes,
    )  # fmt: skip
    given, returned = (_described(values[0]) for values in (file.graph.input, file.graph.output))
    print(f"{args.out}: {given} to {returned}; {file.ByteSize():,} bytes, opset {file.opset_import[0].version}")
    return 0


def _described(value: Any) -> str:
    sizes = (dim.dim_param or str(dim.dim_value) for dim in value.type.tensor_type.shape.dim)
    return f"{value.name} ({', '.join(sizes)})"


def _batch(text: str) -> int | None:
    return None if text == "dynamic" else at_least_one(text)
