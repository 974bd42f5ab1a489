"""``minigrad train``: train SimpleConvNet and leave a run folder."""

from __future__ import annotations

import argparse
import json
import platform
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

import minigrad
from minigrad.cli import datasets
from minigrad.random import manual_seed
from minigrad.training import Run, Trainer

__all__ = ["add_parser"]

OPTIMIZERS = ("sgd", "adagrad", "rmsprop", "adam", "adamw")
RECIPES = {"digits": {"epochs": 40, "lr": 5e-3}, "mnist": {"epochs": 20, "lr": 1e-3}}  # what --epochs and --lr default to


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "train",
        help="train the book's network on real digits",
        description="Train SimpleConvNet (conv 5x5 - relu - pool - linear - relu - linear) and leave a run folder.",
    )
    add = parser.add_argument
    add("--data", choices=datasets.NAMES, default="digits", help="digits: bundled, 8x8 (default); mnist: 28x28")
    add("--root", metavar="DIR", help="where the MNIST files are (default: $MINIGRAD_DATA, the cache, or a download)")
    add("--limit-train", type=_count, metavar="N", help="use the first N training images")
    add("--limit-test", type=_count, metavar="N", help="use the first N test images")
    add("--epochs", type=_count, metavar="N", help=_defaults("epochs"))
    add("--batch-size", type=_count, default=100, metavar="N", help="default: 100")
    add("--optimizer", choices=OPTIMIZERS, default="adam", help="default: adam")
    add("--lr", type=float, metavar="LR", help=f"learning rate; {_defaults('lr')}")
    add("--seed", type=int, default=0, metavar="N", help="default: 0; the same seed gives the same run")
    add("--out", metavar="DIR", help="the run folder (default: runs/<time>-<data>)")
    add("--quiet", action="store_true", help="print no table, only the result")
    add("--json", action="store_true", help="print the result as one line of JSON, and nothing else, on stdout")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Train, and print the result."""
    folder = Path(args.out) if args.out else Path("runs") / f"{datetime.now():%Y-%m-%d_%H%M%S}-{args.data}"
    if folder.exists():
        raise FileExistsError(f"{folder} is already there; choose another --out")
    for name, value in RECIPES[args.data].items():
        if getattr(args, name) is None:
            setattr(args, name, value)
    data = datasets.load(args.data, args.root, args.limit_train, args.limit_test)
    manual_seed(args.seed)
    network = datasets.network(data.x_train.shape[1:], data.classes)
    talk = not (args.quiet or args.json)
    if talk:
        _introduce(args, folder, data, network)
    trainer = Trainer(
        network,
        *data[:4],
        epochs=args.epochs,
        mini_batch_size=args.batch_size,
        optimizer=args.optimizer,
        optimizer_param={"lr": args.lr},
        verbose=talk,
        seed=args.seed,
    )
    trainer.callbacks.append(Run.create(folder, _config(args, data), network))
    try:
        trainer.train()
    except KeyboardInterrupt:
        done = len(trainer.history)
        print(f"\ninterrupted in epoch {done + 1}; the weights of epoch {done} are in {folder}/weights", file=sys.stderr)
        return 130
    last = trainer.history[-1]
    best = max(trainer.history, key=lambda epoch: epoch.val_acc)
    if args.json:
        result = {"run": str(folder), "test_accuracy": last.val_acc, "best_test_accuracy": best.val_acc}
        print(json.dumps({**result, "epochs": len(trainer.history), "seconds": sum(e.seconds for e in trainer.history)}))
    else:
        print(f"test accuracy {last.val_acc:.2%}, best {best.val_acc:.2%} in epoch {best.epoch}; {folder}")
    return 0


def _introduce(args: argparse.Namespace, folder: Path, data: datasets.Data, network: Any) -> None:
    shape = "x".join(map(str, data.x_train.shape[1:]))
    counts = f"{len(data.x_train):,} train / {len(data.x_test):,} test"
    parameters = sum(p.numel() for p in network.parameters())
    print(f"minigrad {minigrad.__version__} | numpy {np.__version__} | seed {args.seed} | {folder}")
    print(f"data   {args.data}  {counts}, {shape}, {data.classes} classes, {data.source}")
    print(f"model  {type(network).__name__}  {parameters:,} parameters")


def _config(args: argparse.Namespace, data: datasets.Data) -> dict[str, Any]:
    arguments = {name: value for name, value in vars(args).items() if name not in ("run", "command", "quiet", "json")}
    return {
        "command": "train",
        "arguments": arguments,
        "data": {
            "name": args.data,
            "train": len(data.x_train),
            "test": len(data.x_test),
            "shape": list(data.x_train.shape[1:]),
            "classes": data.classes,
            "sha256": data.checksum,
        },
        "model": "SimpleConvNet",
        "versions": {"minigrad": minigrad.__version__, "numpy": np.__version__, "python": platform.python_version()},
    }


def _defaults(name: str) -> str:
    return "default: " + ", ".join(f"{recipe[name]} for {data}" for data, recipe in RECIPES.items())


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {value}")
    return value
