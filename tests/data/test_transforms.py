"""Transforms of images: by hand, by symmetry, and with their own generators; and the toy data."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.data import datasets, toys
from minigrad.data.transforms import (
    Compose,
    Lambda,
    Normalize,
    RandomCrop,
    RandomHorizontalFlip,
    RandomRotation,
    ToTensor,
)  # fmt: skip
from minigrad.errors import DTypeError, ShapeError

IMAGE = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


def rng(seed=0):
    return np.random.default_rng(seed)


def test_to_tensor():
    grey, colour = np.array([[0, 51], [102, 255]], np.uint8), np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    np.testing.assert_allclose(ToTensor()(grey).numpy(), [[[0, 0.2], [0.4, 1]]], rtol=1e-6)
    assert ToTensor()(colour).shape == (3, 2, 2) and ToTensor()(colour).dtype == np.float32
    np.testing.assert_allclose(ToTensor()(colour)[1].numpy() * 255, [[1, 4], [7, 10]], rtol=1e-6)
    assert (ToTensor()(IMAGE).numpy() == IMAGE).all()
    with pytest.raises(ShapeError, match=r"\(H, W\) or \(H, W, C\), got shape \(3,\)"):
        ToTensor()(np.zeros(3, np.uint8))


def test_normalize():
    out = Normalize((1.0, 2.0), (2.0, 4.0))(mg.tensor(IMAGE))
    assert isinstance(out, mg.Tensor) and out.dtype == np.float32
    np.testing.assert_allclose(out.numpy(), np.stack([(IMAGE[0] - 1) / 2, (IMAGE[1] - 2) / 4]))
    np.testing.assert_allclose(Normalize((1.0,), (2.0,))(IMAGE[None]), (IMAGE[None] - 1) / 2)
    with pytest.raises(ShapeError, match=r"3 means for an image of shape \(2, 3, 4\)"):
        Normalize((0, 0, 0), (1, 1, 1))(IMAGE)
    with pytest.raises(DTypeError, match=r"put ToTensor\(\) before it"):
        Normalize((0.5,), (0.5,))(IMAGE.astype(np.uint8))
    for std in ((0.0,), (1.0, 0.0)):
        with pytest.raises(ValueError, match="std must not be 0"):
            Normalize((0.0,), std)


def test_flips():
    assert (RandomHorizontalFlip(1.0)(IMAGE) == IMAGE[:, :, ::-1]).all() and (
        RandomHorizontalFlip(0.0)(IMAGE) == IMAGE
    ).all()
    flip = RandomHorizontalFlip(0.3, rng())
    share = np.mean([bool(flip(mg.tensor(IMAGE))[0, 0, 0] != 0) for _ in range(1000)])
    assert abs(share - 0.3) < 0.05


def test_crops():
    crop = RandomCrop((2, 3), generator=rng())
    seen = {crop(IMAGE).tobytes() for _ in range(100)}
    assert seen == {IMAGE[:, i : i + 2, j : j + 3].tobytes() for i in range(2) for j in range(2)}
    framed = RandomCrop(9, padding=3, fill=7.0)  # as high as the framed image, and one less than its width
    out = framed(mg.tensor(IMAGE[:, :, :4]))
    assert out.shape == (2, 9, 9) and (out[:, :3] == 7).all() and (out[:, 3:6].numpy().reshape(2, -1) == 0).sum() == 1
    assert {RandomCrop(5, padding=1)(IMAGE)[:, 0].any() for _ in range(9)} == {False}  # zeros by default
    assert RandomCrop(1)(IMAGE).shape == (2, 1, 1)
    with pytest.raises(ShapeError, match=r"a crop of \(6, 6\) of an image of \(3, 4\)"):
        RandomCrop(6)(IMAGE)


@pytest.mark.parametrize("kind", ["nearest", "bilinear"])
@pytest.mark.parametrize("quarter", [0, 1, 2, 3])
def test_quarter_turns_are_exact(kind, quarter):
    image = rng().standard_normal((2, 5, 5))
    turned = RandomRotation((90 * quarter, 90 * quarter), kind)(image)
    np.testing.assert_allclose(turned, np.rot90(image, quarter, (1, 2)), atol=1e-12)


def test_a_turn_moves_what_it_should_and_fills_the_corners():
    ramp = np.tile(np.arange(9.0), (1, 9, 1))  # brightness = x, so after a turn by a it is x cos a - y sin a
    turned = RandomRotation((30, 30), "bilinear", fill=-1.0)(ramp)[0]
    y, x = np.mgrid[-4:5, -4:5]
    expected = x * np.cos(np.pi / 6) - y * np.sin(np.pi / 6) + 4
    inside = x**2 + y**2 < 9
    np.testing.assert_allclose(turned[inside], expected[inside], atol=1e-12)
    assert turned[0, 0] == -1 and RandomRotation((45, 45))(np.ones((1, 9, 9)))[0, 0, 0] == 0
    assert RandomRotation(10, generator=rng())(mg.tensor(IMAGE)).dtype == np.float32


def test_a_number_of_degrees_is_a_range_to_both_sides():
    generator = rng()
    turns = [RandomRotation(20, "bilinear", generator=generator)(np.tile(np.arange(9.0), (1, 9, 1)))[0] for _ in range(40)]
    to_the_left = [turned[2, 4] < turned[6, 4] for turned in turns]
    assert 8 < sum(to_the_left) < 32 and len({turned.tobytes() for turned in turns}) == 40


def test_pytorch_turns_the_same_way():
    torch = pytest.importorskip("torch")
    image, a = rng().standard_normal((1, 8, 8)), 0.4
    theta = torch.tensor([[[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0]]])
    grid = torch.nn.functional.affine_grid(theta, (1, 1, 8, 8), align_corners=False)
    theirs = torch.nn.functional.grid_sample(torch.tensor(image)[None], grid, align_corners=False)[0].numpy()
    ours = RandomRotation((np.degrees(a), np.degrees(a)), "bilinear")(image)
    np.testing.assert_allclose(ours, theirs, atol=1e-12)


def test_generators_repeat_and_the_librarys_seed_too():
    for make in (lambda g: RandomCrop(2, generator=g), lambda g: RandomRotation(90, generator=g),
                 lambda g: RandomHorizontalFlip(generator=g)):  # fmt: skip
        a, b = make(rng(1)), make(rng(1))
        assert all((a(IMAGE) == b(IMAGE)).all() for _ in range(5))
    mg.manual_seed(3)
    first = RandomCrop(2)(IMAGE)
    mg.manual_seed(3)
    assert (RandomCrop(2)(IMAGE) == first).all()


def test_composition_in_a_dataset():
    both = Compose([RandomCrop(6), ToTensor(), Normalize((0.5,), (0.5,)), Lambda(lambda x: x.flatten())])
    image, target = datasets.Digits(transform=both, target_transform=str)[0]
    assert image.shape == (36,) and image.numpy().min() >= -1 and isinstance(target, str)
    assert repr(both).splitlines()[1:4] == [
        "    RandomCrop(size=(6, 6), padding=0)", "    ToTensor()", "    Normalize(mean=(0.5,), std=(0.5,))",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "make",
    [
        lambda: RandomCrop(0),
        lambda: RandomCrop(2, padding=-1),
        lambda: RandomHorizontalFlip(1.5),
        lambda: RandomRotation((5, -5)),
        lambda: RandomRotation(5, "cubic"),
    ],
)
def test_what_transforms_refuse(make):
    with pytest.raises(ValueError, match="Random"):
        make()


# Toys


@pytest.mark.parametrize("make", [toys.spiral, toys.moons, toys.circles])
def test_toys_have_every_class_and_repeat(make):
    x, t = make(91, generator=rng())
    again, _ = make(91, generator=rng())
    other, _ = make(91, generator=rng(1))
    classes = 3 if make is toys.spiral else 2
    assert x.shape == (91, 2) and x.dtype == np.float32 and t.dtype == np.int64 and (x == again).all() and (x != other).any()
    assert np.ptp(np.bincount(t, minlength=classes)) <= 1 and (np.diff(t) >= 0).all()
    with pytest.raises(ValueError, match="at least one point"):
        make(0)
    assert make(1)[0].shape == (1, 2)


def test_toys_lie_about_their_curves_by_default():
    x, t = toys.circles(2000, generator=rng())
    assert np.std(np.hypot(*x.T) - np.where(t, 0.5, 1.0)) == pytest.approx(0.05, rel=0.1)
    x, t = toys.moons(2000, generator=rng())
    assert np.std(np.hypot(x[:, 0] - t, x[:, 1] - 0.5 * t)) == pytest.approx(0.1, rel=0.1)


def test_toys_lie_on_their_curves_without_noise():
    x, t = toys.spiral(120, classes=4, noise=0.0)
    radius = np.hypot(*x.T)
    for k in range(4):
        np.testing.assert_allclose(radius[t == k], np.arange(30) / 30, atol=1e-6)
    np.testing.assert_allclose(x[t == 2], -x[t == 0], atol=1e-6)  # half a turn apart
    x, t = toys.circles(60, noise=0.0, factor=0.3)
    np.testing.assert_allclose(np.hypot(*x.T), np.where(t, 0.3, 1.0), rtol=1e-6)
    x, t = toys.moons(60, noise=0.0)
    np.testing.assert_allclose(np.hypot(x[:, 0] - t, x[:, 1] - 0.5 * t), 1.0, rtol=1e-6)
    assert (x[t == 0, 1] >= -1e-6).all() and (x[t == 1, 1] <= 0.5 + 1e-6).all()
