"""The site: pages fit a phone, links lead somewhere, and what is said of installation works."""

import re
import tomllib
from pathlib import Path

import pytest

from tests import site
from tests.viz.graphs.browser import IN_A_BROWSER

ROOT = Path(__file__).parents[1]
TEXTS = {".py", ".pyi", ".md", ".toml", ".ipynb", ".html", ".txt", ".css"}
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


def test_the_extra_all_is_the_extras_of_users():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    each = [needed for name in ("progress", "testing", "plot", "safetensors", "onnx", "einops") for needed in extras[name]]
    assert sorted(extras["all"]) == sorted(each)
    assert sorted(extras) == sorted(
        ["progress", "testing", "plot", "safetensors", "onnx", "einops", "all", "test", "lint", "docs"]
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
