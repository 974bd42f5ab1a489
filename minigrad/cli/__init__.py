"""The command line: ``minigrad train``, ``minigrad eval``, ...

Results go to stdout, talk to stderr. Exit codes: 0 done, 1 an error that a sentence explains, 2 wrong usage, 130 Ctrl-C.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import minigrad
from minigrad.cli import evaluate, filters, gradcheck, graph, info, predict, summary, train
from minigrad.cli.arguments import joined
from minigrad.cli.streams import release, take_any_text
from minigrad.errors import MinigradError, did_you_mean
from minigrad.progress import say

__all__ = ["main"]

EXAMPLES = """examples:
  minigrad train                                     the book's network on 1,797 real digits, in seconds
  minigrad train --data mnist --root DIR --limit-train 5000 --limit-test 1000
  minigrad eval runs/2026-11-24_043100-digits        the accuracy of what a run learned
  minigrad predict runs/2026-11-24_043100-digits 0 1 2
  minigrad graph runs/2026-11-24_043100-digits -o net.html
  minigrad gradcheck minigrad:matmul --shape 3,4 --shape 4,2
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    take_any_text()
    try:
        return _run(argv)
    finally:
        release()


def _run(argv: Sequence[str] | None) -> int:
    parser = argparse.ArgumentParser(
        prog="minigrad",
        description="A tiny PyTorch on NumPy: train and look at small networks.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"minigrad {minigrad.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in (train, evaluate, predict, filters, graph, summary, gradcheck, info):
        command.add_parser(commands)
    given = joined(sys.argv[1:] if argv is None else argv)
    if given and not given[0].startswith("-") and given[0] not in commands.choices:
        parser.error(f"there is no command {given[0]!r}{did_you_mean(given[0], commands.choices) or '; see minigrad --help'}")
    if given and given[0].startswith("--") and not any(name.startswith(given[0]) for name in parser._option_string_actions):
        parser.error(f"unknown option {given[0]!r}{did_you_mean(given[0], parser._option_string_actions)}")
    args, unknown = parser.parse_known_args(given)
    if unknown:
        chosen = commands.choices[args.command]
        what = "option" if unknown[0].startswith("-") else "argument"
        close = did_you_mean(unknown[0].partition("=")[0], chosen._option_string_actions)
        chosen.error(f"unknown {what} {unknown[0]!r}{close}")
    try:
        return int(args.run(args))
    except BrokenPipeError:  # whoever read the results wants no more
        return 1
    except (MinigradError, OSError, ValueError, FloatingPointError, ImportError) as error:
        say(f"minigrad {args.command}: {error}", sys.stderr)
        return 1
    except KeyboardInterrupt:
        say(f"minigrad {args.command}: interrupted", sys.stderr)
        return 130
