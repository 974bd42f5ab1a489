"""The table of docs/howto/speed.md is what its command prints, but for the numbers."""

import re
import subprocess
import sys
from pathlib import Path

from tests.benchmarks.settings import HEAD, SETTINGS, row

PAGE = (Path(__file__).parents[1] / "docs" / "howto" / "speed.md").read_text()
SPEEDS = re.compile(r"[\d,]+ \| [\d,]+ \|$", re.MULTILINE)


def test_the_table_of_the_page_is_that_of_the_command():
    table = "\n".join([HEAD, *(row(setting, 0, 0) for setting in SETTINGS)])
    assert SPEEDS.sub("", table) in SPEEDS.sub("", PAGE)


def test_the_command_measures():
    command = [sys.executable, "-m", "tests.benchmarks.settings", "--rounds", "1", "--seconds", "0.01"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1]).stdout
    measured = [line.split("|")[-3:-1] for line in printed.splitlines()[4:]]
    assert len(measured) == len(SETTINGS)
    assert all(float(speed.replace(",", "")) > 0 for speeds in measured for speed in speeds)
