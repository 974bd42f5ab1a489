"""Mutate the source of a room, and see which changes no test notices: ``python -m tests.mutants optim``.

Nothing is written to the package: a changed module exists in a process of its own. One process collects the tests and runs
each once to learn which lines of the room it runs, and how long it takes. For each mutant a fork of it puts the changed code
into the functions, and runs the tests of that line until one fails: a few hundredths of a second. What is run once, at
import (defaults, bodies of classes, decorators), is imported afresh, changed, by a fork that has imported everything else.

A mutant that no test of its lines notices is printed, and written to the file of ``--out``, one a line. Those that live are
listed, by class, in survivors.md. A mutant dies when a test fails, when what it raises ends pytest itself, or when its
process crashes. One whose process ends before it could be judged is printed with the reason, and counted apart.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import functools
import gc
import importlib
import importlib.abc
import importlib.util
import inspect
import os
import pickle
import random
import resource
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections import defaultdict
from pathlib import Path
from types import CodeType, FunctionType

import numpy  # noqa: F401  before the forks
import pytest

from tests.mutants.mutations import Mutant, mutants_of, names_of

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "minigrad"
BEYOND = {  # tests of a room that stand elsewhere; paths that do not exist are left out
    "data": ["tests/distributed/test_alone.py"],
    "nn": ["tests/models", "tests/test_layer_errors.py", "tests/test_network_errors.py", "tests/test_defaults.py"],
    "optim": ["tests/test_trajectory.py", "tests/test_pytorch_words.py", "tests/nn/test_names.py", "tests/training"],
    "kernels": ["tests/ops", "tests/nn"],
    "func": ["tests/autograd", "tests/nn"],
    "ops": ["tests/nn", "tests/kernels", "tests/tensors", "tests/test_defaults.py", "tests/test_errors.py"],
}
OF_SIGNATURES = "tests/test_pytorch_names.py"  # reads the defaults of functions that it does not call
MEMORY = 6 << 30  # bytes beyond which a mutant is stopped
LIVES, DIED, SLOW, APART, UNJUDGED = "lives", "died", "timeout", "apart", "unjudged"
PR_SET_PDEATHSIG = 1  # of prctl(2): the signal that a process gets when its parent ends


def main() -> None:
    options = _options()
    files = _files(options.room)
    names = [(path, i, f"{path.relative_to(ROOT)}:{name}") for path in files for i, name in enumerate(names_of(path))]
    made = len(names)
    if options.lines:
        wanted = set(Path(options.lines).read_text(encoding="utf-8").splitlines())
        names = [at for at in names if at[2] in wanted]
    if options.sample and options.sample < len(names):
        chosen = random.Random(options.seed).sample(range(len(names)), options.sample)
        names = [names[i] for i in sorted(chosen)]
    if options.list:
        print(*(name for *_, name in names), sep="\n")
        return
    mutants = [m for path in files for m in mutants_of(path, {i for at, i, _ in names if at == path})]
    print(f"{made} mutants of {options.room}, {len(mutants)} of them to run", flush=True)
    with contextlib.suppress(ImportError):  # before the forks, and what it imports when it is first used
        import torch

        torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1).step()
    run = Run(options, files, mutants)
    run.all()
    count = {verdict: sum(v == verdict for v, _ in run.verdicts.values()) for verdict in (DIED, SLOW, LIVES, UNJUDGED)}
    ends = f"{count[DIED]} died, {count[SLOW]} took too long, {count[LIVES]} live, {count[UNJUDGED]} could not be judged"
    print(f"{len(mutants)} mutants: {ends}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m tests.mutants", description=__doc__.splitlines()[0])
    parser.add_argument("room", help="a folder or a file of minigrad/, such as nn, nn/utils or func.py")
    parser.add_argument("--tests", nargs="+", metavar="PATH", help="what runs (default: the room's tests and doctests)")
    parser.add_argument("--lines", metavar="FILE", help="only these mutants, as an earlier run printed them (its --out)")
    parser.add_argument("--sample", type=int, metavar="N", help="only N mutants, drawn with --seed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--most", type=float, default=20.0, metavar="SECONDS", help="tests of a mutant, the fastest first")
    parser.add_argument("--map", metavar="FILE", help="keep the map of lines to tests there, and use it if it exists")
    parser.add_argument("--out", metavar="FILE", help="the mutants that live, one a line")
    parser.add_argument("--list", action="store_true", help="only list the mutants")
    return parser.parse_args()


def _files(room: str) -> list[Path]:
    path = PACKAGE / room
    if path.is_dir():
        return sorted(path.rglob("*.py"))
    return [path if path.suffix else path.with_suffix(".py")]


def _tests(room: str) -> list[str]:
    name = room.removesuffix(".py")
    at = PACKAGE / room
    own = [f"tests/{name}", f"tests/{name.split('/')[0]}", f"tests/test_{name}.py", *BEYOND.get(name.split("/")[0], ())]
    source = str((at if at.exists() else at.with_suffix(".py")).relative_to(ROOT))
    return [source, OF_SIGNATURES, *dict.fromkeys(test for test in own if (ROOT / test).exists())]


def _name(mutant: Mutant) -> str:
    return f"{mutant.path.relative_to(ROOT)}:{mutant.line}: {mutant.what}"


class Run:
    """A run over the mutants of a room, and pytest's plugin that does it."""

    def __init__(self, options: argparse.Namespace, files: list[Path], mutants: list[Mutant]) -> None:
        self.mutants, self.most = mutants, options.most
        self.tests = options.tests or _tests(options.room)
        self.files = {str(path) for path in files}
        self.map = Path(options.map) if options.map else None
        self.out = open(options.out, "w", encoding="utf-8") if options.out else None  # noqa: SIM115
        self.verdicts: dict[int, tuple[str, str]] = {}
        self.lines: dict[str, dict[int, set[str]]] = {}  # of each file, the tests that run a line
        self.seconds: dict[str, float] = {}
        self.early: dict[str, set[int]] = defaultdict(set)  # lines of functions that are run before the first test
        self.recent: list[str] = []  # tests that failed lately: mutants side by side die of the same
        self.failed = self.is_mutant = False
        self.hits: set[tuple[str, int]] = set()  # the lines that a test has run
        self.fixtures: dict[object, set[tuple[str, int]]] = defaultdict(set)  # and those of what several tests share
        self.child: tuple[int, int] | None = None  # the process that this one waits for, and the signal that ends it

    def all(self) -> None:
        """The tests are collected, and nearly all mutants run, in a process that can be forked again and again."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        result = self._fork(self._collect_and_run, None)
        if not isinstance(result, dict):
            raise SystemExit(f"the tests could not be collected: {result[1]}")
        self.__dict__.update(result)
        for i, mutant in enumerate(self.mutants):
            if self.verdicts[i][0] == APART:
                self._record(i, *self._imported(mutant))

    def _record(self, i: int, verdict: str, by: str) -> None:
        self.verdicts[i] = verdict, by
        if verdict in (LIVES, UNJUDGED):
            print(_name(self.mutants[i]) + f"    # {by}" * bool(by), flush=True)
            if self.out:
                print(_name(self.mutants[i]), file=self.out, flush=True)

    # Processes.

    def _fork(self, work, limit: float | None, keep_output: bool = True):
        """Return what `work` returns, from a fork: SLOW after `limit` seconds, DIED if it crashes, UNJUDGED if it raises.

        The fork ends with this process, however that ends.
        """
        read, write = os.pipe()
        deadly = signal.SIGTERM if limit is None else signal.SIGKILL  # without a limit, it has children of its own
        parent, pid = os.getpid(), os.fork()
        if pid == 0:
            os.close(read)
            try:
                os.setpgid(0, 0)
                self.child = None
                signal.signal(signal.SIGINT, signal.default_int_handler)  # tests send it to themselves
                signal.signal(signal.SIGTERM, self._end if limit is None else signal.SIG_DFL)
                ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, deadly)
                if os.getppid() != parent:
                    os._exit(1)
                if limit:
                    resource.setrlimit(resource.RLIMIT_CPU, (int(limit) + 1, int(limit) + 2))
                if not keep_output:
                    null = os.open(os.devnull, os.O_RDWR)
                    for to in (0, 1, 2):
                        os.dup2(null, to)
                with os.fdopen(write, "wb") as self.pipe:
                    try:
                        result = work()
                    except BaseException as error:
                        result = UNJUDGED, _summary(error)
                    pickle.dump(result, self.pipe)
            finally:
                os._exit(0)
        os.close(write)
        self.child = pid, deadly
        done = threading.Event()
        timer = threading.Timer(2 * limit + 20, lambda: done.is_set() or os.killpg(pid, signal.SIGKILL)) if limit else None
        if timer:
            timer.start()
        with os.fdopen(read, "rb") as pipe:
            data = pipe.read()
        done.set()
        if timer:
            timer.cancel()
        _, status = os.waitpid(pid, 0)
        self.child = None
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)  # what it started
        if data:
            return pickle.loads(data)
        if not os.WIFSIGNALED(status):
            return UNJUDGED, f"its process ended with status {os.WEXITSTATUS(status)}"
        number = os.WTERMSIG(status)
        return (SLOW, "") if number in (signal.SIGKILL, signal.SIGXCPU) else (DIED, signal.Signals(number).name)

    def _end(self, number: int, _) -> None:
        """On SIGTERM or Ctrl-C: end what this process waits for, and it."""
        if self.child:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(*self.child)
        os._exit(128 + number)

    def _collect_and_run(self):
        """In the second process: pytest collects, and calls pytest_runtestloop below."""
        os.chdir(ROOT)
        sys.settrace(self._tracer(lambda path, line: self.early[path].add(line)))  # until the tests are collected
        state = pytest.main(["-q", "-s", "-p", "no:cacheprovider", *self.tests], plugins=[self])
        if not self.verdicts and self.mutants:
            raise SystemExit(f"pytest ended with {state!r} before a mutant was run")
        return {"verdicts": self.verdicts, "lines": self.lines, "seconds": self.seconds, "recent": self.recent}

    def pytest_collection_finish(self):
        sys.settrace(None)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item, call):
        """A failure ends a mutant before anything is said about it, which would take longer than the test."""
        if call.excinfo and not call.excinfo.errisinstance(pytest.skip.Exception):
            self.failed = True
            if self.is_mutant:
                pickle.dump((DIED, item.nodeid), self.pipe)
                self.pipe.flush()
                os._exit(0)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef):
        """What is set up for several tests runs its lines for each of them."""
        if fixturedef.scope == "function":
            return (yield)
        before = set(self.hits)
        self.hits.clear()
        try:
            return (yield)
        finally:
            self.fixtures[fixturedef] |= self.hits
            self.hits |= before

    def pytest_runtestloop(self, session):
        if session.testsfailed:
            return None
        items = {item.nodeid: item for item in session.items}
        began = time.time()
        if self.map and self.map.exists():
            self.lines, self.seconds = pickle.loads(self.map.read_bytes())
            self.seconds = {test: seconds for test, seconds in self.seconds.items() if test in items}
        else:
            print(f"{len(items)} tests: which lines does each run?", flush=True)
            learned = self._fork(lambda: self._learn(session.items), 3600.0, keep_output=False)
            if not isinstance(learned[0], dict):
                raise SystemExit(f"the tests could not be run: {learned}")
            self.lines, self.seconds = learned
            if self.map:
                self.map.write_bytes(pickle.dumps((self.lines, self.seconds)))
            print(f"{len(self.seconds)} pass, in {time.time() - began:.0f} s", flush=True)
        functions = defaultdict(list)
        for f in gc.get_objects():
            if type(f) is FunctionType and f.__code__.co_filename in self.files:
                functions[_key(f.__code__)].append(f)
        originals = {path: compile(Path(path).read_text(encoding="utf-8"), path, "exec") for path in self.files}
        gc.collect()
        gc.freeze()
        for i, mutant in enumerate(self.mutants):
            tests = self._of(mutant)
            early = not mutant.inside or any(line in self.early[str(mutant.path)] for line in mutant.lines)
            verdict, by = APART, ""
            if tests and (mutant.inside or mutant.defaults):
                new = _new_code(originals[str(mutant.path)], mutant.code) if mutant.inside else []
                work = functools.partial(self._patched, mutant, new, functions, items, tests)
                verdict, by = self._fork(work, *self._limit(tests))
            if verdict == LIVES and early:
                verdict = APART
            elif not tests and not early:
                verdict, by = LIVES, "no test runs it"
            if verdict == DIED and by in self.seconds:
                self.recent = [by, *(test for test in self.recent if test != by)][:8]
            self._record(i, verdict, by)
            if i % 200 == 199:
                print(f"... {i + 1} mutants, {time.time() - began:.0f} s", flush=True)
        return True

    def _limit(self, tests: list[str]) -> tuple[float, bool]:
        return 5 + 5 * sum(self.seconds[test] for test in tests), False

    # Which lines a test runs.

    def _tracer(self, seen):
        files = self.files

        def at_line(frame, event, _):
            if event == "line":
                seen(frame.f_code.co_filename, frame.f_lineno)
            return at_line

        def at_call(frame, event, _):
            code = frame.f_code
            if (
                code.co_filename not in files or code.co_name == "<module>" or not code.co_flags & inspect.CO_OPTIMIZED
            ):  # a class body
                return None
            seen(code.co_filename, frame.f_lineno)
            return at_line

        return at_call

    def _learn(self, items):
        lines: dict[str, dict[int, set[str]]] = {path: defaultdict(set) for path in self.files}
        seconds = {}
        hits = self.hits
        notes = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  the lines that processes forked by a test run
        forked: list[bool] = []
        os.register_at_fork(after_in_child=lambda: (forked.append(True), hits.clear()))

        def seen(path: str, line: int) -> None:
            if (path, line) not in hits:
                hits.add((path, line))
                if forked:
                    os.write(notes.fileno(), f"{line} {path}\n".encode())

        tracer = self._tracer(seen)
        for item, following in zip(items, [*items[1:], None], strict=True):
            hits.clear()
            self.failed = False
            start = time.process_time()
            threading.settrace(tracer)
            sys.settrace(tracer)
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            sys.settrace(None)
            threading.settrace(None)
            notes.seek(0)
            for note in notes.read().decode().splitlines():
                line, _, path = note.partition(" ")
                hits.add((path, int(line)))
            notes.seek(0)
            notes.truncate()
            for fixture in (f for name in item.fixturenames for f in item._fixtureinfo.name2fixturedefs.get(name, ())):
                hits |= self.fixtures[fixture]
            if not self.failed:
                seconds[item.nodeid] = time.process_time() - start
                for path, line in hits:
                    lines[path][line].add(item.nodeid)
        return {path: dict(of) for path, of in lines.items()}, seconds

    def _of(self, mutant: Mutant) -> list[str]:
        """The tests that run a mutant's lines, those that failed lately and the fastest first."""
        of = self.lines[str(mutant.path)]
        found: set[str] = set().union(*(of.get(line, ()) for line in mutant.lines))
        if not found and not mutant.inside:
            found = set().union(*of.values()) or set(self.seconds)
        found &= self.seconds.keys()
        if mutant.defaults:
            found |= {test for test in self.seconds if test.startswith(OF_SIGNATURES)}
        ordered = [test for test in self.recent if test in found]
        ordered += sorted(found - set(ordered), key=self.seconds.__getitem__)
        total, chosen = 0.0, []
        for test in ordered:
            total += self.seconds[test]
            if chosen and total > self.most:
                break
            chosen.append(test)
        return chosen

    # A mutant.

    def _patched(self, mutant, new, functions, items, tests):
        if mutant.defaults:
            first, name, defaults = mutant.defaults
            live = [f for fs in functions.values() for f in fs if f.__code__.co_filename == str(mutant.path)]
            for f in live:
                if f.__code__.co_firstlineno == first and f.__name__ == name:
                    _set_defaults(f, defaults)
        elif not any(_key(original) in functions for original, _ in new):
            return APART, ""
        for original, code in new:
            for f in functions.get(_key(original), ()):
                try:
                    f.__code__ = code
                except ValueError:  # another number of variables from outside
                    return APART, ""
        _restrict_memory()
        self.is_mutant = True
        for test, following in zip(tests, [*tests[1:], None], strict=True):
            item = items[test]
            try:
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=items.get(following))
            except BaseException:  # of a hook of minigrad's own plugin, or Ctrl-C: it ends pytest
                return DIED, test
        return LIVES, ""

    def _imported(self, mutant: Mutant):
        """A mutant in a process that imports it, instead of the module's own source."""
        tests = self._of(mutant) or sorted(self.seconds, key=self.seconds.__getitem__)[:400]
        return self._fork(lambda: self._import_and_run(mutant, tests), 30 + self._limit(tests)[0], keep_output=False)

    def _import_and_run(self, mutant: Mutant, tests):
        os.chdir(ROOT)
        finder = _Finder(mutant)
        sys.meta_path.insert(0, finder)
        try:
            importlib.import_module(finder.name)  # now: pytest's own finder is going to be before this one
        except Exception:
            return DIED, "import"
        _restrict_memory()
        died: list[str] = []

        class Reports:
            def pytest_runtest_logreport(self, report):
                if report.failed:
                    died.append(report.nodeid)

            pytest_collectreport = pytest_runtest_logreport

        options = ["-q", "-x", "-s", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
        state = pytest.main([*options, *tests], plugins=[Reports()])
        if died:
            return DIED, died[0]
        if state in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.NO_TESTS_COLLECTED):
            return UNJUDGED, f"pytest ended with {state!r}"
        return (LIVES, "") if state == pytest.ExitCode.OK else (DIED, repr(state))


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    def __init__(self, mutant: Mutant) -> None:
        parts = mutant.path.relative_to(ROOT).with_suffix("").parts
        self.package = parts[-1] == "__init__"
        self.name, self.mutant = ".".join(parts[:-1] if self.package else parts), mutant

    def find_spec(self, name, path=None, target=None):
        if name != self.name:
            return None
        return importlib.util.spec_from_file_location(
            name,
            self.mutant.path,
            loader=self,
            submodule_search_locations=[str(self.mutant.path.parent)] if self.package else None,
        )

    def get_code(self, fullname):
        return self.mutant.code

    def get_source(self, fullname):
        return self.mutant.path.read_text(encoding="utf-8")

    def is_package(self, fullname):
        return self.package


