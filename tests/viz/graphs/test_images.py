"""The pictures of the documentation: the script makes them, they are there, small and sound."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

import minigrad as mg

DOCS = Path(mg.__file__).parents[1] / "docs"
pytestmark = pytest.mark.skipif(not DOCS.is_dir(), reason="the documentation is not here")
TRAINED = ("loss.svg", "simple_convnet_loss.svg", "nan_autopsy.svg")  # with the last bits of large sums


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    subprocess.run([sys.executable, DOCS / "make_images.py", folder], check=True, capture_output=True)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_every_picture_is_committed_and_no_other(made):
    assert sorted(path.name for path in (DOCS / "images").iterdir()) == sorted(made)
    assert sum(map(len, made.values())) < 1_000_000


def test_pictures_are_what_the_script_makes(made):
    for name, content in made.items():
        committed = (DOCS / "images" / name).read_bytes()
        if name.endswith(".svg"):
            titles = [ET.fromstring(svg).findtext("{http://www.w3.org/2000/svg}title") for svg in (committed, content)]
            assert titles[0] == titles[1]
        if name in TRAINED and committed != content:  # by another BLAS: all but the numbers is the same
            committed, content = map(without_numbers, (committed, content))
        assert committed == content, f"{name}: run python docs/make_images.py, and look at it"


def without_numbers(svg):
    return re.sub(rb"base64,[^\"]+|#?[0-9a-f]{6,}|-?\d+(\.\d+)?(e-?\d+)?", b"", svg)


def test_a_page_shows_what_its_code_saves(made):
    """README's first picture is of the script; every other one is saved by a block of the page that shows it."""
    for page in (DOCS.parent / "README.md", DOCS / "pictures.md"):
        text = page.read_text()
        shown = set(re.findall(r"images/([\w.]+)", text)) - {"tanh_second_derivative.svg"}
        assert shown and shown <= {Path(name).name for name in re.findall(r"""save\("([^"]+)"\)""", text)}
    (title,) = re.findall(r"<title>(SimpleConvNet[^<]+)</title>", made["loss.svg"].decode())[:1]
    assert title == "SimpleConvNet loss: 8 ops, 13,890 parameters, 407.2 kB saved for backward"
    assert all(word in made["loss.svg"].decode() for word in (">weight ±", ">gradient ±", "gradient, root mean square"))


def test_pictures_show_what_they_are_for(made):
    text = {name: content.decode() for name, content in made.items()}
    assert all(
        word in text["simple_convnet_loss.svg"] for word in (">initial ±", ">trained ±", ">gradient ±", "saved for backward")
    )
    assert 'class="card op fault"' in text["nan_autopsy.svg"] and ">pictures.md:" in text["nan_autopsy.svg"]
    assert ">×2</text>" in text["resnet18_blocks.svg"] and "layer4.1.conv2.weight" in text["resnet18_unfolded.svg"]
    assert ">fourth derivative<" in text["tanh_fourth_derivative.svg"]
    assert text["simple_convnet.mmd"].splitlines()[3] == "flowchart TB"
