"""Run folders: configuration, history and weights of a training run."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from minigrad.distributed.process_group import is_first
from minigrad.errors import DatasetFileError
from minigrad.nn import Module
from minigrad.serialization import load_npz, save_npz, write_atomically
from minigrad.training.history import Epoch, best_epoch
from minigrad.training.trainer import Trainer

__all__ = ["Run"]

MAX_BYTES = 1 << 20  # of a config.json; those of `minigrad train` have 2,000


class Run:
    """The folder of one training run: `config.json`, `history.csv`, `gradients.csv` and `weights/{init,best,last}.npz`.

    As a callback of a Trainer it writes history, gradient norms and weights after every epoch; each file atomically, so that
    an interrupted run leaves no partial files. `folder` is its path, and `checkpoint` the path for the state of the Trainer.
    The best weights are those of the highest accuracy, and of the lowest loss among several, on the Trainer's `x_test`. It
    should be images for validation: the best of many epochs on test images promises too much. Without `by_validation` the
    last weights are the best.

    >>> import pathlib, tempfile
    >>> from minigrad import nn
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run = Run.create(pathlib.Path(folder) / "first", {"lr": 0.1}, nn.Linear(2, 1))
    ...     sorted(path.name for path in run.folder.iterdir()), Run.open(run.folder).config
    (['config.json', 'weights'], {'lr': 0.1})
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.by_validation = True
        self.checkpoint = folder / "checkpoint.npz"

    @classmethod
    def create(cls, folder: Path, config: dict[str, Any], network: Module) -> Run:
        """Make the folder and write `config` and the initial weights; raises FileExistsError if it exists."""
        (folder / "weights").mkdir(parents=True)
        run = cls(folder)
        run.save_config(config)
        run.save_weights("init", network)
        return run

    @classmethod
    def open(cls, folder: Path) -> Run:
        """Open an existing run; raises FileNotFoundError for a folder without config.json."""
        if not (folder / "config.json").is_file():
            raise FileNotFoundError(f"{folder} is not a run folder: it has no config.json")
        return cls(folder)

    @property
    def config(self) -> dict[str, Any]:
        """The content of `config.json`; raises DatasetFileError unless it is a JSON object of at most 1 MiB."""
        path = self.folder / "config.json"
        try:
            with path.open("rb") as file:
                text = file.read(MAX_BYTES + 1)
            if len(text) > MAX_BYTES:
                raise ValueError(f"longer than {MAX_BYTES:,} bytes")
            config = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise DatasetFileError(f"{path}: not a JSON file: {error}") from None
        if not isinstance(config, dict):
            raise DatasetFileError(f"{path}: expected an object, got {type(config).__name__}")
        return config

    def save_config(self, config: dict[str, Any]) -> None:
        """Write `config.json`."""
        self.write("config.json", json.dumps(config, indent=2) + "\n")

    def save_weights(self, which: str, network: Module) -> None:
        """Write the weights of a network to weights/`which`.npz."""
        save_npz(self.folder / "weights" / f"{which}.npz", {k: v.array for k, v in network.state_dict().items()})

    def load_weights(self, which: str, network: Module) -> None:
        """Load weights/`which`.npz ("init", "best" or "last") into a network."""
        network.load_state_dict(load_npz(self.folder / "weights" / f"{which}.npz"))

    def save_history(self, history: Sequence[Epoch]) -> None:
        """Write `history.csv`, a row for each epoch."""
        self._write_table("history.csv", Epoch._fields, history)

    def save_gradients(self, norms: Sequence[dict[str, float]]) -> None:
        """Write `gradients.csv`: the norm of each parameter's gradient at the end of each epoch."""
        self._write_table("gradients.csv", ["epoch", *norms[0]], ([i, *n.values()] for i, n in enumerate(norms, 1)))

    def write(self, name: str, text: str) -> None:
        """Write a text file of the folder in UTF-8, atomically; the bytes of file names that are not UTF-8 are kept."""
        write_atomically(self.folder / name, lambda file: file.write(text.encode(errors="surrogateescape")))

    def __call__(self, trainer: Trainer, epoch: Epoch) -> None:
        """Save history, gradient norms, and the last and the best weights; of several ranks the first writes."""
        if not is_first():
            return
        self.save_history(trainer.history)
        self.save_gradients(trainer.gradient_history)
        self.save_weights("last", trainer.network)
        if not self.by_validation or best_epoch(trainer.history) is epoch:
            self.save_weights("best", trainer.network)

    def _write_table(self, name: str, head: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(head)
        writer.writerows([f"{v:.6g}" if isinstance(v, float) else v for v in row] for row in rows)
        self.write(name, text.getvalue())
