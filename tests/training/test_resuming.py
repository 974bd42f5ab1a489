"""A training that is broken off and resumed is, bit for bit, the one that was not."""

import os
import signal
import threading

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad.data import DataLoader, RandomSampler, TensorDataset, transforms
from minigrad.data.datasets import Digits
from minigrad.errors import WeightsFileError
from minigrad.training import EarlyStopping, Epoch, Trainer
from minigrad.training.rng_state import generator_states, set_generator_states

(X, T), (X_TEST, T_TEST) = mg.data.load_digits(flatten=False)
DATA = (X[:150], T[:150], X_TEST[:70], T_TEST[:70])
SCHEDULES = {
    "none": {},
    "cosine": {"scheduler": lambda o: optim.lr_scheduler.CosineAnnealingLR(o, 4)},
    "steps": {"scheduler": lambda o: optim.lr_scheduler.MultiStepLR(o, [1, 3], 0.5)},
    "plateau": {"scheduler": lambda o: optim.lr_scheduler.ReduceLROnPlateau(o, patience=0)},
    "cycle": {"scheduler": lambda o: optim.lr_scheduler.OneCycleLR(o, 0.01, 16), "schedule_per": "batch"},
}


def make(tmp_path, seed=0, data=DATA, **options):
    """A trainer as a program makes it on every start: the seed matters for the first start alone."""
    mg.manual_seed(seed)
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Dropout(0.3), nn.Flatten(), nn.Dropout(0.2, np.random.default_rng(seed)),
        nn.Linear(144, 10),
    )  # fmt: skip
    return Trainer(
        net, *data, epochs=4, mini_batch_size=40, verbose=False, checkpoint=tmp_path / "checkpoint.npz", max_grad_norm=1.0,
        optimizer_param={"lr": 0.01}, **options,
    )  # fmt: skip


def result(trainer):
    """Everything that must not differ: weights, records, and what would be drawn next."""
    timeless = [epoch._replace(seconds=0, images_per_s=0) for epoch in trainer.history]
    weights = {name: p.numpy().tobytes() for name, p in trainer.network.state_dict().items()}
    drawn = generator_states(trainer.network, trainer.train_loader)
    return weights, timeless, trainer.train_loss_list, trainer.gradient_history, trainer.test_acc_list, drawn


def interrupted_after(trainer, steps):
    """Train until Ctrl-C is pressed, in the middle of a batch."""
    step, count = trainer.train_step, []

    def pressed(x, t):
        count.append(1)
        if len(count) == steps:
            os.kill(os.getpid(), signal.SIGINT)
        return step(x, t)

    trainer.train_step = pressed
    with pytest.raises(KeyboardInterrupt, match="in epoch"):
        trainer.train()
    del trainer.train_step
    return trainer


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("steps", [2, 4, 11])  # within the first epoch, at its end, within the third
def test_a_resumed_run_is_the_uninterrupted_one(tmp_path, schedule, steps):
    whole = make(tmp_path, **SCHEDULES[schedule])
    whole.train()
    first = interrupted_after(make(tmp_path, **SCHEDULES[schedule]), steps)
    assert len(first.train_loss_list) == steps  # the batch was finished, and no more
    resumed = make(tmp_path, seed=77, **SCHEDULES[schedule])
    resumed.load_checkpoint(tmp_path / "checkpoint.npz")
    resumed.train()
    assert result(resumed) == result(whole)
    mg.manual_seed(0)
    make_same = interrupted_after(make(tmp_path, **SCHEDULES[schedule]), steps)
    make_same.train()  # in the same process, without the file
    assert result(make_same) == result(whole)


def test_loaders_that_draw_are_resumed_too(tmp_path):
    def loaders():
        shift = transforms.RandomCrop(8, padding=1, generator=np.random.default_rng(5))
        dataset = mg.data.Subset(Digits(transform=shift), range(150))
        return DataLoader(dataset, 40, sampler=RandomSampler(dataset)), None, DataLoader(TensorDataset(*DATA[2:]), 30)

    whole = make(tmp_path, data=loaders())
    whole.train()
    interrupted_after(make(tmp_path, data=loaders()), 6)
    resumed = make(tmp_path, seed=3, data=loaders())
    resumed.load_checkpoint(tmp_path / "checkpoint.npz")
    resumed.train()
    assert result(resumed) == result(whole)


def test_after_every_epoch_there_is_a_checkpoint(tmp_path):
    trainer = make(tmp_path, callbacks=[lambda trainer, epoch: epoch.epoch == 2])
    trainer.train()
    resumed = make(tmp_path, seed=5)
    resumed.load_checkpoint(tmp_path / "checkpoint.npz")
    assert result(resumed) == result(trainer) and len(resumed.history) == 2
    resumed.train()
    assert len(resumed.history) == 4


def test_early_stopping_counts_on_in_a_resumed_run(tmp_path):
    def stopping(seed=0):
        return make(tmp_path, seed, callbacks=[EarlyStopping(2, "loss", min_delta=10.0)])  # only the first counts

    stopping().train()
    trainer = stopping()
    trainer.epochs = 2
    trainer.train()
    resumed = stopping(9)
    resumed.load_checkpoint(tmp_path / "checkpoint.npz")
    resumed.train()
    assert len(resumed.history) == 3


