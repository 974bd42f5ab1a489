"""The pages in docs/ko say what their English pages say: the same blocks, sections, tables, numbers and links."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
KOREAN = {page.name: page for page in sorted((ROOT / "docs" / "ko").glob("*.md"))}
CHAPTERS = {page.name: page for page in (ROOT / "docs" / "tutorial").glob("*.md")}
ENGLISH = {name: CHAPTERS.get(name, ROOT / "README.md" if name == "index.md" else ROOT / "docs" / name) for name in KOREAN}
BLOCK = re.compile(r"^```.*?^```\n", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")


def blocks(text):
    return BLOCK.findall(text)


def levels(text):
    """The level of each heading."""
    return [len(marks) for marks in re.findall(r"^(#+) ", BLOCK.sub("", text), re.MULTILINE)]


def codes_of_rows(text):
    """The names and values in code in each row of each table, but for rows without."""
    rows = re.findall(r"^\|.*\|$", BLOCK.sub("", text), re.MULTILINE)
    return [codes for row in rows if (codes := re.findall(r"`[^`]+`", row))]


def numbers(text):
    return set(re.findall(r"\d+(?:[.,]\d+)*", re.sub("<[^>]+>", "", LINK.sub("", BLOCK.sub("", text)))))


def places(page):
    """The files that a page links to; a page that exists in Korean counts as its English one."""
    found = [(page.parent / address).resolve() for address in LINK.findall(BLOCK.sub("", page.read_text("utf-8")))]
    found = [place for place in found if not place.is_dir()]  # which has no page on the site
    return {next((ENGLISH[name] for name, own in KOREAN.items() if own == place), place) for place in found}


def test_every_korean_page_has_an_english_one():
    assert "04_convolution_from_the_book.md" in KOREAN
    assert [name for name, page in ENGLISH.items() if not page.exists()] == []


@pytest.mark.parametrize("name", KOREAN)
def test_blocks_sections_and_tables_are_those_of_the_english_page(name):
    korean, english = KOREAN[name].read_text("utf-8"), ENGLISH[name].read_text("utf-8")
    assert len(blocks(english)) > 2 and blocks(korean) == blocks(english)
    assert levels(korean) == levels(english)
    assert codes_of_rows(korean) == codes_of_rows(english)
    assert numbers(english) - numbers(korean) == set(), "the English page has changed"


@pytest.mark.parametrize("name", KOREAN)
def test_links_lead_where_those_of_the_english_page_lead(name):
    missing = places(ENGLISH[name]) - places(KOREAN[name]) - {ENGLISH[name]}
    assert missing == set()
    assert [place for place in places(KOREAN[name]) if not place.exists()] == []


@pytest.mark.parametrize("name", KOREAN)
def test_the_prose_is_korean(name):
    """A paragraph that somebody forgot has no Hangul."""
    text = BLOCK.sub("", KOREAN[name].read_text("utf-8")).partition("\n# ")[2]
    for paragraph in text.split("\n\n"):
        assert re.search("[가-힣]", paragraph) or not re.search(r"[a-z]{3} [a-z]{2}", paragraph), paragraph
