"""Run mypy and pyright over the programs of this folder: ``python -m tests.typing`` does so in `.ci/run`."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import minigrad as mg

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
EXPRESSIONS, MISUSES, PROGRAM = (HERE / name for name in ("expressions.py", "misuses.py", "program.py"))

# The README's functions have no annotations, and its blocks use names again.
UNANNOTATED = ("--allow-untyped-defs", "--allow-untyped-calls", "--allow-redefinition")

Errors = dict[tuple[str, int], str]  # the first message of each line, by file and line


def mypy(path: Path, *options: str) -> Errors:
    """Return what ``mypy --strict`` finds in a file of a user; minigrad is there as if it were installed."""
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--no-error-summary", *options, str(path)]
    out = _run(command, ok=(0, 1), PYTHONPATH=str(ROOT))
    found = [re.fullmatch(r"(.+?):(\d+): error: (.*)", line) for line in out.splitlines()]
    return _first((str(Path(m[1]).resolve()), int(m[2]), m[3]) for m in found if m)


def pyright(path: Path, *_: str) -> Errors:
    """Return what pyright finds in a file."""
    out = _run([sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, str(path)], ok=(0, 1))
    found = json.loads(out[out.index("{") :])["generalDiagnostics"]
    errors = [d for d in found if d["severity"] == "error"]
    return _first((d["file"], d["range"]["start"]["line"] + 1, d["message"]) for d in errors)


CHECKERS: dict[str, Callable[..., Errors]] = {"mypy": mypy, "pyright": pyright}


def marked() -> set[tuple[str, int]]:
    """Return the lines of misuses.py that are said to be errors."""
    lines = MISUSES.read_text().splitlines()
    return {(str(MISUSES), number) for number, line in enumerate(lines, 1) if line.endswith("  # error")}


def readme() -> str:
    """Return the Python of the README as one program."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    return "\n".join(blocks).replace("\n_ = ", "\n")  # also the name of a rule


def names() -> str:
    """Return a program that mentions every public name."""
    shown = [f"mg.{name}" for name in dir(mg)]
    for space in (
        "nn",
        "nn.functional",
        "optim",
        "linalg",
        "special",
        "func",
        "autograd",
        "data",
        "models",
        "training",
        "testing",
    ):
        module = importlib.import_module(f"minigrad.{space}")
        public = getattr(module, "__all__", [name for name, value in vars(module).items() if isinstance(value, type)])
        shown += [f"mg.{space}.{name}" for name in public if name[0] != "_"]
    return "\n".join(["import minigrad as mg", *(f"print({name})" for name in shown)])


def failures(name: str) -> list[str]:
    """Return what a checker says otherwise than these files do."""
    check = CHECKERS[name]
    wrong = [f"{where}:{line}: {text}" for path in (EXPRESSIONS, PROGRAM) for (where, line), text in check(path).items()]
    with tempfile.TemporaryDirectory() as folder:
        for title, text in {"readme": readme(), "names": names()}.items():
            page = Path(folder) / f"{title}.py"
            page.write_text(text)
            wrong += [f"{title}:{line}: {error}" for (_, line), error in check(page, *UNANNOTATED).items()]
    found = check(MISUSES)
    wrong += [f"{where}:{line}: not an error to {name}" for where, line in sorted(marked() - found.keys())]
    return wrong + [f"{where}:{line}: {found[where, line]}" for where, line in sorted(found.keys() - marked())]


def _first(found: object) -> Errors:
    errors: Errors = {}
    for path, line, text in found:  # type: ignore[attr-defined]
        errors.setdefault((path, line), text)
    return errors


def _run(command: list[str], ok: tuple[int, ...], **environment: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=os.environ | environment, check=False)
    if done.returncode not in ok:
        raise RuntimeError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout
