"""``minigrad eval RUN``: what a run's weights are worth on its test data."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from minigrad.cli import datasets
from minigrad.training import Run, evaluate

__all__ = ["add_parser"]


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "eval",
        help="evaluate the weights of a run",
        description="Evaluate the weights of a run on the test data it was trained against.",
    )
    parser.add_argument("folder", metavar="RUN", help="a run folder that `minigrad train` left")
    parser.add_argument("--weights", choices=("best", "last", "init"), default="best", help="default: best")
    parser.add_argument("--root", metavar="DIR", help="where the MNIST files are, if not where they were")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Evaluate, and print the result."""
    saved = Run.open(Path(args.folder))
    data, network = datasets.restore(saved, args.root)
    saved.load_weights(args.weights, network)
    loss, accuracy = evaluate(network, data.x_test, data.t_test)
    right = round(accuracy * len(data.x_test))
    if args.json:
        print(json.dumps({"run": args.folder, "weights": args.weights, "test_accuracy": accuracy, "test_loss": loss}))
    else:
        print(f"test accuracy {accuracy:.2%} ({right}/{len(data.x_test)}), loss {loss:.4f}; {args.weights} weights")
    return 0
