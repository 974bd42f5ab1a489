"""What the README says of the package's size and files is true."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "README.md").read_text()


def lines(paths):
    return sum(len(path.read_text().splitlines()) for path in paths)


def test_the_evening_is_as_long_as_it_says():
    passage = re.search(r"read in an evening.*?about ([\d,]+) lines.*?about ([\d,]+) lines", PAGE, re.DOTALL)
    named = re.findall(r"`(\w+/\w+\.py)`", passage[0])
    assert len(named) == len(set(named)) == 4
    engine, whole = (int(number.replace(",", "")) for number in passage.groups())
    assert abs(engine - lines(ROOT / "minigrad" / name for name in named)) < 100
    assert abs(whole - lines((ROOT / "minigrad").rglob("*.py"))) < 1000


def test_the_examples_are_as_many_as_it_says():
    assert "Twelve programs written for it" in PAGE and len(list((ROOT / "examples").glob("pytorch_*.py"))) == 12


def test_every_link_leads_to_a_file():
    links = re.findall(r"\]\(([^)#]+)", PAGE) + re.findall(r'src="([^"]+)"', PAGE)
    assert len(links) > 12 and [link for link in links if not link.startswith("http") and not (ROOT / link).exists()] == []


def test_every_room_is_listed():
    listed = set(re.findall(r"`(\w+)(?:/|\.py)`", PAGE[PAGE.index("| room |") : PAGE.index("## How fast")]))
    rooms = {path.parent.name for path in (ROOT / "minigrad").glob("*/__init__.py")}
    assert rooms - listed == set()
