"""Pictures of what networks learn: what they show is what is so, and drawing changes nothing."""

import copy
import subprocess
import sys

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, viz
from minigrad.errors import ShapeError
from minigrad.nn.inference import evaluating, layer_outputs, scores
from minigrad.viz.confusion import confusion_matrix
from minigrad.viz.dream import excite
from minigrad.viz.mistakes import loss_and_probabilities
from minigrad.viz.saliency import score_gradient
from minigrad.viz.style import LINE, ORANGE, columns_for, mosaic

(X, T), (X_TEST, T_TEST) = mg.data.load_digits(flatten=False)


@pytest.fixture
def net():
    mg.manual_seed(0)
    return mg.models.SimpleConvNet((1, 8, 8), {"filter_num": 6}, 12, weight_init_std="he").train()


def images(figure):
    """What each axes of a figure shows, by its title or place."""
    return [axes.get_images()[0].get_array() for axes in figure.axes if axes.get_images()]


def texts(figure):
    return [text.get_text() for axes in [figure, *figure.axes] for text in axes.texts]


def unchanged(net, draw):
    """Draw, and see that the network is as it was: weights, gradients, modes, random state."""
    net.conv1.eval()  # a mode of its own
    (net(X[:2]) ** 2).sum().backward()
    before = {name: (p.array, p.grad) for name, p in net.named_parameters()}
    modes = [m.training for m in net.modules()]
    drawn = copy.deepcopy(mg.random.default_generator().bit_generator.state)
    figure = draw()
    assert all(before[name][0] is p.array and before[name][1] is p.grad for name, p in net.named_parameters())
    assert modes == [m.training for m in net.modules()] and drawn == mg.random.default_generator().bit_generator.state
    assert not any(m._hooks and m._hooks.after for m in net.modules())
    return figure


# Asking a network


def test_scores_are_those_of_evaluation_mode_whatever_the_batches():
    mg.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(64, 10))
    whole = net.eval()(mg.tensor(X[:7])).detach().numpy()
    net.train()
    for size in (1, 3, 500):
        np.testing.assert_allclose(scores(net, X[:7], size), whole, rtol=1e-5, atol=1e-6)
    assert net[1].training
    with pytest.raises(ValueError, match="no images"):
        scores(net, X[:0])


def test_evaluating_restores_each_mode_also_after_an_error(net):
    net.fc1.eval()
    seen = []
    with pytest.raises(KeyError), evaluating(net):
        seen = [m.training for m in net.modules()] + [mg.is_grad_enabled(), {}["nothing"]]
    with evaluating(net):
        seen = [m.training for m in net.modules()] + [mg.is_grad_enabled()]
    assert not any(seen)
    assert net.training and net.fc2.training and not net.fc1.training and mg.is_grad_enabled()


def test_layer_outputs_are_what_the_layers_gave(net):
    x = mg.tensor(X[:3])
    found = layer_outputs(net, x)
    assert list(found) == ["conv1", "relu1", "pool1", "fc1", "relu2", "fc2"]
    assert (found["conv1"] == net.conv1(x)).all() and (found["fc2"] == net(x)).all()
    assert list(layer_outputs(net, x, until="pool1")) == ["conv1", "relu1", "pool1"]
    with pytest.raises(ShapeError):
        layer_outputs(net, mg.zeros(1, 2, 8, 8))
    assert not any(m._hooks and m._hooks.after for m in net.modules())


# Curves


def history(n=5):
    nothing = dict.fromkeys(mg.training.Epoch._fields, 0.0)
    known = [
        {"epoch": i, "loss": 3.0 / 10**i, "val_loss": 1.0 / i, "acc": 1 - 0.5**i, "val_acc": 0.9 - 0.1 * abs(i - 3)}
        for i in range(1, n + 1)
    ]
    return [mg.training.Epoch(**nothing | epoch) for epoch in known]


