"""``minigrad filters RUN``: a picture of the kernels of a run, before and after training."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from minigrad.cli.arguments import Parser
from minigrad.cli.runs import add_run, open_run

__all__ = ["DESCRIPTION", "HELP", "add_arguments", "run"]

HELP = "draw the kernels of a run"
DESCRIPTION = "Draw the kernels of a convolution before training, after it, and the difference."


def add_arguments(parser: Parser) -> None:
    """Add the arguments of the command."""
    add_run(parser)
    parser.add_argument("--layer", metavar="NAME", help="name of the kernels, such as conv1.weight (default: the first)")
    parser.add_argument("--common-scale", action="store_true", help="one scale for the three grids (default: one for each)")
    parser.add_argument("--out", metavar="FILE", help=".png, .svg or .pdf file (default: filters.png in the run folder)")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")


def run(args: argparse.Namespace) -> int:
    """Draw the kernels and print the name of the file."""
    from minigrad import viz
    from minigrad.viz.filters import kernels

    opened = open_run(args)
    name, trained = kernels(opened.network, args.layer)
    opened.run.load_weights("init", opened.network)
    initial = kernels(opened.network, name)[1]
    out = Path(args.out) if args.out else opened.run.folder / "filters.png"
    viz.filters(trained, initial, layer=name, common_scale=args.common_scale).savefig(out)
    print(json.dumps({"file": str(out), "layer": name, "shape": trained.shape}) if args.json else out)
    return 0
