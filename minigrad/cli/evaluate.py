"""``minigrad eval RUN``: the test accuracy of a run's weights."""

from __future__ import annotations

import argparse
import json
from typing import Any

from minigrad.cli.runs import add_run, open_run
from minigrad.training import evaluate

__all__ = ["add_parser"]


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "eval",
        help="evaluate the weights of a run",
        description="Evaluate the weights of a run on its test data.",
    )
    add_run(parser)
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Evaluate the weights and print the result."""
    _, data, network = open_run(args)
    loss, accuracy = evaluate(network, data.x_test, data.t_test)
    right = round(accuracy * len(data.x_test))
    if args.json:
        print(json.dumps({"run": args.folder, "weights": args.weights, "test_accuracy": accuracy, "test_loss": loss}))
    else:
        print(f"test accuracy {accuracy:.2%} ({right}/{len(data.x_test)}), loss {loss:.4f}; {args.weights} weights")
    return 0