def test_curves_draw_the_history(tmp_path):
    epochs = history()
    figure = viz.curves(epochs)
    loss, accuracy = figure.axes
    assert [list(line.get_ydata()) for line in loss.lines] == [[e.loss for e in epochs], [e.val_loss for e in epochs]]
    np.testing.assert_allclose(accuracy.lines[0].get_ydata(), [100 * e.acc for e in epochs])
    assert len(accuracy.lines) == 2 and not any("best" in text for text in texts(figure))  # test images choose nothing
    validated = viz.curves(epochs, held_out="validation")
    np.testing.assert_allclose(validated.axes[1].lines[2].get_xydata(), [(3, 90)])  # the best epoch
    assert "90.0 %, in epoch 3" in validated.texts[1].get_text() and "70.0 % in validation" in validated.texts[0].get_text()
    assert loss.get_yscale() == "log" and viz.curves(history(1)).axes[0].get_yscale() == "linear"
    assert figure.texts[0].get_text() == "5 epochs: 70.0 % in test"
    trainer = mg.training.Trainer(
        nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), X[:20], T[:20], X[:20], T[:20], epochs=1, verbose=False
    )
    with pytest.raises(ValueError, match="no epoch has ended"):
        viz.curves(trainer)
    trainer.history = epochs
    run = mg.training.Run(tmp_path)
    run.save_history(epochs)
    for source in (trainer, tmp_path / "history.csv"):
        np.testing.assert_allclose(viz.curves(source).axes[1].lines[1].get_ydata(), [100 * e.val_acc for e in epochs])


def test_the_names_of_curves_do_not_collide():
    names = [text.get_position()[1] for text in viz.curves(history(1)).axes[1].texts]
    assert abs(names[0] - names[1]) > 0.11


# Filters


def test_filters_have_a_scale_each_that_is_written_or_share_one():
    rng = np.random.default_rng(0)
    before, after = rng.standard_normal((6, 1, 3, 4)), rng.standard_normal((6, 1, 3, 4)) * 3
    before *= 0.01  # as the book begins: on the scale of the trained ones, white
    panels = (before, after, after - before)
    scales = [np.abs(weights).max() for weights in panels]
    for common in (False, True):
        figure = viz.filters(after, before, common_scale=common)
        shown = [axes.get_images()[0] for axes in figure.axes[:3]]
        wanted = [max(scales)] * 3 if common else scales
        assert [image.get_clim() for image in shown] == [(-scale, scale) for scale in wanted]
        assert all(f"±{scale:.2g}" in texts(figure) for scale in wanted)
        for image, weights in zip(shown, panels, strict=True):
            np.testing.assert_array_equal(image.get_array(), mosaic(weights[:, 0], columns_for(6)))
    assert len(images(viz.filters(after))) == 1


def test_filters_of_a_module_are_its_first_kernels_or_those_named():
    net = nn.Sequential(nn.Linear(2, 2), nn.Conv2d(1, 4, 3), nn.Conv2d(4, 8, 3))
    assert viz.filters(net).texts[0].get_text() == "1.weight"
    named = viz.filters(net, layer="2.weight")
    assert named.texts[0].get_text() == "2.weight" and "8 kernels of 4x3x3, a row for each" in texts(named)
    np.testing.assert_array_equal(images(named)[0], mosaic(net[2].weight.detach().numpy().reshape(-1, 3, 3), 4))
    with pytest.raises(ValueError, match=r"no kernels 3.weight in Sequential; there are 1.weight, 2.weight"):
        viz.filters(net, layer="3.weight")
    with pytest.raises(ShapeError, match=r"must be \(F, C, KH, KW\), got shape \(2, 3\)"):
        viz.filters(np.ones((2, 3)))
    with pytest.raises(ShapeError, match="initial kernels have shape"):
        viz.filters(net, np.ones((4, 1, 2, 2)))


def test_filters_of_three_channels_are_colours_and_of_many_not_all_are_shown():
    image = images(viz.filters(np.full((2, 3, 2, 2), 0.5)))[0]
    assert image.shape[-1] == 3 and image[0, 0].tolist() == [0.75 + 0.25] * 3
    assert "80 kernels of 1x2x2; 64 shown" in texts(viz.filters(np.ones((80, 1, 2, 2))))
    assert "9 kernels of 10x2x2, a row for each; 6 shown" in texts(viz.filters(np.ones((9, 10, 2, 2))))
    assert viz.filters(np.zeros((1, 1, 2, 2))).axes  # no scale to divide by


def test_a_figure_is_dark_in_a_dark_notebook_and_a_photograph_is_not():
    for weights, dark in ((np.ones((2, 1, 2, 2)), True), (np.ones((2, 3, 2, 2)), False)):
        html = viz.filters(weights)._repr_html_()
        assert html.count("data:image/png;base64,") == 1 and ("prefers-color-scheme:dark" in html) == dark
        assert ("invert(" in html) == dark and ("minigrad-figure" in html) == dark


