"""``minigrad gradcheck MODULE:FUNCTION``: are the gradients of a function right?"""

from __future__ import annotations

import argparse
import ast
import importlib
import importlib.util
import inspect
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.arrays import Array
from minigrad.cli.arguments import SIZES, at_least_zero, shape
from minigrad.errors import did_you_mean
from minigrad.progress import say
from minigrad.testing import CHECKS, GradcheckReport, NonDifferentiableError, OpSpec, Sample, check_spec
from minigrad.testing import gradcheck as check
from minigrad.testing import gradgradcheck as check_twice
from minigrad.testing.comparison import one_of

__all__ = ["add_parser"]

EXAMPLES = """examples:
  minigrad gradcheck minigrad:matmul --shape 3,4 --shape 4,2
  minigrad gradcheck minigrad.nn.functional:conv2d --shape 2,3,7,7 --shape 4,3,3,3 --set stride=2 --second
  minigrad gradcheck ops.py:softsign                 the function has `samples`: a list of its arguments
  minigrad gradcheck minigrad:log --shape 5 --range 0.5,3 --json
"""


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "gradcheck",
        help="check the gradients of a function",
        description="Compare the gradients of a function with differences of its values. Exit code 0: right, 1: wrong.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("target", metavar="MODULE:FUNCTION", help="a function, or an OpSpec; of a module or a .py file")
    parser.add_argument(
        "--shape", action="append", type=shape, metavar="N,N,...", help=f"of an input, once for each: {SIZES}"
    )
    parser.add_argument("--range", type=limits, metavar="LOW,HIGH", help="of the inputs' values; default: normal")
    parser.add_argument("--dtype", choices=("float64", "float32"), default="float64", help="default: float64")
    parser.add_argument("--set", action="append", type=option, default=[], metavar="NAME=VALUE", help="an option")
    parser.add_argument("--mode", choices=("auto", "full", "directional"), default="auto", help="default: auto")
    parser.add_argument("--kinks", choices=("raise", "skip", "bracket"), default="raise", help="default: raise")
    parser.add_argument(
        "--checks",
        type=names,
        default=CHECKS,
        metavar="NAME,...",
        help=f"side checks to run, or none; default: {','.join(CHECKS)}",
    )
    parser.add_argument("--second", action="store_true", help="check second derivatives, too")
    parser.add_argument("--seed", type=at_least_zero, default=0, help="of values and directions; default: 0")
    parser.add_argument("--json", action="store_true", help="print one line of JSON for each check")
    parser.set_defaults(run=run, parser=parser)


def run(args: argparse.Namespace) -> int:
    """Check, print the reports, and tell by the exit code."""
    function = _found(args)
    if isinstance(function, OpSpec):
        return _prove(function, args)
    failed = False
    for sample in _samples(function, args):
        _check_call(function, sample, args)
        options = {"kwargs": {**sample.kwargs, **dict(args.set)}, "mode": args.mode, "kinks": args.kinks, "seed": args.seed}
        try:
            reports = [check(function, sample.args, checks=args.checks, raise_exception=False, **options)]
            if args.second:
                reports.append(check_twice(function, sample.args, raise_exception=False, **options))
        except (NonDifferentiableError, TypeError) as error:
            say(f"minigrad gradcheck: {args.target}: {error}", sys.stderr)
            return 1
        for report in reports:
            failed |= not report
            print(json.dumps(_record(report)) if args.json else report)
    return int(failed)


