"""``minigrad train``: train a network and leave a run folder."""

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
from typing import Any

import numpy as np

import minigrad
from minigrad.cli import datasets, models
from minigrad.cli.arguments import at_least_zero, count, number
from minigrad.cli.info import blas
from minigrad.cli.runs import check_trust, damaged, is_path, recorded
from minigrad.errors import DatasetFileError
from minigrad.nn import Module
from minigrad.nn.summary import summarize
from minigrad.optim import Optimizer, lr_scheduler
from minigrad.progress import say
from minigrad.random import manual_seed
from minigrad.training import EarlyStopping, Run, Trainer, gallery, report

__all__ = ["add_parser"]

EXAMPLES = """examples:
  minigrad train                                    the book's network on 1,797 real digits, in seconds
  minigrad train --data mnist --limit-train 5000 --limit-test 1000
  minigrad train --data mnist --model lenet --epochs 12 --schedule cosine
  minigrad train --model mynets:Net                 your own class, from mynets.py
  minigrad train --resume runs/2026-11-24_043100-digits
"""
OPTIMIZERS = ("sgd", "adagrad", "rmsprop", "adam", "adamw")
# What --epochs and --lr default to.
RECIPES = {
    "digits": {"epochs": 40, "lr": 5e-3},
    "mnist": {"epochs": 20, "lr": 1e-3},
    "fashion": {"epochs": 20, "lr": 1e-3},
}
# The schedule of an optimizer in a run of so many epochs and steps in each, and after what it steps.
SCHEDULES: dict[str, tuple[Callable[[Optimizer, int, int, float], Any], str]] = {
    "cosine": (lambda o, epochs, steps, lr: lr_scheduler.CosineAnnealingLR(o, epochs), "epoch"),
    "onecycle": (lambda o, epochs, steps, lr: lr_scheduler.OneCycleLR(o, lr, epochs * steps), "batch"),
    "step": (lambda o, epochs, steps, lr: lr_scheduler.StepLR(o, max(1, epochs // 3)), "epoch"),
}
UNSAVED = ("command", "run", "no_report", "quiet", "json", "resume", "defaults", "out", "trust", "parser")


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "train",
        help="train a network on real digits",
        description="Train a network, by default SimpleConvNet (conv 5x5 - relu - pool - linear - relu - linear).\n"
        "Leaves a run folder: weights, history, pictures, and a report to open in a browser.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--data", choices=datasets.NAMES, default="digits", help="digits: bundled, 8x8 (default); mnist, fashion: 28x28")
    add("--root", metavar="DIR", help="where the data's files are (default: $MINIGRAD_DATA, the cache, or a download)")
    add("--limit-train", type=count, metavar="N", help="use the first N training images")
    add("--limit-test", type=count, metavar="N", help="use the first N test images")
    add("--model", default="simple-conv", metavar="NAME", help=f"{', '.join(models.NAMES)}, or module:Class")
    add("--epochs", type=count, metavar="N", help=_defaults("epochs"))
    add("--batch-size", type=count, default=100, metavar="N", help="default: 100")
    add("--optimizer", choices=OPTIMIZERS, default="adam", help="default: adam")
    add("--lr", type=number, metavar="LR", help=f"learning rate; {_defaults('lr')}")
    add("--schedule", choices=SCHEDULES, help="how the learning rate changes (default: not at all)")
    add("--clip", type=number, metavar="NORM", help="scale gradients down to this norm")
    add("--patience", type=count, metavar="N", help="stop when the test accuracy has not improved for N epochs")
    add("--seed", type=at_least_zero, default=0, metavar="N", help="default: 0; the same seed gives the same run")
    add("--out", metavar="DIR", help="the run folder (default: runs/<time>-<data>)")
    add("--resume", metavar="RUN", help="go on with a run where it stopped; --epochs may be given anew")
    add("--trust", action="store_true", help="with --resume: import a network of your own that the run names")
    add("--no-report", action="store_true", help="leave out the pictures and the report")
    add("--quiet", action="store_true", help="print no table, only the result")
    add("--json", action="store_true", help="print the result as one line of JSON, and nothing else, on stdout")
    defaults = {action.dest: action.default for action in parser._actions if action.dest != "help"}
    parser.set_defaults(run=run, defaults=defaults, parser=parser)


def run(args: argparse.Namespace) -> int:
    """Train, and print the result."""
    opened = None if args.resume is None else _resumed(args)
    folder = Path(args.out) if args.out else Path("runs") / f"{datetime.now():%Y-%m-%d_%H%M%S}-{args.data}"
    if opened is None and folder.exists():
        raise FileExistsError(f"{folder} is already there; choose another --out")
    for name, value in RECIPES[args.data].items():
        if getattr(args, name) is None:
            setattr(args, name, value)
    data = datasets.load(args.data, args.root, args.limit_train, args.limit_test)
    manual_seed(args.seed)
    network = models.build(args.model, data.x_train.shape[1:], len(data.names))
    models.check_scores(args.model, network, data.x_train[:1], len(data.names))
    trainer = _trainer(args, data, network)
    if opened is None:
        config = _config(args, data)
        if not args.quiet and not args.json:
            _introduce(args, folder, data, network)
        opened = Run.create(folder, config, network)
        opened.write("summary.txt", f"{summarize(network, (args.batch_size, *data.x_train.shape[1:]))}\n")
        trainer.save_checkpoint(opened.checkpoint)
    else:
        _check_same(opened, data)
        trainer.load_checkpoint(opened.checkpoint)
        opened.save_config(_config(args, data))
    trainer.checkpoint = opened.checkpoint
    trainer.callbacks.insert(0, opened)
    try:
        trainer.train()
    except KeyboardInterrupt as interrupt:
        where = str(interrupt).partition(";")[0] or f"in epoch {len(trainer.history) + 1}"
        say(f"\ninterrupted {where}; go on with: {_resume_command(opened)}", sys.stderr)
        return 130
    if not args.no_report:
        _picture(args, opened, trainer, data)
    _conclude(args, opened, trainer)
    return 0


def _trainer(args: argparse.Namespace, data: datasets.Data, network: Module) -> Trainer:
    options: dict[str, Any] = {}
    if args.schedule is not None:
        make, per = SCHEDULES[args.schedule]
        steps = math.ceil(len(data.x_train) / args.batch_size)
        options = {"scheduler": lambda o: make(o, args.epochs, steps, args.lr), "schedule_per": per}
    return Trainer(
        network,
        *data[:4],
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
    """The run to go on with; `args` become those that it was started with, but for the number of epochs."""
    changed = [
        name for name, value in args.defaults.items() if name not in (*UNSAVED, "epochs") and getattr(args, name) != value
    ]
    if changed or args.out:
        raise ValueError(
            f"--resume goes on with what the run was started with: leave out --{(changed or ['out'])[0].replace('_', '-')}"
        )
    run = Run.open(Path(args.resume))
    check_trust(run, recorded(run).model, args.trust)
    given = run.config["arguments"]
    for action in args.parser._actions:
        if action.dest in args.defaults and action.dest not in UNSAVED and not _takes(action, given.get(action.dest)):
            raise damaged(run, action.dest, given.get(action.dest))
    if not run.checkpoint.is_file():
        raise FileNotFoundError(f"{run.folder} has no checkpoint.npz to go on from")
    for name in args.defaults:
        if name not in UNSAVED and (name != "epochs" or args.epochs is None):
            setattr(args, name, given.get(name))
    return run


def _takes(action: argparse.Action, value: Any) -> bool:
    """Whether the option could have had this value on the command line."""
    if value is None:
        return action.default is None
    if action.type is None:
        return is_path(value) and (action.choices is None or value in action.choices)
    try:
        return type(value) in (int, float) and bool(action.type(str(value)) == value)  # type: ignore[operator]
    except argparse.ArgumentTypeError:
        return False


def _check_same(run: Run, data: datasets.Data) -> None:
    if recorded(run).sha256 != data.checksum:
        raise DatasetFileError(f"{run.folder}: the data differ from those of the run, which cannot go on with them")


def _introduce(args: argparse.Namespace, folder: Path, data: datasets.Data, network: Module) -> None:
    shape = "x".join(map(str, data.x_train.shape[1:]))
    counts = f"{len(data.x_train):,} train / {len(data.x_test):,} test"
    name, threads = blas()
    summary = summarize(network, (args.batch_size, *data.x_train.shape[1:]))
    saved = f"{summary.saved_bytes / 1e6:.1f} MB saved for backward at batch {args.batch_size}"
    numpy = f"numpy {np.__version__} ({name}, {threads} thread{'s' * (threads > 1)})"
    say(f"minigrad {minigrad.__version__} | {numpy} | seed {args.seed} | {folder}", sys.stdout)
    say(f"data   {args.data}  {counts}, {shape}, {len(data.names)} classes, {data.source}", sys.stdout)
    say(f"model  {type(network).__name__}  {summary.parameters:,} parameters  {saved}", sys.stdout)


def _picture(args: argparse.Namespace, run: Run, trainer: Trainer, data: datasets.Data) -> None:
    """Draw what the network learned, with its best weights, and write the report."""
    talk = not (args.quiet or args.json)
    if talk:
        say("drawing what was learned ...", sys.stderr)
    network, initial = copy.deepcopy(trainer.network), copy.deepcopy(trainer.network)
    run.load_weights("best", network)
    run.load_weights("init", initial)
    try:
        names = gallery.draw(run.folder, network, initial, trainer.history, data.x_test, data.t_test, data.names)
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
    trust = "" if models.ships(run.config["arguments"]["model"]) else " --trust"
    return f"minigrad train --resume {shlex.quote(str(run.folder))}{trust}"


def _conclude(args: argparse.Namespace, run: Run, trainer: Trainer) -> None:
    last = trainer.history[-1]
    best = max(trainer.history, key=lambda epoch: epoch.val_acc)
    if args.json:
        result: dict[str, Any] = {"run": str(run.folder), "test_accuracy": last.val_acc, "best_test_accuracy": best.val_acc}
        result |= {"epochs": len(trainer.history), "seconds": sum(e.seconds for e in trainer.history)}
        say(json.dumps(result), sys.stdout)
    else:
        say(f"test accuracy {last.val_acc:.2%}, best {best.val_acc:.2%} in epoch {best.epoch}; {run.folder}", sys.stdout)


def _config(args: argparse.Namespace, data: datasets.Data) -> dict[str, Any]:
    arguments = {name: getattr(args, name) for name in args.defaults if name not in UNSAVED}
    given = [(name, value) for name, value in arguments.items() if value != args.defaults[name]]
    return {
        "command": shlex.join(["minigrad", "train", *(f"--{name.replace('_', '-')}={value}" for name, value in given)]),
        "arguments": arguments,
        "data": {
            "name": args.data,
            "train": len(data.x_train),
            "test": len(data.x_test),
            "shape": list(data.x_train.shape[1:]),
            "classes": len(data.names),
            "sha256": data.checksum,
        },
        "versions": {"minigrad": minigrad.__version__, "numpy": np.__version__, "python": platform.python_version()},
    }


def _defaults(name: str) -> str:
    return "default: " + ", ".join(f"{recipe[name]} for {data}" for data, recipe in RECIPES.items())
