"""Trainer and run folders: what is recorded, what is repeated, and what is left on disk."""

import csv
import io
import json
import sys

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.data.fetching import is_mapped
from minigrad.errors import DatasetFileError, ShapeError
from minigrad.training import Epoch, Run, Trainer, evaluate
from minigrad.training.history import best_epoch
from minigrad.training.metrics import gradient_norm, gradient_norms, labels

(X, T), (X_TEST, T_TEST) = mg.data.load_digits(flatten=False)
DATA = (X[:150], T[:150], X_TEST[:70], T_TEST[:70])


def network(seed=0):
    mg.manual_seed(seed)
    return mg.models.SimpleConvNet((1, 8, 8), {"filter_num": 4}, 10)


def trained(epochs=2, **options):
    options.setdefault("seed", 1)
    trainer = Trainer(network(), *DATA, epochs=epochs, mini_batch_size=40, verbose=False, **options)
    trainer.train()
    return trainer


def test_what_is_recorded():
    trainer = trained(epochs=3)
    assert len(trainer.train_loss_list) == 3 * 4 and len(trainer.train_acc_list) == len(trainer.test_acc_list) == 3
    last = trainer.history[-1]
    assert last.epoch == 3 and last.lr == 0.001 and last.val_acc == trainer.test_acc_list[-1] and last.seconds > 0
    sizes = [40, 40, 40, 30]
    assert last.loss == pytest.approx(np.average(trainer.train_loss_list[-4:], weights=sizes))
    loss, acc = evaluate(trainer.network, *DATA[2:])
    assert (last.val_loss, last.val_acc) == (loss, acc) and last.grad_norm == gradient_norm(trainer.network)


def test_images_of_a_mapped_file_are_converted_batch_by_batch(tmp_path):
    np.save(tmp_path / "x.npy", DATA[0].astype(np.float64))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    trainer = Trainer(network(), mapped, *DATA[1:], epochs=1, mini_batch_size=40, verbose=False, seed=1)
    trainer.train()
    assert trainer.train_loss_list == trained(epochs=1).train_loss_list
    assert next(iter(trainer.train_loader))[0].dtype == np.float32
    assert is_mapped(trainer.train_loader.dataset.arrays[0])  # not in memory


def test_a_seed_repeats_a_run_bit_for_bit():
    a, b, c = trained(), trained(), trained(seed=2)
    assert a.train_loss_list == b.train_loss_list != c.train_loss_list
    assert all((a.network.params[k] == b.network.params[k]).all() for k in a.network.params)


def test_training_goes_on_where_it_stopped():
    trainer = trained(epochs=2)
    trainer.epochs = 4
    trainer.train()
    assert trainer.train_loss_list == trained(epochs=4).train_loss_list


def test_the_books_evaluation_of_some_images():
    trainer = trained(epochs=1, evaluate_sample_num_per_epoch=30)
    assert trainer.train_acc_list[0] == evaluate(trainer.network, DATA[0][:30], DATA[1][:30])[1]
    assert trainer.test_acc_list[0] == evaluate(trainer.network, DATA[2][:30], DATA[3][:30])[1]


def test_one_hot_labels_mean_the_same():
    one_hot = Trainer(network(), DATA[0], np.eye(10)[DATA[1]], DATA[2], np.eye(10)[DATA[3]], epochs=1,
                      mini_batch_size=40, verbose=False, seed=1)  # fmt: skip
    one_hot.train()
    assert one_hot.train_loss_list == trained(epochs=1).train_loss_list


def test_any_module_and_any_optimizer():
    mg.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(64, 10))
    optimizer = mg.optim.SGD(net.parameters(), lr=0.5, momentum=0.9)
    trainer = Trainer(net, *DATA, epochs=1, optimizer=optimizer, verbose=False)
    trainer.train()
    assert trainer.optimizer is optimizer and net.training and trainer.history[0].lr == 0.5
    by_name = Trainer(net, *DATA, optimizer="sgd", optimizer_param={"lr": 0.1, "momentum": 0.5}, verbose=False)
    assert by_name.optimizer.param_groups[0]["momentum"] == 0.5