def test_filter_show_is_the_books():
    weights = np.random.default_rng(0).standard_normal((10, 2, 3, 3))
    figure = viz.filter_show(weights, nx=4, margin=2, scale=5)
    (image,) = images(figure)
    assert image.shape == (3 * 15 + 2 * 2, 4 * 15 + 3 * 2)
    for i in range(10):
        y, x = i // 4 * 17, i % 4 * 17
        tile, kernel = image[y : y + 15 : 5, x : x + 15 : 5], weights[i, 0]
        np.testing.assert_allclose(tile, (kernel - kernel.min()) / (kernel.max() - kernel.min()))
    assert image.mask[15].all() and viz.filter_show(np.zeros((2, 1, 3, 3))).axes


@pytest.mark.parametrize("n", [1, 2, 5, 7, 11, 30, 97])
def test_tiles_have_enough_places(n):
    columns = columns_for(n)
    assert n <= columns * -(-n // columns) and (columns - 1) <= 2 * -(-n // columns)


# Feature maps, confusion, mistakes


def test_feature_maps_are_what_the_layers_gave(net):
    figure = unchanged(net, lambda: viz.feature_maps(net, X[3, 0]))
    with evaluating(net):
        maps = net.conv1(mg.tensor(X[3:4])).numpy()[0]
    shown = images(figure)
    np.testing.assert_array_equal(shown[0], X[3, 0])
    np.testing.assert_array_equal(shown[1], mosaic(maps, 6))
    np.testing.assert_array_equal(shown[6][0], scores(net, X[3:4])[0])
    assert [t for t in texts(figure) if t in dict(net.named_modules())] == [name for name, _ in net.named_modules() if name]


@pytest.mark.parametrize(("channels", "columns"), [(6, 6), (15, 15), (16, 8), (20, 10), (30, 15), (40, 15)])
def test_maps_that_need_two_rows_fill_both(channels, columns):
    net = nn.Sequential(nn.Conv2d(1, channels, 3))
    shown = images(viz.feature_maps(net, X[0]))[1]
    with evaluating(net):
        maps = net(mg.tensor(X[:1])).numpy()[0]
    np.testing.assert_array_equal(shown, mosaic(maps[:30], columns))


def test_layers_that_change_nothing_are_left_out():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Dropout(), nn.Flatten(), nn.Linear(72, 3))
    assert [t for t in texts(viz.feature_maps(net, X[0])) if t in "0123"] == ["0", "3", "0", "1", "2"]


@pytest.mark.parametrize("shape", [(2, 1, 8, 8), (8,), (1, 1, 1, 8, 8)])
def test_one_image_is_one_image(net, shape):
    for draw in (viz.feature_maps, viz.saliency):
        with pytest.raises(ShapeError, match="needs one image"):
            draw(net, np.zeros(shape))


def test_confusion_counts(net):
    rng = np.random.default_rng(2)
    labels, given = rng.integers(0, 4, 50), rng.standard_normal((50, 4))
    naive = np.zeros((4, 4), int)
    for t, row in zip(labels, given, strict=True):
        naive[t, row.argmax()] += 1
    np.testing.assert_array_equal(confusion_matrix(labels, given.argmax(1), 4), naive)
    figure = viz.confusion(given, None, labels, classes=["a", "b", "c", "d"])
    cells = {(round(t.get_position()[1]), round(t.get_position()[0])): int(t.get_text()) for t in figure.axes[0].texts}
    assert cells == {(i, j): naive[i, j] for i in range(4) for j in range(4) if naive[i, j]}
    shares = [text.get_text() for text in figure.texts if text.get_text().endswith(" %")]
    assert shares == [f"{100 * naive[i, i] / naive[i].sum():.1f} %" for i in range(4)]
    wrong = naive - np.diag(naive.diagonal())
    i, j = divmod(int(wrong.argmax()), 4)
    assert figure.texts[0].get_text() == f"{wrong.sum()} of 50 taken for another class"
    assert f"most often {'abcd'[i]} is taken for {'abcd'[j]}: {wrong.max()} of {naive[i].sum()}" in texts(figure)
    asked = unchanged(net, lambda: viz.confusion(net, X_TEST[:40], T_TEST[:40]))
    assert texts(asked) == texts(viz.confusion(scores(net, X_TEST[:40]), None, T_TEST[:40]))
    assert "no mistake" in texts(viz.confusion(np.eye(3), None, np.arange(3)))
    tied = viz.confusion(np.eye(3)[[1, 2, 0]], None, np.arange(3))
    assert not any("most often" in text for text in texts(tied)) and "3 of 3 taken for another class" in texts(tied)


