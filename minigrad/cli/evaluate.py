"""``minigrad eval RUN``: the test accuracy of a run's weights."""

from __future__ import annotations

import argparse
import json

from minigrad.cli.arguments import Parser
from minigrad.cli.runs import add_run, open_run
from minigrad.training import evaluate

__all__ = ["DESCRIPTION", "HELP", "add_arguments", "run"]

HELP = "evaluate the weights of a run"
DESCRIPTION = "Evaluate the weights of a run on its test data."


def add_arguments(parser: Parser) -> None:
    """Add the arguments of the command."""
    add_run(parser)
    parser.add_argument("--json", action="store_true", help="print one line of JSON")


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
