"""The page on proving gradients prints what it shows; that its code runs is seen to with all other pages."""

import re
from pathlib import Path

from tests.test_documents import blocks, run

PAGE = Path(__file__).parents[2] / "docs" / "proving.md"


def test_the_report_on_the_page_is_the_report(capsys):
    names = {}
    for code, _ in blocks(PAGE):
        if "mutants" not in code:
            run(code, names)
    printed = capsys.readouterr().out
    (shown,) = [text for text in re.findall(r"```text\n(.*?)```", PAGE.read_text(), re.DOTALL) if "numeric" in text]
    assert re.sub("allowed .*", "allowed", shown) in re.sub("allowed .*", "allowed", printed)  # it is measured


def test_the_table_lists_all_side_checks():
    from minigrad.testing import CHECKS

    assert tuple(re.findall(r"^\| `(\w+)` \|", PAGE.read_text(), re.MULTILINE)) == CHECKS
