"""The site: pages fit a phone, links lead somewhere, and what is said of installation works."""

import pytest

from tests import site
from tests.viz.graphs.browser import IN_A_BROWSER

PAGE = '<html><head><meta name="viewport" content="width=device-width"></head><body><article>{}</article></body></html>'


@IN_A_BROWSER
def test_a_page_wider_than_a_phone_is_named(tmp_path, capsys):
    (tmp_path / "wide.html").write_text(PAGE.format('<div style="width: 800px">wide</div>'))
    (tmp_path / "box.html").write_text(
        PAGE.format('<div style="overflow: auto"><div style="width: 800px">scrolls in its box</div></div>')
    )
    with pytest.raises(SystemExit, match="True"):
        site.main(tmp_path)
    printed = capsys.readouterr().out
    assert "wide.html is 8" in printed and "box.html" not in printed


@IN_A_BROWSER
def test_a_site_that_fits_is_quiet(tmp_path, capsys):
    (tmp_path / "text.html").write_text(PAGE.format("<p>" + "words that wrap " * 50))
    with pytest.raises(SystemExit, match="False"):
        site.main(tmp_path)
    assert capsys.readouterr().out == ""
