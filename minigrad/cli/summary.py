"""``minigrad summary RUN|MODEL``: the layers of a network, with shapes, parameters and costs."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from minigrad import nn
from minigrad.cli import networks
from minigrad.cli.arguments import Parser, at_least_one
from minigrad.cli.runs import add_trust, read_setup
from minigrad.training import Run

__all__ = ["DESCRIPTION", "HELP", "add_arguments", "run"]

HELP = "print shapes, parameters and bytes of a network"
DESCRIPTION = "Print the shapes, parameters, multiply-accumulates and bytes of a network, layer by layer."
EXAMPLES = """examples:
  minigrad summary simple-conv
  minigrad summary mynets:Net --shape 3,32,32
  minigrad summary runs/2026-11-24_043100-digits
"""


def add_arguments(parser: Parser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("network", metavar="RUN|MODEL", help=f"a run folder, {', '.join(networks.NAMES)}, or module:Class")
    networks.add_image_arguments(parser)
    add_trust(parser)
    parser.add_argument("--batch-size", type=at_least_one, default=1, metavar="N", help="images in a batch (default: 1)")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")


def run(args: argparse.Namespace) -> int:
    """Print the summary."""
    name, shape, classes = args.network, args.shape, args.classes
    if Path(name).is_dir():
        setup = read_setup(Run.open(Path(name)), args.trust)
        name, shape, classes = setup.model, setup.shape, setup.classes
    summary = nn.summary(networks.build(name, shape, classes), (args.batch_size, *shape))
    if args.json:
        rows = [row._asdict() for row in summary.rows]
        totals = {"parameters": summary.parameters, "macs": summary.macs, "saved_bytes": summary.saved_bytes}
        print(json.dumps({"network": summary.kind, **totals, "layers": rows}))
    else:
        print(summary)
    return 0
