"""The pictures of the documentation: the script makes them, they are there, small and sound."""

import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

import minigrad as mg

DOCS = Path(mg.__file__).parents[1] / "docs"
pytestmark = pytest.mark.skipif(not DOCS.is_dir(), reason="the documentation is not here")
STEADY = ("sum_of_two", "tanh_")  # pictures without the last bits of large sums


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
        if name.startswith(STEADY):
            assert committed == content, f"{name}: run python docs/make_images.py, and look at it"
        if name.endswith(".svg"):
            titles = [ET.fromstring(svg).findtext("{http://www.w3.org/2000/svg}title") for svg in (committed, content)]
            assert titles[0].partition(":")[0] == titles[1].partition(":")[0]


def test_pictures_show_what_they_are_for(made):
    text = {name: content.decode() for name, content in made.items()}
    assert all(
        word in text["simple_convnet_loss.svg"] for word in (">initial<", ">trained<", ">gradient<", "saved for backward")
    )
    assert 'class="card op fault"' in text["nan_autopsy.svg"] and ">make_images.py:" in text["nan_autopsy.svg"]
    assert ">×2</text>" in text["resnet18_blocks.svg"] and "layer4.1.conv2.weight" in text["resnet18_unfolded.svg"]
    assert ">fourth derivative<" in text["tanh_fourth_derivative.svg"]
    assert text["simple_convnet.mmd"].splitlines()[3] == "flowchart TB"
