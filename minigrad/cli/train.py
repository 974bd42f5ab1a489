"""``minigrad train``: train a network and write a run folder."""

from __future__ import annotations

import argparse
import copy
import json
import math
import platform
import shlex
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import minigrad
from minigrad import nn
from minigrad.arrays import Array
from minigrad.cli import data_sources, networks
from minigrad.cli.arguments import Parser, at_least_one, at_least_zero, fraction, number
from minigrad.cli.info import blas
from minigrad.cli.runs import invalid_field, is_path, read_setup
from minigrad.distributed import get_world_size, init_process_group, is_initialized
from minigrad.distributed.launch import launched_ranks
from minigrad.distributed.process_group import is_first, is_joined, process_group
from minigrad.errors import DatasetFileError
from minigrad.kernels.threads import get_threads
from minigrad.nn import Module
from minigrad.optim import OPTIMIZERS, Optimizer, lr_scheduler
from minigrad.progress import say
from minigrad.random import manual_seed
from minigrad.training import EarlyStopping, Run, Trainer, evaluate, gallery, report
from minigrad.training.history import best_epoch
from minigrad.training.ranks import first_before_others, from_first

__all__ = ["DESCRIPTION", "HELP", "add_arguments", "run"]

HELP = "train a network on real digits"
DESCRIPTION = """Train a network, by default SimpleConvNet (conv 5x5 - relu - pool - linear - relu - linear).
Writes a run folder: weights, history, pictures, and a report to open in a browser."""
EXAMPLES = """examples:
  minigrad train                                    the book's network on 1,797 real digits, in seconds
  minigrad train --data mnist --limit-train 5000 --limit-test 1000
  minigrad train --data mnist --model lenet --epochs 12 --schedule cosine
  minigrad train --model mynets:Net                 a class in mynets.py
  minigrad train --resume runs/2026-11-24_043100-digits
  mpiexec -n 4 minigrad train                       four processes, among which each batch is divided
"""
# The defaults of --epochs and --lr.
RECIPES = {
    "digits": {"epochs": 40, "lr": 5e-3},
    "mnist": {"epochs": 20, "lr": 1e-3},
    "fashion": {"epochs": 20, "lr": 1e-3},
}
# Functions of (optimizer, epochs, steps per epoch, learning rate) that make a schedule, and the unit after which it steps.
SCHEDULES: dict[str, tuple[Callable[[Optimizer, int, int, float], Any], str]] = {
    "cosine": (lambda o, epochs, steps, lr: lr_scheduler.CosineAnnealingLR(o, epochs), "epoch"),
    "onecycle": (lambda o, epochs, steps, lr: lr_scheduler.OneCycleLR(o, lr, epochs * steps), "batch"),
    "step": (lambda o, epochs, steps, lr: lr_scheduler.StepLR(o, max(1, epochs // 3)), "epoch"),
}
VALIDATION = 0.1  # the default of --val-fraction
UNSAVED = ("help", "out", "resume", "trust", "no_report", "quiet", "json")  # the others are saved in config.json


def add_arguments(parser: Parser) -> None:
    """Add the arguments of the command."""
    add = parser.add_argument
    add("--data", choices=data_sources.NAMES, default="digits", help="digits: bundled, 8x8 (default); mnist, fashion: 28x28")
    add("--root", metavar="DIR", help="folder of the data files (default: $MINIGRAD_DATA, the cache, or a download)")
    add("--limit-train", type=at_least_one, metavar="N", help="use the first N training images")
    add("--limit-test", type=at_least_one, metavar="N", help="use the first N test images")
    add("--model", default="simple-conv", metavar="NAME", help=f"{', '.join(networks.NAMES)}, or module:Class")
    add("--epochs", type=at_least_one, metavar="N", help=f"number of epochs ({_defaults('epochs')})")
    add("--batch-size", type=at_least_one, default=100, metavar="N", help="images in a batch (default: 100)")
    add("--optimizer", choices=OPTIMIZERS, default="adam", help="optimizer (default: adam)")
    add("--lr", type=number, metavar="LR", help=f"learning rate ({_defaults('lr')})")
    add("--schedule", choices=SCHEDULES, help="learning rate schedule (default: constant)")
    add("--clip", type=number, metavar="NORM", help="clip gradients to this norm")
    add("--patience", type=at_least_one, metavar="N", help="stop when the validation accuracy has not improved for N epochs")
    add("--val-fraction", type=fraction, default=VALIDATION, metavar="F",
        help=f"share of the training images kept for validation, which chooses the best weights (default: {VALIDATION}); "
        "0: train on all, and take the last weights")  # fmt: skip
    add("--seed", type=at_least_zero, default=0, metavar="N", help="random seed; the same seed repeats a run (default: 0)")
    add("--out", metavar="DIR", help="run folder (default: runs/<time>-<data>)")
    add("--resume", metavar="RUN", help="continue an interrupted run; --epochs may be changed")
    trust = "with --resume: allow the run to name a network outside minigrad.models, whose code is then run"
    add("--trust", action="store_true", help=trust)
    add("--no-report", action="store_true", help="omit the pictures and the report")
    add("--quiet", action="store_true", help="print no table, only the result")
    add("--json", action="store_true", help="print the result as one line of JSON, and nothing else, on stdout")
    defaults = {argument.dest: argument.default for argument in parser.arguments if argument.dest not in UNSAVED}
    parser.set_defaults(defaults=defaults)


def run(args: argparse.Namespace) -> int:
    """Train, and print the result; together with the other processes that mpiexec has started, of which the first talks."""
    if launched_ranks() > 1 and not is_initialized():
        init_process_group("mpi")
    opened = _resumed(args) if args.resume is not None and is_first() else None
    folder = Path(args.out) if args.out else Path("runs") / f"{datetime.now():%Y-%m-%d_%H%M%S}-{args.data}"
    if opened is None and is_first() and folder.exists():
        raise FileExistsError(f"{folder} is already there; choose another --out")
    vars(args).update(from_first({name: getattr(args, name) for name in args.defaults}))
    with first_before_others():
        split, trainer = _prepare(args)
    if is_joined():
        process_group("train").agree(f"train on data of checksum {split.checksum}")
    if is_first() and opened is None:
        opened = _create(args, folder, split, trainer)
    elif opened is not None and read_setup(opened, args.trust).sha256 != split.checksum:
        raise DatasetFileError(f"{opened.folder}: the data differ from those of the run, which continues only with the same")
    opened = opened or Run(folder)  # other processes write nothing
    if args.resume is not None:
        trainer.load_checkpoint(opened.checkpoint)
        if is_first():
            opened.save_config(_config(args, split, opened.config))
    opened.by_validation = len(split.x_val) > 0
    trainer.checkpoint = opened.checkpoint
    trainer.callbacks.insert(0, opened)
    try:
        trainer.train()
    except KeyboardInterrupt as interrupt:
        where = str(interrupt).partition(";")[0] or f"in epoch {len(trainer.history) + 1}"
        if is_first():
            say(f"\ninterrupted {where}; continue with: {_resume_command(opened)}", sys.stderr)
        return 130
    with first_before_others():
        if is_first() and not args.no_report:
            _write_pictures(args, opened, trainer, split)
        if is_first():
            _print_result(args, opened, trainer, split)
    return 0


def _prepare(args: argparse.Namespace) -> tuple[Split, Trainer]:
    """Load the data, and make the network and its trainer."""
    for name, value in RECIPES[args.data].items():
        if getattr(args, name) is None:
            setattr(args, name, value)
    data = data_sources.load(args.data, args.root, args.limit_train, args.limit_test)
    manual_seed(args.seed)
    network = networks.build(args.model, data.x_train.shape[1:], len(data.names))
    networks.check_scores(args.model, network, data.x_train[:1], len(data.names))
    split = _split(data, args.val_fraction, args.seed)
    return split, _trainer(args, split, network)


def _create(args: argparse.Namespace, folder: Path, split: Split, trainer: Trainer) -> Run:
    """Create the folder of a new run, with the state before the first step."""
    network = trainer.network
    config = _config(args, split)
    if not args.quiet and not args.json:
        _print_header(args, folder, split, network)
    run = Run.create(folder, config, network)
    run.write("summary.txt", f"{nn.summary(network, (args.batch_size, *split.data.x_train.shape[1:]))}\n")
    trainer.save_checkpoint(run.checkpoint)
    return run


class Split(NamedTuple):
    """A dataset whose training images are split: some are kept for validation."""

    data: data_sources.Data  # with the remaining training images
    x_val: Array
    t_val: Array
    checksum: str  # of the whole dataset


def _split(data: data_sources.Data, share: float, seed: int) -> Split:
    """Set a share of the training images aside, drawn by the seed; none if the share is less than one image."""
    n = len(data.x_train)
    chosen = np.zeros(n, bool)
    chosen[np.random.default_rng(seed).permutation(n)[: int(share * n)]] = True
    rest = data._replace(x_train=data.x_train[~chosen], t_train=data.t_train[~chosen])
    return Split(rest, data.x_train[chosen], data.t_train[chosen], data.checksum)


def _trainer(args: argparse.Namespace, split: Split, network: Module) -> Trainer:
    """Return the trainer. After each epoch it evaluates on the validation images; on the test images if there are none."""
    data = split.data
    held_out = (split.x_val, split.t_val) if len(split.x_val) else (data.x_test, data.t_test)
    options: dict[str, Any] = {}
    if args.schedule is not None:
        make, per = SCHEDULES[args.schedule]
        steps = math.ceil(len(data.x_train) / args.batch_size)
        options = {"scheduler": lambda o: make(o, args.epochs, steps, args.lr), "schedule_per": per}
    return Trainer(
        network,
        data.x_train,
        data.t_train,
        *held_out,
        epochs=args.epochs,
        mini_batch_size=args.batch_size,
        optimizer=args.optimizer,
        optimizer_param={"lr": args.lr},
        verbose=not (args.quiet or args.json),
        seed=args.seed,
        max_grad_norm=args.clip,
        callbacks=[] if args.patience is None else [EarlyStopping(args.patience)],
        **options,
    )


def _resumed(args: argparse.Namespace) -> Run:
    """Return the run to continue; set `args` to those that it was started with, except for the number of epochs."""
    changed = [name for name, value in args.defaults.items() if name != "epochs" and getattr(args, name) != value]
    if changed or args.out:
        option = (changed or ["out"])[0].replace("_", "-")
        raise ValueError(f"--resume continues with the arguments that the run was started with: leave out --{option}")
    run = Run.open(Path(args.resume))
    read_setup(run, args.trust)
    given = {"val_fraction": 0.0, **run.config["arguments"]}  # runs of former versions have no validation
    for argument in args.parser.arguments:
        name, value = argument.dest, given.get(argument.dest)
        if name in args.defaults and not _accepts(argument, value):
            raise invalid_field(run, name, value)
    if not run.checkpoint.is_file():
        raise FileNotFoundError(f"{run.folder} has no checkpoint.npz to continue from")
    for name in args.defaults:
        if name != "epochs" or args.epochs is None:
            setattr(args, name, given.get(name))
    return run


def _accepts(action: argparse.Action, value: Any) -> bool:
    """Return whether the option could have had this value on the command line."""
    if value is None:
        return action.default is None
    if action.type is None:
        return is_path(value) and (action.choices is None or value in action.choices)
    try:
        return type(value) in (int, float) and bool(action.type(str(value)) == value)  # type: ignore[operator]
    except argparse.ArgumentTypeError:
        return False


def _print_header(args: argparse.Namespace, folder: Path, split: Split, network: Module) -> None:
    data = split.data
    shape = "x".join(map(str, data.x_train.shape[1:]))
    counts = f"{len(data.x_train):,} train / {len(split.x_val):,} validation / {len(data.x_test):,} test"
    name, threads = blas()
    ranks = f" | {get_world_size()} processes" if is_joined() else ""
    summary = nn.summary(network, (args.batch_size, *data.x_train.shape[1:]))
    saved = f"{summary.saved_bytes / 1e6:.1f} MB saved for backward at batch {args.batch_size}"
    threads = get_threads() if is_joined() else threads
    numpy = f"numpy {np.__version__} ({name}, {threads} thread{'s' * (threads > 1)}){ranks}"
    say(f"minigrad {minigrad.__version__} | {numpy} | seed {args.seed} | {folder}", sys.stdout)
    say(f"data   {args.data}  {counts}, {shape}, {len(data.names)} classes, {data.source}", sys.stdout)
    say(f"model  {type(network).__name__}  {summary.parameters:,} parameters  {saved}", sys.stdout)


def _write_pictures(args: argparse.Namespace, run: Run, trainer: Trainer, split: Split) -> None:
    """Draw the figures of the network with its best weights, and write the report."""
    talk, data = not (args.quiet or args.json), split.data
    if talk:
        say("drawing the figures ...", sys.stderr)
    network, initial = copy.deepcopy(trainer.network), copy.deepcopy(trainer.network)
    run.load_weights("best", network)
    run.load_weights("init", initial)
    try:
        names = gallery.draw(
            run.folder, network, initial, trainer.history, data.x_test, data.t_test, data.names,
            "validation" if len(split.x_val) else "test",
        )  # fmt: skip
        made = ", ".join(names)
    except ImportError as error:
        made = f"no pictures: {' '.join(str(error).split())}"
    batch = slice(args.batch_size)
    graph = gallery.loss_graph(network, initial.state_dict(), data.x_train[batch], data.t_train[batch])
    graph.save(run.folder / "graph.svg")
    graph.save(run.folder / "graph.html")
    contents = report.ReportData(
        title=f"{type(network).__name__} on {args.data}",
        config=run.config,
        history=trainer.history,
        gradients=trainer.gradient_history,
        diagnoses=list(trainer.diagnoses.values()),
        network=network,
        initial=initial,
        x=data.x_test,
        t=data.t_test,
        classes=data.names,
        graph=graph.render("svg").decode(),
        resume=_resume_command(run),
    )
    run.write("report.html", report.render_report(contents))
    if talk:
        say(f"drawn  {made}, graph.svg, graph.html, report.html", sys.stderr)


def _resume_command(run: Run) -> str:
    trust = "" if networks.is_built_in(run.config["arguments"]["model"]) else " --trust"
    return f"minigrad train --resume {shlex.quote(str(run.folder))}{trust}"


def _print_result(args: argparse.Namespace, run: Run, trainer: Trainer, split: Split) -> None:
    """Print the accuracy on the test images, of the weights that were best in validation; of the last without one.

    The test images choose nothing: the best of many epochs on them would be better than the network is.
    """
    history = trainer.history
    accuracy, chosen = history[-1].val_acc, history[-1]
    if len(split.x_val):
        network = copy.deepcopy(trainer.network)
        run.load_weights("best", network)
        accuracy = evaluate(network, split.data.x_test, split.data.t_test)[1]
        chosen = best_epoch(history)
    if args.json:
        result: dict[str, Any] = {"run": str(run.folder), "test_accuracy": accuracy, "epoch": chosen.epoch}
        result["validation_accuracy"] = chosen.val_acc if len(split.x_val) else None
        result |= {"epochs": len(history), "seconds": sum(e.seconds for e in history)}
        say(json.dumps(result), sys.stdout)
    elif len(split.x_val):
        best = f"best in validation with {chosen.val_acc:.2%}"
        say(f"test accuracy {accuracy:.2%}, with the weights of epoch {chosen.epoch}, {best}; {run.folder}", sys.stdout)
    else:
        say(f"test accuracy {accuracy:.2%}, after the last epoch; {run.folder}", sys.stdout)


def _config(args: argparse.Namespace, split: Split, former: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the configuration of a run; `former` is that of the run that it continues."""
    data = split.data
    arguments = {name: getattr(args, name) for name in args.defaults}
    epochs = None if former is None else former.get("first_epochs", former["arguments"].get("epochs"))
    if type(epochs) is not int:  # a new run, or a configuration that says nothing of it
        epochs = args.epochs
    return {
        "command": _repeating(args, arguments, epochs),
        "first_epochs": epochs,
        "arguments": arguments,
        "data": {
            "name": args.data,
            "train": len(data.x_train),
            "validation": len(split.x_val),
            "test": len(data.x_test),
            "shape": list(data.x_train.shape[1:]),
            "classes": len(data.names),
            "sha256": split.checksum,
        },
        "versions": {"minigrad": minigrad.__version__, "numpy": np.__version__, "python": platform.python_version()},
    }


def _repeating(args: argparse.Namespace, arguments: dict[str, Any], epochs: int) -> str:
    """Return the commands that repeat a run, which was started with so many epochs, to the bit.

    The learning rates of a schedule depend on the number of epochs at the start: such a run, if it was resumed with another
    number, is repeated in two steps.
    """
    if args.schedule is None or epochs == args.epochs:
        return _command(args, arguments)
    first = _command(args, {**arguments, "epochs": epochs}, "--out=again")
    if args.epochs < epochs:
        return f"{first}  # interrupted in epoch {args.epochs + 1}"
    trust = () if networks.is_built_in(args.model) else ("--trust",)
    return f"{first}\n{shlex.join(['minigrad', 'train', '--resume=again', f'--epochs={args.epochs}', *trust])}"


def _command(args: argparse.Namespace, arguments: dict[str, Any], *more: str) -> str:
    given = [f"--{name.replace('_', '-')}={value}" for name, value in arguments.items() if value != args.defaults[name]]
    start = ["mpiexec", "-n", str(get_world_size())] if is_joined() else []
    return shlex.join([*start, "minigrad", "train", *given, *more])


def _defaults(name: str) -> str:
    return "default: " + ", ".join(f"{recipe[name]} for {data}" for data, recipe in RECIPES.items())
