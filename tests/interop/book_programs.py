"""Run the programs of "Deep Learning from Scratch", chapters 3 to 8, with their imports changed.

    python -m tests.interop.book_programs FOLDER [--full] [--networks of-the-folder] [PROGRAM ...]

FOLDER is a copy of the book's public code, with ch03 to ch08. Each program is converted by `converted` and run in a copy
of the folder, with matplotlib's windows and the image viewer switched off. Only imports change:

* ``from common...`` and ``from dataset...`` get the prefix minigrad.interop.book;
* so do the networks that programs import from a file beside them (`NETWORKS`), unless ``--networks of-the-folder`` leaves
  them to the folder's own files, whose layers are ours then.

One more change is NumPy's: ``np.int``, which it has removed, becomes ``int``. Without ``--full`` programs are also
shortened: numbers of iterations, epochs and trials by the patterns of `SHORTER`, hidden layers of gradient checks by
`SMALLER`, and MNIST to its first 600 training and 300 test images. The bundled digits, enlarged, take MNIST's place where
$MINIGRAD_DATA is not set. What the folder lacks beside its programs is made up: weights files of the same shapes
(`weights`), and a gray image.
"""

import argparse
import os
import pickle
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
BOOK = "minigrad.interop.book"
NETWORKS = ("two_layer_net", "simple_convnet", "deep_convnet")
SHORTER = {
    r"^iters_num = \d+": "iters_num = 12",
    r"^max_iterations = \d+": "max_iterations = 12",
    r"^max_epochs = \d+": "max_epochs = 2",
    r"^optimization_trial = \d+": "optimization_trial = 2",
    r"\b(epochs|epocs)=\d+": r"\1=2",
}
SMALLER = {
    r"hidden_size=\d+": "hidden_size=4",
    r"hidden_size_list=\[[\d, ]+\]": "hidden_size_list=[4, 3]",
}  # gradient checks
IMAGES = 600, 300

PRELUDE = """
import runpy, sys
import matplotlib, numpy as np
matplotlib.use("Agg")
import minigrad as mg
from minigrad.interop.book.dataset import mnist
try:
    from PIL import Image
    Image.Image.show = lambda self: None
except ImportError:  # one program needs it
    pass
few, real, path = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
load = mnist.load_mnist
def digits(normalize=True, flatten=True, one_hot_label=False):
    parts = mg.data.load_digits(normalize=normalize, flatten=False, one_hot_label=one_hot_label)
    wide = [np.pad(x.repeat(3, 2).repeat(3, 3), ((0, 0), (0, 0), (2, 2), (2, 2))) for x, _ in parts]
    return tuple((x.reshape(len(x), -1) if flatten else x, t) for x, (_, t) in zip(wide, parts))
def load_mnist(*args, **options):
    parts = (load if real else digits)(*args, **options)
    return tuple((x[:n], t[:n]) for (x, t), n in zip(parts, IMAGES)) if few else parts
mnist.load_mnist = load_mnist
np.random.seed(0)
mg.manual_seed(0)
sys.path.insert(0, ".")
runpy.run_path(path, run_name="__main__")
""".replace("IMAGES", str(IMAGES))


def programs(folder):
    """The programs of the chapters in a folder, as paths relative to it."""
    return [path.relative_to(folder).as_posix() for path in sorted(Path(folder).glob("ch0[3-8]/*.py"))]


def converted(text, name, full=False, own_networks=True):
    """The text of a program with its imports changed, and shortened unless `full`."""
    prefixes = [r"common\.", r"dataset\."]
    if own_networks:
        prefixes += [rf"{network}\b" for network in NETWORKS if network != Path(name).stem]
    text = re.sub(rf"^(\s*from )({'|'.join(prefixes)})", rf"\1{BOOK}.\2", text, flags=re.M)
    text = re.sub(r"\bnp\.int\b", "int", text)
    shorter = {} if full else SHORTER | (SMALLER if "gradient_check" in name else {})
    for pattern, replacement in shorter.items():
        text = re.sub(pattern, replacement, text, flags=re.M)
    return text


def prepare(folder, target, **options):
    """Copy a folder with its programs converted, and add the files that it lacks."""
    shutil.copytree(folder, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*", "*.ipynb"))
    for name in programs(target):
        path = target / name
        path.write_text(converted(path.read_text("utf-8"), name, **options), "utf-8")
    for name, shapes in weights().items():
        if not (target / name).exists() and (target / name).parent.is_dir():
            (target / name).write_bytes(pickle.dumps(random_weights(shapes)))
    image = target / "dataset" / "lena_gray.png"
    if not image.exists():
        from PIL import Image  # of matplotlib's

        image.parent.mkdir(exist_ok=True)
        y, x = np.mgrid[:64, :64] / 64
        Image.fromarray(np.uint8(255 * np.sin(9 * x * y) ** 2)).save(image)


def weights():
    """The shapes in the book's weights files, which are binary, by their names."""
    deep = [(16, 1, 3, 3), (16, 16, 3, 3), (32, 16, 3, 3), (32, 32, 3, 3), (64, 32, 3, 3), (64, 64, 3, 3)]
    return {
        "ch03/sample_weight.pkl": [(784, 50), (50, 100), (100, 10)],
        "ch07/params.pkl": [(30, 1, 5, 5), (4320, 100), (100, 10)],
        "ch08/deep_convnet_params.pkl": [*deep, (1024, 50), (50, 10)],
    }


def random_weights(shapes):
    rng, found = np.random.default_rng(0), {}
    for i, shape in enumerate(shapes, 1):
        dense = len(shape) == 2
        fan_in = shape[0] if dense else np.prod(shape[1:])
        found[f"W{i}"] = rng.standard_normal(shape) * np.sqrt(2 / fan_in)
        found[f"b{i}"] = np.zeros(shape[1] if dense else shape[0])
    return found


def run(target, name, full=False):
    """Run a program of a prepared folder, and return what became of the process."""
    real = bool(os.environ.get("MINIGRAD_DATA"))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "Agg"}
    path = target / name
    command = [sys.executable, "-c", PRELUDE, str(int(not full)), str(int(real)), str(path)]
    return subprocess.run(command, cwd=path.parent, env=environment, capture_output=True, text=True)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("program", nargs="*")
    parser.add_argument("--full", action="store_true", help="as long as in the book")
    parser.add_argument("--networks", choices=["ours", "of-the-folder"], default="ours")
    parser.add_argument("--output", action="store_true", help="show what the programs print")
    args = parser.parse_intermixed_args(arguments)
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder)
        prepare(args.folder, target, full=args.full, own_networks=args.networks == "ours")
        names = args.program or programs(target)
        for name in names:
            start = time.perf_counter()
            done = run(target, name, args.full)
            failed += done.returncode != 0
            last = (done.stderr or "\n").strip().splitlines()[-1:] if done.returncode else []
            print("failed" if done.returncode else "ran   ", f"{time.perf_counter() - start:6.1f} s ", name, *last)
            if args.output:
                print(done.stdout)
        print(f"{len(names) - failed} of {len(names)} ran")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