def test_a_second_interruption_is_immediate_and_the_handler_comes_back(tmp_path):
    trainer = make(tmp_path)
    step = trainer.train_step

    def pressed_twice(x, t):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        return step(x, t)

    trainer.train_step = pressed_twice
    with pytest.raises(KeyboardInterrupt):
        trainer.train()
    assert trainer.train_loss_list == [] and not (tmp_path / "checkpoint.npz").exists()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_programs_own_handler_and_other_threads_are_left_alone(tmp_path):
    seen = []
    before = signal.signal(signal.SIGINT, lambda *event: seen.append(event))
    try:
        trainer = make(tmp_path, callbacks=[lambda *_: os.kill(os.getpid(), signal.SIGINT)])
        trainer.train()
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(seen) == 4 and len(trainer.history) == 4
    other = make(tmp_path)
    thread = threading.Thread(target=other.train)
    thread.start()
    thread.join()
    assert result(other)[:3] == result(trainer)[:3]


def test_ctrl_c_after_the_last_batch_ends_the_epoch_first(tmp_path):
    trainer = make(tmp_path, callbacks=[lambda *_: os.kill(os.getpid(), signal.SIGINT)])
    with pytest.raises(KeyboardInterrupt, match=r"in epoch 2, after 0 batches; load_checkpoint"):
        trainer.train()
    resumed = make(tmp_path, seed=1)
    resumed.load_checkpoint(tmp_path / "checkpoint.npz")
    assert len(trainer.history) == 1 and result(resumed) == result(trainer)


def test_without_a_checkpoint_the_message_says_how_to_go_on():
    mg.manual_seed(0)
    trainer = Trainer(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), *DATA, epochs=1, mini_batch_size=40, verbose=False)
    step = trainer.train_step

    def pressed(x, t):
        os.kill(os.getpid(), signal.SIGINT)
        return step(x, t)

    trainer.train_step = pressed
    with pytest.raises(KeyboardInterrupt, match=r"^in epoch 1, after 1 batches; train\(\) continues from there$"):
        trainer.train()


def test_loading_is_all_or_nothing(tmp_path):
    trainer = make(tmp_path)
    trainer.train()
    good = trainer.state_dict()
    other = make(tmp_path, seed=1)
    other.epochs = 1
    other.train()
    before = result(other)
    optimizer = dict(good["optimizer"], param_groups=[])
    damages = {
        "network": {},
        "optimizer": optimizer,
        "scheduler": {"last_epoch": 3},
        "generators": good["generators"][:1],
        "position": {"batches": 1, "speed": 3},
        "history": [{"epoch": 1}],
    }
    for key, value in damages.items():
        with pytest.raises((ValueError, TypeError, KeyError)):
            other.load_state_dict({**good, key: value})
        assert result(other) == before, key
    mg.save({"w": mg.ones(2)}, tmp_path / "weights.npz")
    with pytest.raises(WeightsFileError, match=r"weights.npz: not the checkpoint of a trainer"):
        other.load_checkpoint(tmp_path / "weights.npz")
    with pytest.raises(FileNotFoundError):
        other.load_checkpoint(tmp_path / "nothing.npz")
    assert result(other) == before


def test_generators_of_any_kind_are_found_and_set_back():
    mt = np.random.Generator(np.random.MT19937(1))
    owner = nn.Sequential(nn.Dropout(0.5, mt), nn.Dropout(0.5, mt))
    states = generator_states(owner)
    assert len(states) == 2
    first = mt.random(), mg.rand(2).tolist()
    set_generator_states(states, owner)
    assert (mt.random(), mg.rand(2).tolist()) == first
    with pytest.raises(ValueError, match=r"kinds \['PCG64', 'MT19937'\], the trainer \['PCG64'\]"):
        set_generator_states(states)


ALTERED = {
    "position": [("batches", 1.0), ("batches", 99), ("batches", -1), ("seen", 0), ("right", 10**30), ("seconds", "x"),
                 ("norms", {"w": "x"}), ("generators", []), ("lr", None), ("loss", float("nan"))],
    "loader": [(0, 1.5), (0, 0), (0, -3), (1, -1), (1, "x")],
    "optimizer": [("state", {0: 3}), ("state", {0: {"step": float("inf")}}), ("state", {0: {"step": -1}}),
                  ("param_groups", [{}]), ("param_groups", 3)],
    "scheduler": [("last_epoch", 2.5), ("last_epoch", 10**30), ("T_max", 0), ("base_lrs", []), ("_last_lr", ["x"]),
                  ("eta_min", None)],
}  # fmt: skip


