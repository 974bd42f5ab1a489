"""The command line: ``minigrad train``, ``minigrad eval``, ...

Results go to stdout, messages to stderr. Exit codes: 0 success, 1 an error with a message, 2 wrong usage, 130 Ctrl-C.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Any

import minigrad
from minigrad.cli import evaluate, export, filters, gradcheck, graph, info, predict, summary, train
from minigrad.cli.arguments import PAUSE, Parser, join_sizes
from minigrad.cli.streams import flush_streams, replace_unencodable
from minigrad.distributed.launch import launched_rank
from minigrad.distributed.process_group import abort, is_initialized
from minigrad.errors import MinigradError, did_you_mean
from minigrad.progress import say

__all__ = ["main"]

COMMANDS: dict[str, Any] = {
    "train": train, "eval": evaluate, "predict": predict, "export": export, "filters": filters, "graph": graph,
    "summary": summary, "gradcheck": gradcheck, "info": info,
}  # fmt: skip
EXAMPLES = """examples:
  minigrad train                                     the book's network on 1,797 real digits, in seconds
  minigrad train --data mnist --root DIR --limit-train 5000 --limit-test 1000
  minigrad eval runs/2026-11-24_043100-digits        the test accuracy of a run
  minigrad predict runs/2026-11-24_043100-digits 0 1 2
  minigrad export runs/2026-11-24_043100-digits -o net.onnx
  minigrad graph runs/2026-11-24_043100-digits -o net.html
  minigrad gradcheck minigrad:matmul --shape 3,4 --shape 4,2
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    replace_unencodable()
    try:
        return _run(argv)
    finally:
        flush_streams()


def _run(argv: Sequence[str] | None) -> int:
    parser = Parser(
        prog="minigrad",
        description="A tiny PyTorch on NumPy: train and inspect small networks.",
        epilog=EXAMPLES,
    )
    parser.add_argument("--version", action="version", version=f"minigrad {minigrad.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        examples = getattr(command, "EXAMPLES", None)
        inner = commands.add_parser(name, help=command.HELP, description=command.DESCRIPTION, epilog=examples)
        command.add_arguments(inner)
        inner.set_defaults(parser=inner)
    given = join_sizes(sys.argv[1:] if argv is None else argv)
    if given and not given[0].startswith("-") and given[0] not in commands.choices:
        hint = did_you_mean(given[0], commands.choices) or "; see minigrad --help"
        parser.error(f"there is no command {given[0]!r}{hint}")
    if given and given[0].startswith("--") and not parser.knows(given[0]):
        parser.reject(given[0])
    args, unknown = parser.parse_known_args(given)
    if unknown:
        commands.choices[args.command].reject(unknown[0])
    try:
        return COMMANDS[args.command].run(args)
    except BrokenPipeError:  # the reader of the results has closed the pipe
        code = 1
    except (MinigradError, OSError, ValueError, FloatingPointError, ImportError) as error:
        if args.command == "train" and launched_rank(on_machine=True) and not is_initialized():
            time.sleep(PAUSE)  # the first process of the machine says why they could not be joined
        else:
            say(f"minigrad {args.command}: {error}", sys.stderr)
        code = 1
    except KeyboardInterrupt:
        if not launched_rank():
            say(f"minigrad {args.command}: interrupted", sys.stderr)
        code = 130
    abort(code)  # other ranks, if there are any, wait for this one
    return code