def _summary(error: BaseException) -> str:
    places = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)[-3:]]
    return f"{type(error).__name__}: {error} ({', '.join(places)})"


def _set_defaults(f: FunctionType, new: dict[str, object]) -> None:
    code, old = f.__code__, f.__defaults__ or ()
    names = code.co_varnames[code.co_argcount - len(old) : code.co_argcount]
    f.__defaults__ = tuple(new.get(name, value) for name, value in zip(names, old, strict=True))
    f.__kwdefaults__ = {name: new.get(name, value) for name, value in (f.__kwdefaults__ or {}).items()}


def _restrict_memory() -> None:
    used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))


def _new_code(original: CodeType, changed: CodeType) -> list[tuple[CodeType, CodeType]]:
    """The functions whose code a change changes, with that code; what it removes is part of a function around it."""
    found = []
    after = {_key(code)[1:]: code for code in _codes(changed)}
    for code in _codes(original):
        new = after.get(_key(code)[1:])
        if new is not None and new != code and code.co_flags & inspect.CO_OPTIMIZED:
            found.append((code, new))
    return found


def _key(code: CodeType) -> tuple[object, ...]:
    """Where a function stands. Code objects themselves are not equal any more once they have run and are specialized."""
    columns = [start for _, _, start, _ in code.co_positions() if start is not None] if code.co_name[0] == "<" else []
    return code.co_filename, code.co_qualname, code.co_firstlineno, min(columns, default=0)


def _codes(code: CodeType):
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _codes(constant)


if __name__ == "__main__":
    main()