@pytest.mark.parametrize("part, key, value", [(part, *change) for part, changes in ALTERED.items() for change in changes])
def test_altered_checkpoints_are_refused_with_their_path(tmp_path, part, key, value):
    """Each of these was accepted, and ended the training that followed, or raised an error of another kind."""
    trainer = interrupted_after(make(tmp_path, **SCHEDULES["cosine"]), 6)
    state = trainer.state_dict()
    mg.save(state, tmp_path / "good.npz")
    state[part][key] = value
    mg.save(state, tmp_path / "altered.npz")
    other = make(tmp_path, seed=1, **SCHEDULES["cosine"])
    before = result(other)
    with pytest.raises(WeightsFileError, match=r"altered\.npz: "):
        other.load_checkpoint(tmp_path / "altered.npz")
    assert result(other) == before
    other.load_checkpoint(tmp_path / "good.npz")
    assert result(other) == result(trainer)


@pytest.mark.parametrize("key, value", [
    ("history", [{"epoch": 1}]), ("history", [3]), ("gradients", []), ("gradients", [{"w": "x"}]), ("losses", mg.ones(2, 2)),
    ("losses", None), ("diagnoses", {"dead": 3}), ("diagnoses", []), ("generators", {}), ("generators", [3]), ("network", 3),
])  # fmt: skip
def test_altered_records_are_refused_with_their_path(tmp_path, key, value):
    state = interrupted_after(make(tmp_path), 6).state_dict()
    mg.save({**state, key: value}, tmp_path / "altered.npz")
    other = make(tmp_path, seed=1)
    before = result(other)
    with pytest.raises(WeightsFileError, match=r"altered\.npz: "):
        other.load_checkpoint(tmp_path / "altered.npz")
    assert result(other) == before


def test_parts_fields_and_counts_are_those_of_a_trainer(tmp_path):
    trainer = make(tmp_path)
    good = trainer.state_dict()
    epoch = dict.fromkeys(Epoch._fields, 0.0) | {"epoch": 1}
    trainer.load_state_dict(good | {"history": [epoch], "gradients": [{}]})
    for changes, error, says in (
        ({"more": 1}, KeyError, "parts that a trainer's does not have"),
        ({"position": good["position"] | {"more": 1}}, ValueError, "a position or epochs with other fields"),
        ({"history": [epoch | {"more": 1}], "gradients": [{}]}, ValueError, "a position or epochs with other fields"),
        ({"loader": (2**63, None)}, ValueError, "no valid count of epochs or seed"),
        ({"loader": (0, 2**128)}, ValueError, "no valid count of epochs or seed"),
        ({"loader": (0, -1)}, ValueError, "no valid count of epochs or seed"),
    ):
        with pytest.raises(error, match=says):
            trainer.load_state_dict(good | changes)
    for state in ({key: value for key, value in good.items() if key != "losses"}, []):
        with pytest.raises(KeyError, match="it has no "):
            trainer.load_state_dict(state)
    for state in (0, 0), (2**63 - 1, 2**128 - 1):
        trainer.load_state_dict(good | {"loader": state})
        assert (trainer.train_loader.epoch, trainer.train_loader.seed) == state


def test_an_order_that_is_a_function_of_the_epoch_goes_on_in_its_middle(tmp_path):
    part = make(tmp_path)
    part.train_loader.seed = 3
    interrupted_after(part, 6).train()
    whole = make(tmp_path)
    whole.train_loader.seed = 3
    whole.train()
    assert part.train_loader.epoch == whole.train_loader.epoch == 4
    assert result(part)[:5] == result(whole)[:5]


def test_an_epoch_that_has_begun_is_counted(tmp_path):
    state = interrupted_after(make(tmp_path), 1).state_dict()
    assert state["position"]["batches"] == 1
    with pytest.raises(ValueError, match="no valid count of epochs or seed"):
        make(tmp_path).load_state_dict(state | {"loader": (0, None)})


def test_generators_in_containers_are_found():
    owner = nn.Module()
    a, b, c = (np.random.default_rng(i) for i in range(3))
    owner.several, owner.named = [a, (b,)], {"c": c}
    assert generator_states(owner)[1:] == [g.bit_generator.state for g in (a, c, b)]  # breadth first


@pytest.mark.parametrize("key, value", [("pos", 10**6), ("pos", -1), ("key", np.zeros(3, np.uint32)), ("more", 1)])
def test_a_place_outside_of_a_generators_state(key, value):
    """NumPy takes it, and reads memory from there."""
    owner = nn.Dropout(0.5, np.random.Generator(np.random.MT19937(1)))
    states = generator_states(owner)
    changed = [states[0], {**states[1], "state": {**states[1]["state"], key: value}}]
    with pytest.raises(ValueError, match="the state of a random generator is damaged"):
        set_generator_states(changed, owner)
    assert repr(generator_states(owner)) == repr(states)


def test_a_seed_of_numpys_is_resumed(tmp_path):
    data = (DataLoader(TensorDataset(*DATA[:2]), 40, shuffle=True, seed=np.int64(3)), None, *DATA[2:])
    first = interrupted_after(make(tmp_path, data=data), 6)
    other = make(tmp_path, data=data)
    other.load_checkpoint(tmp_path / "checkpoint.npz")
    assert result(other) == result(first) and other.train_loader.seed == 3
