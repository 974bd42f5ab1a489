"""Tables in README.md and docs, each between two comments: ``<!-- benchmarks: NAME -->`` and ``<!-- end of NAME -->``."""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks.tables import TABLES, describe_threads

ROOT = Path(__file__).parents[2]
# The tables of each page; "programs, 1 thread" is the table "programs" of a run with --threads 1.
PAGES = {
    "README.md": ("overview",),
    "docs/ko/index.md": ("overview in Korean",),
    "docs/performance.md": ("peers", "programs", "functions", "growth", "programs, 1 thread", "functions, 1 thread"),
}


def blocks(threads, workloads=()):
    """Return the blocks that a run with so many threads can write, by page: all, or those whose workloads are all given.

    Raises ValueError if there are none, or if a workload would be measured for nothing.
    """
    suffix = f", {describe_threads(threads)}" if threads else ""
    found = {page: [name for name in names if name == _table(name) + suffix] for page, names in PAGES.items()}
    if not tables(found):
        raise ValueError(f"no page has a table for {describe_threads(threads)}")
    chosen = set(workloads or needed(found))
    complete = {name for name, table in TABLES.items() if chosen.issuperset(table.workloads)}
    found = {page: [name for name in names if _table(name) in complete] for page, names in found.items()}
    unused = sorted(chosen.difference(needed(found)))
    if unused:
        raise ValueError(f"tables are written as a whole, and none of those with {', '.join(unused)} is")
    return {page: names for page, names in found.items() if names}


def tables(found):
    """Return the names of the tables in blocks, in the order of TABLES."""
    names = {_table(name) for names in found.values() for name in names}
    return [name for name in TABLES if name in names]


def needed(found):
    """Return the workloads that blocks show, each once."""
    return list(dict.fromkeys(workload for name in tables(found) for workload in TABLES[name].workloads))


def check(found):
    """Raise ValueError if a page lacks the comments around a block."""
    _rewritten(found, lambda name: "")


def write(found, run):
    """Replace the blocks by the tables of a run; either every page is written as a whole, or none is begun."""
    from minigrad.serialization.atomic import write_atomically

    for path, text in _rewritten(found, lambda name: TABLES[_table(name)].render(run)).items():
        write_atomically(path, lambda file: file.write(text.encode()))


def _rewritten(found, content):
    texts = {}
    for page, names in found.items():
        text = (ROOT / page).read_bytes().decode()
        for name in names:
            text = _replaced(text, name, content(name), page)
        texts[ROOT / page] = text
    return texts


def _replaced(text, name, content, page):
    begin, end = f"<!-- benchmarks: {name} -->", f"<!-- end of {name} -->"
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise ValueError(f"{page} has no table to replace: put {begin} once before it and {end} once after it")
    before, rest = text.split(begin)
    return f"{before}{begin}\n\n{content}\n\n{end}{rest.split(end)[1]}"


def _table(name):
    return name.partition(",")[0]
