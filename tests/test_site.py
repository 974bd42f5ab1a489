"""The site: pages fit a phone, links lead somewhere, and what is said of installation works."""

import re
import tomllib
from pathlib import Path

import pytest

from docs._extensions import rules
from tests import site
from tests.viz.graphs.browser import IN_A_BROWSER

ROOT = Path(__file__).parents[1]
TEXTS = {".py", ".pyi", ".md", ".toml", ".ipynb", ".html", ".txt", ".css"}
PAGE = '<html><head><meta name="viewport" content="width=device-width"></head><body><article>{}</article></body></html>'


@IN_A_BROWSER
def test_a_page_wider_than_a_phone_is_found(tmp_path):
    (tmp_path / "wide.html").write_text(PAGE.format('<div style="width: 800px">wide</div>'))
    (tmp_path / "box.html").write_text(
        PAGE.format('<div style="overflow: auto"><div style="width: 800px">scrolls in its box</div></div>')
    )
    (tmp_path / "text.html").write_text(PAGE.format("<p>" + "words that wrap " * 50))
    assert list(site.wide_pages(tmp_path)) == ["wide.html"]


def test_dead_links_are_found(tmp_path):
    (tmp_path / "a.html").write_text('<p id="top"><a href="#top">1</a><a href="b.html#part">2</a><a href="c.html">3</a>')
    (tmp_path / "b.html").write_text('<p id="here"><a href="a.html#top">1</a><a href="https://example.org/x">2</a>')
    assert site.dead_links(tmp_path) == ["a.html: b.html#part", "a.html: c.html"]
    with pytest.raises(SystemExit, match=r"dead link in a\.html: c\.html"):
        site.main(tmp_path)


def test_the_extra_all_is_the_extras_of_users():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    each = [
        needed
        for name in ("progress", "testing", "plot", "safetensors", "onnx", "einops", "images", "distributed", "scipy")
        for needed in extras[name]
    ]
    assert sorted(extras["all"]) == sorted(each)
    assert sorted(extras) == sorted(
        [
            "progress",
            "testing",
            "plot",
            "safetensors",
            "onnx",
            "einops",
            "images",
            "distributed",
            "scipy",
            "all",
            "test",
            "lint",
            "docs",
        ]
    )


def test_nothing_tells_to_install_somebody_elses_package():
    """The name is taken on the index: an install line names a folder, an address, or another library."""
    stranger = re.compile(r"""install\s+(?:-\S+\s+)*["']?minigrad(?!\S*["']?\s*@)|["']minigrad\[[^\]]*\]["'](?!\s*@)""")
    assert stranger.search("pip install minigrad[plot]") and stranger.search('pip install "minigrad"')
    assert stranger.search("pip install -U minigrad") and stranger.search('all = ["minigrad[plot]"]')
    assert not stranger.search('pip install "minigrad[all] @ git+ADDRESS"') and not stranger.search('pip install ".[all]"')
    sources = [ROOT / "pyproject.toml", ROOT / ".ci" / "run", *ROOT.glob("*.md")]
    for folder in ("minigrad", "docs", "examples", "tests"):
        sources += [path for path in (ROOT / folder).rglob("*") if path.suffix in TEXTS and path != Path(__file__)]
    assert len(sources) > 300
    found = [(str(path), hit[0]) for path in sources if (hit := stranger.search(path.read_text("utf-8")))]
    assert found == []


@pytest.mark.parametrize("room", sorted(path.stem for path in (ROOT / "minigrad" / "ops").glob("[a-z]*.py")))
def test_no_gradient_cell_is_empty(room):
    table = rules.rows(rules.room(room))
    assert table
    for row in table:
        assert row.gradient and all(line.words for line in row.gradient), row
        assert row.meaning and not re.match(r"\w+\(.*, /", row.meaning), row  # NumPy's raw signature


def test_the_table_of_calculus_reads_rules_compositions_and_reasons():
    cells = {name: row.gradient for room in ("elementwise", "special", "sorting", "solving", "predicates")
             for row in rules.rows(rules.room(room)) for name in row.names}  # fmt: skip
    assert cells["multiply"] == [("x: ", "g * y"), ("y: ", "g * x")]
    assert cells["add"] == [("x, y: ", "g")]
    assert cells["deg2rad"] == [("x: ", "g * DEGREE")]
    assert cells["floor_divide"] == [("x, y: 0 wherever it exists", "")]
    assert cells["frac"] == [("= ", "x - trunc(x)")]
    assert cells["lcm"] == cells["argsort"] == [(rules.INTEGERS, "")]
    assert cells["histogram"] == [(rules.NONE, "")]
    assert cells["slogdet"] == [("made of ", "log_of_determinant")]


LINK = re.compile(r"!?\[[^\]]*\]\(([^()\s]+(?:\([^()]*\)[^()\s]*)?)\)|(?:src|href)=\"([^\"]+)\"")


def headings(page):
    """The names of a page's sections, as code hosts and the site make them."""
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def dead_links_of(page):
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"`[^`\n]*`", "", text)
    dead = []
    for found in LINK.finditer(text):
        address, _, name = (found[1] or found[2]).partition("#")
        if ":" in address:  # elsewhere: not fetched
            if re.match(r"https?://[^./]+(/|$)", address):
                dead.append(found[1] or found[2])  # a host without a dot stands for one that was never written
            continue
        target = page.parent / address if address else page
        if not target.exists() or (name and target.suffix == ".md" and name not in headings(target)):
            dead.append(found[1] or found[2])
    return dead


@pytest.mark.parametrize(
    "page", [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")], ids=lambda p: str(p.relative_to(ROOT))
)
def test_links_lead_to_files_and_headings(page):
    assert dead_links_of(page) == []


def test_a_dead_link_of_a_page_is_found(tmp_path):
    (tmp_path / "a.md").write_text(
        "# One thing\n[1](b.md) [2](#one-thing) [3](#two) [4](c.md) [5](https://example.org) [6](https://TODO)\n"
    )
    (tmp_path / "b.md").write_text('# Other\n[1](a.md#one-thing) [2](a.md#gone) <img src="x.svg">\n```\n[3](code.md)\n```\n')
    assert dead_links_of(tmp_path / "a.md") == ["#two", "c.md", "https://TODO"]
    assert dead_links_of(tmp_path / "b.md") == ["a.md#gone", "x.svg"]
