"""The table of docs/howto/speed.md is what its command prints, but for the numbers."""

import re
import sys
from pathlib import Path

from tests.benchmarks import settings
from tests.benchmarks.settings import HEAD, SETTINGS, row

PAGE = (Path(__file__).parents[1] / "docs" / "howto" / "speed.md").read_text()
SPEEDS = re.compile(r"[\d,]+ \| [\d,]+ \|$", re.MULTILINE)


def test_the_table_of_the_page_is_that_of_the_command():
    table = "\n".join([HEAD, *(row(setting, 0, 0) for setting in SETTINGS)])
    assert SPEEDS.sub("", table) in SPEEDS.sub("", PAGE)


def test_the_command_measures(monkeypatch, capsys):
    monkeypatch.setattr(settings, "SETTINGS", [SETTINGS[0], SETTINGS[-1]])
    monkeypatch.setattr(sys, "argv", ["settings", "--rounds", "1", "--seconds", "0.01"])
    settings.main()
    measured = [line.split("|")[-3:-1] for line in capsys.readouterr().out.splitlines()[4:]]
    assert len(measured) == 2 and all(float(speed.replace(",", "")) > 0 for speeds in measured for speed in speeds)
