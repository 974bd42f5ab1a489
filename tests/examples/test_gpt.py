"""examples/gpt.py learns, cannot see what comes next, and is what chapter 10 of the tutorial shows and measured with it."""

import ast
import math
import re
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from tests.examples.test_numpy_programs import load

gpt = load("gpt")
SOURCE = Path(gpt.__file__).read_text()
PAGE = (Path(__file__).parents[2] / "docs" / "tutorial" / "10_sequences.md").read_text()


@pytest.mark.parametrize("name", ["Block", "GPT"])
def test_the_page_shows_the_same_model(name):
    (found,) = [part for part in ast.parse(SOURCE).body if isinstance(part, ast.ClassDef) and part.name == name]
    assert ast.get_source_segment(SOURCE, found).replace("CHARS", "chars") in PAGE


@pytest.mark.parametrize("make", [lambda: gpt.Pairs(gpt.encode("ab")), gpt.Recurrent, gpt.GPT])
def test_no_answer_depends_on_what_comes_next(make):
    mg.manual_seed(0)
    net, x = make(), gpt.encode("Shall I compare")[None]
    for p in net.parameters():
        p.data += 0.1 * mg.randn(*p.shape)  # some begin as zeros
    for place in range(1, x.shape[1]):
        changed = x.clone()
        changed[0, place] = 0
        same = (net(x) == net(changed)).all(-1)[0].numpy()
        assert same[:place].all() and not same[place]


@pytest.mark.parametrize("make", [gpt.Recurrent, gpt.GPT])
def test_it_learns_a_line_by_heart(make):
    mg.manual_seed(0)
    data = gpt.encode("From fairest creatures we desire increase, That thereby beauty's rose" * 2)
    history = gpt.train(make(), data, 30, 0.01)
    assert history[0] > 3.5 and history[-1] < 1.6


def test_the_measured_table_is_what_the_script_prints(capsys):
    """The rows that training does not change are the page's, in the same form; the page's losses are those of learners."""
    gpt.main(["--steps", "2"])
    printed, text = capsys.readouterr().out.split("\n\n", 1)
    assert text.strip()
    form = re.compile(r"^\| (\w[\w ]*) \| ([\d,]+) \| (\d\.\d\d) \| (\d\.\d\d) \| (\d+) \|$", re.MULTILINE)
    header = printed.splitlines()[0]
    table = PAGE[PAGE.index(header) :].partition("\n\n")[0]
    rows, committed = form.findall(printed), form.findall(table)
    assert [row[:2] for row in rows] == [row[:2] for row in committed] and len(rows) == 4
    assert rows[0][:4] == committed[0][:4]
    losses = np.array([[float(row[2]), float(row[3])] for row in committed])
    assert losses[0, 0] == round(math.log(59), 2) and (losses[1:] < 2.6).all() and (losses[2:] < losses[1]).all()


def test_the_page_names_the_command_of_its_table():
    assert "python examples/gpt.py --steps 500" in PAGE and "CPU" in PAGE