def test_a_callback_may_end_the_training():
    seen = []
    trained(epochs=5, callbacks=[lambda trainer, epoch: seen.append(epoch.epoch) or epoch.epoch == 2])
    assert seen == [1, 2]


def test_it_talks_only_if_asked(capsys):
    trained(epochs=1)
    assert capsys.readouterr() == ("", "")
    Trainer(network(), *DATA, epochs=1).train()
    header, row = capsys.readouterr().out.splitlines()
    assert header.split()[:3] == ["epoch", "loss", "acc"] and row.split()[0] == "1" and row.endswith("s")


def test_a_terminal_has_a_bar_with_loss_and_accuracy(monkeypatch):
    tqdm = pytest.importorskip("tqdm")

    class Eager(tqdm.tqdm):
        def __init__(self, **options):
            super().__init__(**options, mininterval=0, miniters=1)

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr(tqdm, "tqdm", Eager)
    Trainer(network(), *DATA, epochs=1).train()
    assert "epoch 1/1:   0%" in sys.stderr.getvalue() and "acc=" in sys.stderr.getvalue()
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setitem(sys.modules, "tqdm", None)
    Trainer(network(), *DATA, epochs=1).train()
    assert sys.stderr.getvalue() == ""


@pytest.mark.parametrize(
    "options, error, says",
    [
        ({"epochs": 0}, ValueError, "epochs must be an int of at least 1, got 0"),
        ({"mini_batch_size": 2.5}, ValueError, "mini_batch_size"),
        ({"optimizer": "rmspop"}, ValueError, "unknown optimizer 'rmspop'; did you mean 'rmsprop'"),
        ({"optimizer_param": {"rate": 1}}, TypeError, "rate"),
        ({"x_train": X[:3]}, ShapeError, "x_train has 3 images, t_train 150 labels"),
        ({"x_test": X[:0], "t_test": T[:0]}, ValueError, "x_test is empty"),
    ],
)
def test_what_it_refuses(options, error, says):
    given = dict(zip(("x_train", "t_train", "x_test", "t_test"), DATA, strict=True)) | options
    with pytest.raises(error, match=says):
        Trainer(network(), **given)


def test_an_optimizer_already_made_takes_no_options():
    net = network()
    with pytest.raises(ValueError, match="already made"):
        Trainer(net, *DATA, optimizer=mg.optim.SGD(net.parameters()), optimizer_param={"lr": 1})


def test_accuracy_is_the_share_of_images_whose_highest_score_is_at_their_class():
    scores, t = np.array([[3.0, 1.0], [2.0, 0.0], [0.0, 1.0], [0.0, 5.0]]), np.array([0, 0, 1, 0])
    loss, acc = evaluate(nn.Identity(), scores, t)
    assert acc == 0.75
    assert loss == pytest.approx(np.mean(np.log1p(np.exp([-2.0, -2.0, -1.0, 5.0]))), rel=1e-12)


def test_rows_of_two_classes_are_one_hot_and_a_column_is_refused():
    assert labels(np.array([[0, 1], [1, 0], [0, 1]])).tolist() == [1, 0, 1]
    with pytest.raises(mg.ShapeError, match=r"got shape \(3, 1\)"):
        labels(np.zeros((3, 1)))


def test_evaluation_counts_every_image_once_and_restores_the_mode():
    net = network()
    whole = evaluate(net, *DATA[2:], batch_size=70)
    for size in (1, 33, 500):
        loss, acc = evaluate(net, *DATA[2:], batch_size=size)
        assert acc == whole[1] and loss == pytest.approx(whole[0], rel=1e-5)
    assert net.training
    with pytest.raises(ValueError, match="no images"):
        evaluate(net, X[:0], T[:0])