def test_mistakes_are_the_worst_by_loss(net):
    from matplotlib.colors import to_rgba

    given = scores(net, X_TEST[:60])
    loss, probability = loss_and_probabilities(given, T_TEST[:60])
    each = [mg.nn.functional.cross_entropy(mg.tensor(given[i : i + 1]), T_TEST[i : i + 1]).item() for i in range(60)]
    np.testing.assert_allclose(loss, each, rtol=1e-5)
    np.testing.assert_allclose(probability.sum(1), 1)
    figure = unchanged(net, lambda: viz.mistakes(net, X_TEST[:60], T_TEST[:60], n=10))
    order = np.argsort(each)[::-1][:10]
    for image, i in zip(images(figure), order, strict=True):
        np.testing.assert_array_equal(image, X_TEST[i, 0])
    predicted = given.argmax(1)
    assert texts(figure)[2] == f"{T_TEST[order[0]]}  →  {predicted[order[0]]}"
    assert figure.texts[0].get_text() == f"{np.sum(predicted != T_TEST[:60])} of 60 wrong"
    shares = [text for text in texts(figure) if text.endswith(" %")]
    assert shares == [f"{100 * probability[i, predicted[i]]:.0f} %" for i in order]
    frames = [axes.patches[0].get_edgecolor() for axes in figure.axes]
    assert frames == [to_rgba(ORANGE if predicted[i] != T_TEST[i] else LINE) for i in order]
    right = viz.mistakes(np.eye(3), np.zeros((3, 1, 2, 2)), np.arange(3))
    assert "1  right" in texts(right) and "0 of 3 wrong" in texts(right)


@pytest.mark.parametrize(
    "given, labels, error, says",
    [
        (np.eye(3), np.arange(4), ShapeError, r"scores \(N, C\) and classes \(N,\) of integers, got \(3, 3\) and \(4,\)"),
        (np.eye(3), np.eye(3), ShapeError, "classes"),
        (np.eye(3), np.arange(3.0), ShapeError, "float64"),
        (np.eye(3), np.array([0, 1, 3]), IndexError, r"within 0..2, got 0..3"),
        (np.eye(3), np.array([0, 1, -1]), IndexError, r"within 0..2"),
    ],
)
def test_answers_are_checked(given, labels, error, says):
    for draw in (viz.confusion, viz.mistakes):
        with pytest.raises(error, match=says):
            draw(given, np.zeros((3, 1, 2, 2)), labels)


# Saliency and dreams


def test_saliency_is_the_gradient_of_a_score(net):
    net.double()
    x = X[5:6].astype(np.float64)
    found, gradient, label = score_gradient(net, x)
    assert label == found.argmax() == scores(net, x).argmax()
    for at in [(0, 0, 2, 3), (0, 0, 4, 4), (0, 0, 6, 2)]:
        moved = x.copy()
        moved[at] += 1e-6
        assert (scores(net, moved)[0, label] - found[label]) / 1e-6 == pytest.approx(gradient[at], rel=1e-4, abs=1e-6)
    figure = unchanged(net, lambda: viz.saliency(net, x[0], label=3, classes=list("abcdefghij")))
    np.testing.assert_allclose(images(figure)[1], score_gradient(net, x, 3)[1][0, 0])
    assert figure.texts[0].get_text() == "what speaks for d"
    with pytest.raises(IndexError, match=r"within 0..9, got 10"):
        viz.saliency(net, x, 10)
    with pytest.raises(ShapeError, match=r"must return scores \(N, C\)"):
        viz.saliency(net.conv1, x)


def test_a_dream_of_a_kernel_is_the_kernel():
    mg.manual_seed(0)
    conv = nn.Conv2d(1, 3, 5)
    found = excite(nn.Sequential(conv), "0", range(3), (1, 15, 15))
    assert found.field == (5, 10, 5, 10) and (found.after > found.before).all()
    for image, kernel in zip(found.images[:, 0, 5:10, 5:10], conv.weight.detach().numpy()[:, 0], strict=True):
        assert np.corrcoef(image.ravel(), np.maximum(kernel, 0).ravel())[0, 1] > 0.8
    outside = found.images.copy()
    outside[:, :, 5:10, 5:10] = 0
    assert np.abs(outside).max() < 0.25  # what does not matter fades, but for the blur around what does


