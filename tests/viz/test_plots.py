"""Plots of numbers: what is drawn, names that do not overlap, and what is refused."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import viz
from minigrad.errors import ShapeError

pytest.importorskip("matplotlib")


def test_lines_are_drawn_as_given():
    x = mg.tensor([0.0, 1.0, 2.0], requires_grad=True)
    (axes,) = viz.lines(x, {"cube": x**3, "line": [0.0, 1.0, 2.0]}, points=(x, x), log=True, title="two").axes
    points, cube, line = axes.get_lines()
    assert cube.get_ydata().tolist() == [0, 1, 8] and line.get_xdata().tolist() == points.get_xdata().tolist() == [0, 1, 2]
    assert axes.get_yscale() == "log" and [t.get_text() for t in axes.figure.texts] == ["two"]


def test_names_at_the_ends_are_moved_apart():
    x = np.arange(3.0)
    (axes,) = viz.lines(x, {"a": x, "b": x, "c": x - 0.01}).axes
    heights = sorted(text.get_position()[1] for text in axes.texts)
    assert np.diff(heights).min() > 0.07
    assert [t.get_text() for t in sorted(axes.texts, key=lambda t: t.get_position()[1])] == ["c", "a", "b"]


def test_lines_of_other_shapes_are_refused():
    x = np.arange(3.0)
    with pytest.raises(ShapeError, match=r"lines: 'y' has shape \(2,\), x has \(3,\)"):
        viz.lines(x, {"y": x[:2]})
    with pytest.raises(ValueError, match="lines: draws 1 to 5 lines, got 6"):
        viz.lines(x, dict.fromkeys("abcdef", x))


def test_a_landscape_has_the_function_and_the_paths():
    asked = []

    def bowl(p):
        asked.append(p.shape)
        return p[0] ** 2 + 3 * p[1] ** 2

    path = [mg.tensor([1.0, 0.5]), np.zeros(2)]
    (axes,) = viz.landscape(bowl, (-2, 2), (-1, 1), paths={"Newton": path}).axes
    assert len(asked) == 1 and asked[0][0] == 2
    assert axes.get_lines()[0].get_xydata().tolist() == [[1, 0.5], [0, 0]]
    assert axes.get_xlim() == (-2, 2) and axes.get_ylim() == (-1, 1)
    level = axes.collections[0]
    vertices = level.get_paths()[5].vertices
    np.testing.assert_allclose(vertices[:, 0] ** 2 + 3 * vertices[:, 1] ** 2, level.levels[5], rtol=1e-2)