def test_a_run_folder(tmp_path):
    net = network()
    first = dict(net.params)
    run = Run.create(tmp_path / "run", {"seed": 3}, net)
    trainer = Trainer(net, *DATA, epochs=3, mini_batch_size=40, verbose=False, seed=1, callbacks=[run])
    trainer.train()
    assert json.loads((tmp_path / "run" / "config.json").read_text()) == {"seed": 3} == Run.open(tmp_path / "run").config
    with (tmp_path / "run" / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == list(Epoch._fields) and [int(r["epoch"]) for r in rows] == [1, 2, 3]
    assert float(rows[2]["val_acc"]) == pytest.approx(trainer.history[2].val_acc, rel=1e-5)
    other = network(seed=9)
    for which, expected in [("init", first), ("last", dict(net.params))]:
        run.load_weights(which, other)
        assert all((other.params[k] == expected[k]).all() for k in expected)
    run.load_weights("best", other)
    assert evaluate(other, *DATA[2:])[1] == max(e.val_acc for e in trainer.history)


def test_a_run_folder_is_never_overwritten_nor_guessed(tmp_path):
    Run.create(tmp_path / "run", {}, network())
    with pytest.raises(FileExistsError):
        Run.create(tmp_path / "run", {}, network())
    with pytest.raises(FileNotFoundError, match="not a run folder"):
        Run.open(tmp_path)
    (tmp_path / "run" / "config.json").write_text("{}".ljust(2**20))
    assert Run.open(tmp_path / "run").config == {}
    for text, says in [
        ("{", "not a JSON file"), ("[]", "expected an object, got list"), ("{}".ljust(2**20 + 1), "longer than 1,048,576"),
    ]:  # fmt: skip
        (tmp_path / "run" / "config.json").write_text(text)
        with pytest.raises(DatasetFileError, match=says):
            _ = Run.open(tmp_path / "run").config


def test_loaders_in_place_of_arrays():
    train = mg.data.DataLoader(mg.data.TensorDataset(*DATA[:2]), 40, shuffle=True, seed=1)
    test = [(DATA[2][:40], np.eye(10)[DATA[3][:40]]), (DATA[2][40:], np.eye(10)[DATA[3][40:]])]  # any iterable, one-hot too
    trainer = Trainer(network(), train, x_test=test, epochs=2, verbose=False)
    trainer.train()
    arrays = trained(epochs=2)
    assert trainer.train_loss_list == arrays.train_loss_list and trainer.test_acc_list == arrays.test_acc_list
    with pytest.raises(ValueError, match="needs arrays"):
        Trainer(network(), train, x_test=test, evaluate_sample_num_per_epoch=10)
    for wrong in (DATA[0], None, 3):
        with pytest.raises(TypeError, match="x_train must be images, with their classes in t_train, or a loader"):
            Trainer(network(), wrong, x_test=test)
    with pytest.raises(ValueError, match="loader of the training data is empty"):
        Trainer(network(), [], x_test=test, verbose=False).train()


def test_a_loader_without_a_length_has_a_bar_without_an_end():
    class Batches:
        def __iter__(self):
            return iter([(DATA[0][:50], DATA[1][:50])] * 2)

    trainer = Trainer(network(), Batches(), None, Batches(), None, epochs=1, verbose=True)
    trainer.train()
    assert len(trainer.train_loss_list) == 2


def test_images_take_the_networks_dtype():
    wide = (DATA[0].astype(np.float64), DATA[1], DATA[2].astype(np.float64), DATA[3])
    trainer = Trainer(network(), *wide, epochs=1, mini_batch_size=40, verbose=False, seed=1)
    seen = []
    step = trainer.train_step
    trainer.train_step = lambda x, t: seen.append(x.dtype) or step(x, t)
    trainer.train()
    assert set(seen) == {np.dtype(np.float32)} and trainer.train_loss_list == trained(epochs=1).train_loss_list


def test_a_column_of_labels_is_refused():
    with pytest.raises(ShapeError, match=r"classes \(N,\), or one-hot rows \(N, C\), got shape \(150, 1\)"):
        Trainer(network(), DATA[0], DATA[1][:, np.newaxis], *DATA[2:])


def test_schedules_step_after_epochs_or_batches():
    def rates(**options):
        return [epoch.lr for epoch in trained(epochs=3, optimizer_param={"lr": 1.0}, optimizer="sgd", **options).history]

    assert rates(scheduler=lambda o: mg.optim.lr_scheduler.ExponentialLR(o, 0.5)) == [1.0, 0.5, 0.25]
    assert rates(scheduler=lambda o: mg.optim.lr_scheduler.ExponentialLR(o, 0.5), schedule_per="batch") == [
        2**-3,
        2**-7,
        2**-11,
    ]
    net = network()
    optimizer = mg.optim.SGD(net.parameters(), lr=1.0)
    plateau = mg.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=0.5, patience=0, threshold=0.9
    )  # nothing is so much better
    trainer = Trainer(net, *DATA, epochs=3, optimizer=optimizer, scheduler=plateau, verbose=False, seed=1)
    trainer.train()
    assert [epoch.lr for epoch in trainer.history] == [1.0, 1.0, 0.5]
    with pytest.raises(ValueError, match='schedule_per must be "epoch" or "batch", got \'step\''):
        trained(schedule_per="step")