def test_deeper_layers_see_more_and_are_excited(net):
    mg.manual_seed(0)
    deep = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Tanh(), nn.Conv2d(2, 2, 3), nn.Tanh(), nn.Flatten(), nn.Linear(2 * 121, 4))
    seen = [excite(deep, name, [0, 1], (1, 15, 15), steps=5).field for name in ("0", "2", "5")]
    assert [(bottom - top, right - left) for top, bottom, left, right in seen] == [(3, 3), (5, 5), (15, 15)]
    figure = unchanged(net, lambda: viz.dream(net, steps=30))
    assert len(figure.axes) == 6 + 10 + 10 and "sees 5x5" in texts(figure)
    found = excite(net, "fc2", range(10), (1, 8, 8), steps=60)
    assert (found.after > found.before + 0.2).all() and found.images.min() >= 0 and found.images.max() <= 1
    again = excite(net, "fc2", range(10), (1, 8, 8), steps=60)
    np.testing.assert_array_equal(found.images, again.images)


def test_dreams_stay_within_the_span_of_a_pixel(net):
    found = excite(net, "fc2", [3], (1, 8, 8), steps=20, span=(-1, 2))
    assert -1 <= found.images.min() < 0 and 1 < found.images.max() <= 2
    assert viz.dream(net, "fc2", 3, steps=1, classes=list("abcdefghij")).texts[4].get_text() == "d"


@pytest.mark.parametrize(
    "arguments, error, says",
    [
        ({"layer": "fc3"}, ValueError, "no layer 'fc3' in SimpleConvNet; there are conv1, relu1, pool1, fc1, relu2, fc2"),
        ({"layer": "fc2", "unit": 10}, IndexError, r"fc2 has units 0..9, got \[10\]"),
        ({"layer": "fc2", "unit": -1}, IndexError, "fc2 has units"),
        ({"shape": (8, 8)}, ValueError, r"pass shape=\(C, H, W\)"),
    ],
)
def test_dreams_of_what_is_not_there(net, arguments, error, says):
    with pytest.raises(error, match=says):
        viz.dream(net, **arguments, steps=1)


def test_a_model_of_unknown_input_needs_a_shape():
    net = nn.Sequential(nn.Flatten(), nn.Linear(9, 2))
    with pytest.raises(ValueError, match=r"pass shape=\(C, H, W\), the shape of an image for Sequential"):
        viz.dream(net)
    assert len(viz.dream(net, shape=(1, 3, 3), steps=2).axes) == 2


# The house


def test_dir_lists_the_public_names_alone():
    assert dir(viz) == sorted(viz.__all__) and {"graph", "curves"} < set(dir(viz))
    with pytest.raises(AttributeError, match="has no attribute 'grpah'"):
        viz.grpah  # noqa: B018


PROGRAM = """
import sys
import minigrad as mg
assert not [name for name in sys.modules if name.startswith("matplotlib")]
sys.modules["matplotlib"] = None
try:
    mg.viz.filter_show(mg.zeros(1, 1, 3, 3))
except ImportError as error:
    assert str(error) == "pictures need matplotlib\\n  hint: pip install matplotlib", error
else:
    raise SystemExit("no error")
del sys.modules["matplotlib"]
figure = mg.viz.filters(mg.zeros(2, 1, 3, 3))
assert figure._repr_png_()[:4] == b"\\x89PNG"
assert "matplotlib.pyplot" not in sys.modules
"""


def test_matplotlib_is_imported_at_use_without_pyplot_and_missed_in_a_sentence():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_dollar_in_the_name_of_a_class_is_a_dollar(tmp_path):
    names = ["$\\bad$", "$x^2$", "a_b", "5 $"]
    scores, labels = np.eye(4)[[0, 1, 2, 3, 1]], np.array([0, 1, 2, 3, 0])
    figures = {"confusion": viz.confusion(scores, None, labels, classes=names),
               "mistakes": viz.mistakes(scores, np.zeros((5, 1, 8, 8)), labels, classes=names)}  # fmt: skip
    for name, figure in figures.items():
        figure.savefig(tmp_path / f"{name}.png")  # raised ValueError: \\bad is no symbol
    assert [text.get_text() for text in figures["confusion"].axes[0].get_yticklabels()] == names
    assert not any(text.get_parse_math() for text in figures["confusion"].axes[0].get_yticklabels())