def _found(args: argparse.Namespace) -> Any:
    """The object that MODULE:FUNCTION names; a wrong name is wrong usage."""
    module, _, name = args.target.rpartition(":")
    if not module or not name:
        args.parser.error(f"{args.target!r} is not MODULE:FUNCTION")
    try:
        if module.endswith(".py"):
            spec = importlib.util.spec_from_file_location(Path(module).stem, module)
            if spec is None or spec.loader is None:
                raise ImportError(f"{module} is not a Python file")
            found: Any = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(found)
        else:
            sys.path.insert(0, os.getcwd())  # as `python -m` has it; the installed command does not
            try:
                found = importlib.import_module(module)
            finally:
                sys.path.remove(os.getcwd())
        for part in name.split("."):
            found = getattr(found, part)
    except AttributeError as error:
        args.parser.error(f"{args.target}: {error}{did_you_mean(part, dir(found))}")
    except (ImportError, FileNotFoundError) as error:
        args.parser.error(f"{args.target}: {error}")
    if not callable(found) and not isinstance(found, OpSpec):
        args.parser.error(f"{args.target} is a {type(found).__name__}, not a function or an OpSpec")
    return found


def _samples(function: Any, args: argparse.Namespace) -> Iterator[Sample]:
    """Inputs of the shapes given, or the function's own samples: tuples of arguments, or `Sample`s, or a function of rng."""
    rng = np.random.default_rng(args.seed)
    if args.shape:
        values = [
            rng.standard_normal(size) if args.range is None else _uniform(rng, args.range, size) for size in args.shape
        ]
        yield Sample(tuple(np.asarray(value, args.dtype) for value in values))
        return
    samples: Any = getattr(function, "samples", ())
    drawn = list(samples(rng) if callable(samples) else samples)
    if not drawn:
        args.parser.error(f"{args.target} has no `samples`: give the shape of each input with --shape")
    for sample in drawn:
        yield sample if isinstance(sample, Sample) else Sample(tuple(sample))


def _check_call(function: Any, sample: Sample, args: argparse.Namespace) -> None:
    """Inputs and options that the function does not take are wrong usage."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # a function in C that tells nothing about itself
        return
    try:
        signature.bind(*sample.args, **{**sample.kwargs, **dict(args.set)})
    except TypeError as error:
        args.parser.error(f"{args.target}({', '.join(signature.parameters)}) cannot be called with {len(sample.args)} inputs"
                          f"{''.join(f', {name}={value!r}' for name, value in args.set)}: {error}")  # fmt: skip


def _uniform(rng: np.random.Generator, limits: tuple[float, float], size: tuple[int, ...]) -> Array:
    low, high = limits
    return rng.uniform(low, high, size)


def _prove(spec: OpSpec, args: argparse.Namespace) -> int:
    try:
        check_spec(spec, seeds=range(args.seed, args.seed + 20))
    except AssertionError as error:
        failure = "\n".join([str(error), *getattr(error, "__notes__", ())])
        print(json.dumps({"function": spec.name, "passed": False, "failures": [failure]}) if args.json else failure)
        return 1
    print(json.dumps({"function": spec.name, "passed": True, "failures": []}) if args.json else f"{spec.name}: all holds")
    return 0


def _record(report: GradcheckReport) -> dict[str, Any]:
    def numbers(comparison: Any) -> dict[str, Any]:
        names = ("what", "numeric", "analytic", "absolute", "relative", "allowed", "left", "right")
        return {} if comparison is None else {name: getattr(comparison, name) for name in names}

    failures = [{"check": f.check, "message": f.message, **numbers(f.comparison)} for f in report.failures]
    return {
        "function": report.function, "passed": report.passed, "mode": report.mode, "seed": report.seed,
        "inputs": report.inputs, "outputs": report.outputs, "checks": report.checks, "compared": report.compared,
        "skipped": report.skipped, "worst": numbers(report.worst), "failures": failures,
    }  # fmt: skip


def limits(text: str) -> tuple[float, float]:
    try:
        low, high = map(float, text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be two numbers, such as 0.5,3, got {text!r}") from None
    if not low < high < float("inf"):
        raise argparse.ArgumentTypeError(f"the first number must be below the second, got {text!r}")
    return low, high


def names(text: str) -> tuple[str, ...]:
    chosen = tuple(name for name in text.split(",") if name not in ("", "none"))
    for name in chosen:
        try:
            one_of("checks", name, CHECKS)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
    return chosen


def option(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise argparse.ArgumentTypeError(f"must be NAME=VALUE, such as stride=2, got {text!r}")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value
