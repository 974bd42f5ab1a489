"""``minigrad gradcheck MODULE:FUNCTION``: check the gradients of a function."""

from __future__ import annotations

import argparse
import ast
import functools
import inspect
import json
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from minigrad.cli.arguments import SIZES, Parser, at_least_zero, shape
from minigrad.cli.imports import import_object
from minigrad.progress import say
from minigrad.testing import CHECKS, GradcheckReport, OpSpec, Sample, check_spec
from minigrad.testing import gradcheck as check
from minigrad.testing import gradgradcheck as check_twice
from minigrad.testing.input_check import one_of

__all__ = ["DESCRIPTION", "HELP", "add_arguments", "run"]

HELP = "check the gradients of a function"
DESCRIPTION = "Compare the gradients of a function with finite differences. Exit code: 0 if all checks pass, 1 if one fails."
EXAMPLES = """examples:
  minigrad gradcheck minigrad:matmul --shape 3,4 --shape 4,2
  minigrad gradcheck minigrad.nn.functional:conv2d --shape 2,3,7,7 --shape 4,3,3,3 --set stride=2 --second
  minigrad gradcheck ops.py:softsign                 the function has `samples`: a list of its arguments
  minigrad gradcheck minigrad:log --shape 5 --range 0.5,3 --json
"""


def add_arguments(parser: Parser) -> None:
    """Add the arguments of the command."""
    add = parser.add_argument
    add("target", metavar="MODULE:FUNCTION", help="a function or an OpSpec, in a module or a .py file")
    add("--shape", action="append", type=shape, metavar="N,N,...", help=f"shape of an input, once for each: {SIZES}")
    add("--range", type=limits, metavar="LOW,HIGH", help="draw uniform input values (default: standard normal)")
    add("--dtype", choices=("float64", "float32"), default="float64", help="dtype of the inputs (default: float64)")
    add("--set", action="append", type=option, default=[], metavar="NAME=VALUE", help="option of the function")
    add("--mode", choices=("auto", "full", "directional"), default="auto", help="entries compared (default: auto)")
    add("--kinks", choices=("raise", "skip", "bracket"), default="raise", help="treatment of kinks (default: raise)")
    checks = ", ".join(CHECKS)
    add("--checks", type=check_names, default=CHECKS, metavar="NAME,...", help=f"side checks, or none (default: {checks})")
    add("--second", action="store_true", help="check second derivatives, too")
    add("--seed", type=at_least_zero, default=0, metavar="N", help="seed of values and directions (default: 0)")
    add("--json", action="store_true", help="print one line of JSON for each check")


def run(args: argparse.Namespace) -> int:
    """Run the checks, print the reports, and return the exit code."""
    function = _import_target(args)
    if isinstance(function, OpSpec):
        return _check_spec(function, args)
    failed = False
    for sample in _samples(function, args):
        _check_call(function, sample, args)
        options = {"kwargs": {**sample.kwargs, **dict(args.set)}, "mode": args.mode, "kinks": args.kinks, "seed": args.seed}
        try:
            reports = [check(function, sample.args, checks=args.checks, raise_exception=False, **options)]
            if args.second:
                reports.append(check_twice(function, sample.args, raise_exception=False, **options))
        except (TypeError, ValueError, RuntimeError, LookupError, ArithmeticError) as error:
            say("\n".join([f"minigrad gradcheck: {args.target}: {error}", *getattr(error, "__notes__", ())]), sys.stderr)
            return 1
        for report in reports:
            failed |= not report
            print(json.dumps(_record(report)) if args.json else report)
    return int(failed)


def _import_target(args: argparse.Namespace) -> Any:
    """Return the object that MODULE:FUNCTION names; exit with the usage for a wrong name."""
    if not all(args.target.rpartition(":")):
        args.parser.error(f"{args.target!r} is not MODULE:FUNCTION")
    try:
        found = import_object(args.target)
    except ImportError as error:
        args.parser.error(str(error))
    if not callable(found) and not isinstance(found, OpSpec):
        args.parser.error(f"{args.target} is a {type(found).__name__}, not a function or an OpSpec")
    return found