def test_gradients_are_clipped_before_the_step():
    free, clipped = (trained(epochs=1, optimizer="sgd", optimizer_param={"lr": 1.0}, max_grad_norm=m) for m in (None, 1e-3))
    start = network()
    moved = [
        np.sqrt(
            sum(
                ((p - q).detach().numpy() ** 2).sum()
                for p, q in zip(t.network.parameters(), start.parameters(), strict=True)
            )
        )
        for t in (free, clipped)
    ]
    assert moved[1] <= 4e-3 * 1.01 < moved[0]
    assert clipped.history[0].grad_norm > 1e-3  # the norm before
    for wrong in (0, -1, float("inf")):
        with pytest.raises(ValueError, match="max_grad_norm must be a positive number"):
            trained(max_grad_norm=wrong)


def test_gradient_norms_of_each_parameter_are_kept():
    trainer = trained(epochs=2)
    assert [list(norms) for norms in trainer.gradient_history] == [[name for name, _ in network().named_parameters()]] * 2
    for name, p in trainer.network.named_parameters():
        assert trainer.gradient_history[-1][name] == pytest.approx(np.linalg.norm(p.grad.numpy()), rel=1e-5)
    assert trainer.history[-1].grad_norm == pytest.approx(np.sqrt(sum(v**2 for v in trainer.gradient_history[-1].values())))


@pytest.mark.parametrize("dtype, size", [(np.float16, 6e4), (np.float16, 1e-4), (np.float32, 3e30), (np.float64, 3e100)])
def test_gradient_norms_are_right_where_squares_are_not(dtype, size):
    net = nn.Linear(2, 2, bias=False, dtype=dtype)
    net.weight.grad = mg.tensor(np.full((2, 2), size, dtype))
    assert gradient_norms(net) == {"weight": pytest.approx(2 * size, rel=1e-3)}
    assert gradient_norm(net) == pytest.approx(2 * size, rel=1e-3)


def test_the_best_of_equally_accurate_epochs_has_the_lowest_loss():
    epochs = [
        Epoch(i, 1.0, 0.5, loss, acc, 0.1, 1.0, 1.0, 1.0)
        for i, (acc, loss) in enumerate([(0.5, 0.1), (0.9, 0.4), (0.9, 0.3), (0.9, 0.5), (0.8, 0.2)])
    ]
    assert best_epoch(epochs).epoch == best_epoch(epochs[::-1]).epoch == 2


def test_a_network_of_the_book_has_a_loss_of_its_own():
    mg.manual_seed(0)
    net = mg.models.MultiLayerNet(64, [20], 10, weight_decay_lambda=0.1)
    expected = net.loss(DATA[0], DATA[1]).item()
    trainer = Trainer(net, *DATA, epochs=1, mini_batch_size=150, verbose=False)
    trainer.train()
    assert trainer.train_loss_list == [pytest.approx(expected, rel=1e-5)]
    assert evaluate(net, *DATA[2:])[0] == trainer.history[0].val_loss < net.loss(*DATA[2:]).item()


def test_there_is_one_forward_for_each_step():
    net, calls = network(), []
    forward = net.forward
    net.forward = lambda x: calls.append(len(x)) or forward(x)
    trainer = Trainer(net, *DATA, epochs=1, mini_batch_size=50, verbose=False)
    trainer.train()
    assert calls == [50, 50, 50, 70, 50]  # three steps, one evaluation, one look for dead units
