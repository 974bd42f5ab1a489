"""The tables of the tutorial's chapters 5 and 7 are of the form that the script prints, and the script runs."""

import re
import runpy
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg

ROOT = Path(__file__).parents[2]
SCRIPT = runpy.run_path(str(ROOT / "examples" / "measure_mnist.py"))
TABLES = SCRIPT["TABLES"]
PERCENT = r"\d+\.\d(?: \((\d+\.\d) to (\d+\.\d)\))?"


@pytest.fixture
def few_images():
    """The bundled digits in MNIST's size."""

    def wide(x):
        return np.pad(x.repeat(3, 2).repeat(3, 3), ((0, 0), (0, 0), (2, 2), (2, 2)))

    (x, t), (x_test, t_test) = mg.data.load_digits(flatten=False)
    return (wide(x[:20]), t[:20]), (wide(x_test[:20]), t_test[:20])


@pytest.mark.parametrize("table", TABLES)
def test_the_script_runs(table, few_images, monkeypatch, capsys):
    rows = [row._replace(images=20, epochs=1, batch=10, seeds=1) for row in TABLES[table]]
    monkeypatch.setitem(TABLES, table, rows)
    SCRIPT["main"](table, few_images)
    command, machine, empty, head, _, *lines = capsys.readouterr().out.splitlines()
    assert command == f"python examples/measure_mnist.py {table}" and empty == ""
    assert re.fullmatch(r"\d{4}-\d\d-\d\d, .*, threads: \w+, Python [\d.]+, NumPy [\d.]+", machine)
    assert head == committed(table)[0] and len(lines) == len(rows)
    for row, line in zip(rows, lines, strict=True):
        assert re.fullmatch(rf"\| {row.name} \| [\d.]+ \| [\d.]+ \| \d+ \|", line)


@pytest.mark.parametrize("table", TABLES)
def test_the_tables_on_the_pages_are_of_its_rows(table):
    lines = committed(table)[2:]
    assert len(lines) == len(TABLES[table])
    for row, line in zip(TABLES[table], lines, strict=True):
        name, train, test, seconds = line.strip("| ").split(" | ")
        assert name == row.name and seconds.isdigit()
        assert f"{row.images:,} images" in page_of(table) and f"{row.epochs} epochs" in page_of(table)
        for cell in (train, test):
            assert bool(re.fullmatch(PERCENT, cell)[1]) == (row.seeds > 1)


def test_a_seed_says_what_is_trained(few_images):
    row = TABLES["simple-convnet"][0]._replace(images=20, epochs=1, batch=10)
    first, again, other = (SCRIPT["train"](row, *few_images[0], seed).state_dict() for seed in (0, 0, 1))
    assert all((first[name] == again[name]).all() for name in first)
    assert not (first["conv1.weight"] == other["conv1.weight"]).all()


def test_the_variants_of_alexnet_differ_in_what_their_names_say(few_images):
    made = {row.name: row.make() for row in TABLES["alexnet"]}
    layers = {name: [type(net.features[i]).__name__ for i in (2, 6)] for name, net in made.items()}
    rates = {name: {layer.p for layer in net.modules() if isinstance(layer, mg.nn.Dropout)} for name, net in made.items()}
    assert list(layers.values()) == [
        [name] * 2 for name in ("LocalResponseNorm", "LocalResponseNorm", "Identity", "Identity", "Divide")
    ]
    assert list(rates.values()) == [{0.5}, {0.0}, {0.5}, {0.0}, {0.5}]
    x = mg.tensor(few_images[0][0])
    normalize, divide = made["as it is"].features[2], made["divided by 1.68 instead of normalized"].features[2]
    np.testing.assert_allclose(normalize(x), divide(x), rtol=1e-3)


def committed(table):
    """The lines of the table below its command."""
    after = page_of(table).split(f"measure_mnist.py {table}\n")[1]
    return re.search(r"(?:^\|.*\n)+", after, re.MULTILINE)[0].splitlines()


def page_of(table):
    """The text of the page that shows the command."""
    pages = [page.read_text() for page in (ROOT / "docs" / "tutorial").glob("*.md")]
    (page,) = [page for page in pages if f"measure_mnist.py {table}\n" in page]
    return page