def _samples(function: Any, args: argparse.Namespace) -> Iterator[Sample]:
    """Draw inputs of the given shapes, or return the function's `samples`: a list of arguments, or a function of an rng."""
    rng = np.random.default_rng(args.seed)
    if args.shape:
        draw = rng.standard_normal if args.range is None else functools.partial(rng.uniform, *args.range)
        yield Sample(tuple(np.asarray(draw(size=size), args.dtype) for size in args.shape))
        return
    samples: Any = getattr(function, "samples", ())
    drawn = samples(rng) if callable(samples) else samples
    if not drawn:
        args.parser.error(f"{args.target} has no `samples`: give the shape of each input with --shape")
    if not isinstance(drawn, list | tuple) or not all(isinstance(sample, Sample | list | tuple) for sample in drawn):
        args.parser.error(f"{args.target}: `samples` must be a list of tuples of arguments, got {drawn!r}")
    for sample in drawn:
        yield sample if isinstance(sample, Sample) else Sample(tuple(sample))


def _check_call(function: Any, sample: Sample, args: argparse.Namespace) -> None:
    """Exit with the usage if the function does not take these inputs and options."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # a function in C without a signature
        return
    try:
        signature.bind(*sample.args, **{**sample.kwargs, **dict(args.set)})
    except TypeError as error:
        args.parser.error(f"{args.target}({', '.join(signature.parameters)}) cannot be called with {len(sample.args)} inputs"
                          f"{''.join(f', {name}={value!r}' for name, value in args.set)}: {error}")  # fmt: skip


def _check_spec(spec: OpSpec, args: argparse.Namespace) -> int:
    """Check an OpSpec and return the exit code."""
    try:
        check_spec(spec, seeds=range(args.seed, args.seed + 20))
    except AssertionError as error:
        failure = "\n".join([str(error), *getattr(error, "__notes__", ())])
        print(json.dumps({"function": spec.name, "passed": False, "failures": [failure]}) if args.json else failure)
        return 1
    print(json.dumps({"function": spec.name, "passed": True, "failures": []}) if args.json else f"{spec.name}: all holds")
    return 0


def _record(report: GradcheckReport) -> dict[str, Any]:
    """Return a report for JSON."""

    def numbers(comparison: Any) -> dict[str, Any]:
        names = ("what", "numeric", "analytic", "absolute", "relative", "allowed", "left", "right")
        return {} if comparison is None else {name: getattr(comparison, name) for name in names}

    failures = [{"check": f.check, "message": f.message, **numbers(f.comparison)} for f in report.failures]
    return {
        "function": report.function, "passed": report.passed, "mode": report.mode, "seed": report.seed,
        "names": report.names, "inputs": report.inputs, "outputs": report.outputs, "checks": report.checks,
        "compared": report.compared, "skipped": report.skipped, "worst": numbers(report.worst), "failures": failures,
    }  # fmt: skip


def limits(text: str) -> tuple[float, float]:
    """Parse LOW,HIGH."""
    try:
        low, high = map(float, text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be two numbers, such as 0.5,3, got {text!r}") from None
    if not low < high < float("inf"):
        raise argparse.ArgumentTypeError(f"the first number must be below the second, got {text!r}")
    return low, high


def check_names(text: str) -> tuple[str, ...]:
    """Parse the names of side checks."""
    chosen = tuple(name for name in text.split(",") if name not in ("", "none"))
    for name in chosen:
        try:
            one_of("checks", name, CHECKS)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
    return chosen


def option(text: str) -> tuple[str, Any]:
    """Parse NAME=VALUE; the value is a Python literal, or a text."""
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise argparse.ArgumentTypeError(f"must be NAME=VALUE, such as stride=2, got {text!r}")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value
