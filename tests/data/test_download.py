"""Downloads, from a server on this machine that truncates, stalls, redirects and lies."""

import gzip
import hashlib
import os
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from minigrad.data import datasets, download, mnist, read_idx
from minigrad.errors import DatasetFileError

ARRAY = np.random.default_rng(0).integers(0, 256, (40, 28, 28), dtype=np.uint8)
PAYLOAD = struct.pack(">HBB3I", 0, 8, 3, *ARRAY.shape) + ARRAY.tobytes()
FILE = gzip.compress(PAYLOAD, mtime=0)
DIGEST = hashlib.sha256(PAYLOAD).hexdigest()
LARGEST = 2 * len(FILE)


class Server(ThreadingHTTPServer):
    """Answers /behaviour/name as the method of that name does, and remembers what was asked."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked = []
        self.done = threading.Event()
        self.files = {}

    def url(self, behaviour):
        return f"http://127.0.0.1:{self.server_port}/{behaviour}/file.gz"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        _, behaviour, name = self.path.split("/")
        start = int(self.headers["Range"][6:-1]) if "Range" in self.headers else 0
        self.server.asked.append((behaviour, start))
        getattr(self, behaviour)(self.server.files.get(name, FILE), start)

    def log_message(self, *args):
        pass

    def head(self, status, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def part(self, data, start, sent):
        """The rest of the data from `start`, announced whole, of which only `sent` bytes come."""
        if start >= len(data):
            self.head(416, Content_Range=f"bytes */{len(data)}")
        elif start:
            self.head(206, Content_Length=len(data) - start, Content_Range=f"bytes {start}-{len(data) - 1}/{len(data)}")
        else:
            self.head(200, Content_Length=len(data))
        self.wfile.write(data[start : start + sent])

    def good(self, data, start):
        self.part(data, start, len(data))

    def truncates(self, data, start):
        self.part(data, start, len(data) // 3)

    def whole(self, data, start):  # knows nothing of ranges
        self.part(data, 0, len(data))

    def truncates_whole(self, data, start):
        self.part(data, 0, len(data) // 3)

    def nothing(self, data, start):
        self.part(data, 0, 0)

    def stalls(self, data, start):
        self.part(data, start, 100)
        self.wfile.flush()
        self.server.done.wait(10)

    def silent(self, data, start):
        self.server.done.wait(10)

    def redirects(self, data, start):
        self.head(302, Location="/good/file.gz")

    def circles(self, data, start):
        self.head(302, Location="/circles/file.gz")

    def elsewhere(self, data, start):
        self.head(302, Location="file:///etc/passwd")

    def lost(self, data, start):
        self.head(404)

    def broken(self, data, start):
        self.head(500)

    def portal(self, data, start):
        self.good(b"<html>please log in</html>", 0)

    def flipped(self, data, start):
        self.good(data[:500] + bytes([data[500] ^ 1]) + data[501:], start)

    def short(self, data, start):  # announces less than there is
        self.head(200, Content_Length=len(data) - 10)
        self.wfile.write(data)

    def unannounced(self, data, start):
        self.head(200)
        self.wfile.write(data)

    def announces_a_terabyte(self, data, start):
        self.head(200, Content_Length=10**12)

    def never_ends(self, data, start):
        self.head(200)
        try:
            while True:
                self.wfile.write(bytes(1 << 16))
        except OSError:
            pass

    def elsewhere_in_the_file(self, data, start):  # another range than the one asked for
        if start:
            self.head(206, Content_Length=10, Content_Range=f"bytes {start - 5}-{start + 4}/{len(data)}")
            self.wfile.write(data[start - 5 : start + 5])
        else:
            self.truncates(data, 0)

    def nonsense(self, data, start):
        self.wfile.write(b"SSH-2.0-OpenSSH\r\n\r\n")


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.done.set()
    server.shutdown()
    server.server_close()
    thread.join()


def check(path):
    read_idx(path, DIGEST)


def fetch(server, folder, *behaviours):
    target = folder / "cache" / "file.gz"
    download.download([server.url(b) for b in behaviours], target, check, LARGEST)
    return target


def left(folder):
    return sorted(os.listdir(folder / "cache"))


@pytest.mark.parametrize(
    "behaviour, asked",
    [
        ("good", [0]),
        ("whole", [0]),
        ("unannounced", [0]),
        ("redirects", [0, 0]),
        ("truncates", [0, len(FILE) // 3, 2 * (len(FILE) // 3), 3 * (len(FILE) // 3)][: 4 if len(FILE) % 3 else 3]),
    ],
)
def test_what_can_be_had_is_had(server, tmp_path, behaviour, asked, capsys):
    target = fetch(server, tmp_path, behaviour)
    assert target.read_bytes() == FILE and left(tmp_path) == ["file.gz"]
    assert [start for _, start in server.asked] == asked
    assert capsys.readouterr() == ("", f"downloading {server.url(behaviour)}\n")


@pytest.mark.parametrize(
    "behaviour, says",
    [
        ("truncates_whole", r"the connection ended after \d+ of \d+ bytes"),
        ("nothing", "the connection ended after 0 of"),
        ("stalls", "timed out"),
        ("silent", "timed out"),
        ("circles", "redirect"),
        ("elsewhere", "302|redirection"),
        ("lost", "404"),
        ("broken", "500"),
        ("portal", "magic number|damaged"),
        ("flipped", "SHA-256|damaged"),
        ("short", "damaged"),
        ("announces_a_terabyte", "declares 1000000000000 bytes, the file has at most"),
        ("never_ends", f"sends more than {LARGEST} bytes"),
        ("elsewhere_in_the_file", "ended after"),
        ("nonsense", "SSH|BadStatusLine"),
    ],
)
def test_the_next_mirror_helps_where_one_fails(server, tmp_path, behaviour, says, monkeypatch):
    with monkeypatch.context() as patch:
        if says == "timed out":  # only there: on a busy machine an honest answer may take longer
            patch.setattr(download, "TIMEOUT", 0.25)
        with pytest.raises(OSError, match=says) as error:
            fetch(server, tmp_path, behaviour)
    server.done.set()
    assert server.url(behaviour) in str(error.value) and not (tmp_path / "cache" / "file.gz").exists()
    assert len(server.asked) <= 11 and len(left(tmp_path)) <= 1
    assert fetch(server, tmp_path, behaviour, "good").read_bytes() == FILE


def test_an_unreachable_mirror_is_passed_over(server, tmp_path):
    target = tmp_path / "cache" / "file.gz"
    download.download(["http://127.0.0.1:1/file.gz", server.url("good")], target, check, LARGEST)
    assert target.read_bytes() == FILE


def test_an_interrupted_download_goes_on_where_it_was(server, tmp_path, monkeypatch):
    def interrupt(path):
        raise KeyboardInterrupt

    half = len(FILE) // 3
    with monkeypatch.context() as patch:
        patch.setattr(download, "TRIES", 1)
        with pytest.raises(OSError, match=f"ended after {half} of"):
            fetch(server, tmp_path, "truncates")
    (part,) = left(tmp_path)
    assert part.startswith(".file.gz.") and part.endswith(".part")
    assert (tmp_path / "cache" / part).read_bytes() == FILE[:half]
    fetch(server, tmp_path, "truncates")
    assert server.asked[1] == ("truncates", half) and left(tmp_path) == ["file.gz"]
    with pytest.raises(KeyboardInterrupt):
        download.download([server.url("good")], tmp_path / "cache" / "other.gz", interrupt, LARGEST)
    assert len(left(tmp_path)) == 2 and not (tmp_path / "cache" / "other.gz").exists()


def test_a_part_that_is_all_there_or_wrong(server, tmp_path):
    (tmp_path / "cache").mkdir()
    url = server.url("good")
    part = tmp_path / "cache" / f".file.gz.{hashlib.sha256(url.encode()).hexdigest()[:8]}.part"
    for content, asked in [(FILE, [len(FILE)]), (b"x" * 50, [50, 0]), (FILE + b"x", [len(FILE) + 1, 0])]:
        part.write_bytes(content)
        server.asked.clear()
        assert fetch(server, tmp_path, "good").read_bytes() == FILE and left(tmp_path) == ["file.gz"]
        assert [start for _, start in server.asked] == asked


def test_a_part_is_begun_again_where_the_server_sends_everything(server, tmp_path):
    """And its bytes do not count towards the size that the file may have."""
    (tmp_path / "cache").mkdir()
    url, target = server.url("whole"), tmp_path / "cache" / "file.gz"
    part = tmp_path / "cache" / f".file.gz.{hashlib.sha256(url.encode()).hexdigest()[:8]}.part"
    part.write_bytes(FILE[:50])
    download.download([url], target, check, len(FILE))
    assert target.read_bytes() == FILE and server.asked == [("whole", 50)]


def test_two_at_once_do_not_mix(server, tmp_path):
    errors = []

    def run():
        try:
            fetch(server, tmp_path, "truncates")
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors and (tmp_path / "cache" / "file.gz").read_bytes() == FILE


# The datasets themselves


LABELS = np.arange(40, dtype=np.uint8) % 10


def fake(server, kind):
    """A dataset of that kind on the server, with its true checksums."""
    files = {}
    for part, prefix in (("train", "train"), ("test", "t10k")):
        entries = []
        for name, array in ((f"{prefix}-images-idx3-ubyte", ARRAY), (f"{prefix}-labels-idx1-ubyte", LABELS)):
            payload = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()
            server.files[f"{name}.gz"] = gzip.compress(payload, mtime=0)
            digests = (hashlib.sha256(payload).hexdigest(), None)
            if kind == "FASHION":
                digests = (None, hashlib.sha256(server.files[f"{name}.gz"]).hexdigest())
            entries.append(mnist.File(name, *digests))
        files[part] = tuple(entries)
    mirrors = tuple(server.url(b).removesuffix("file.gz") for b in ("portal", "good"))
    return getattr(mnist, kind)._replace(files=files, mirrors=mirrors)


@pytest.mark.parametrize("kind, dataset", [("MNIST", datasets.MNIST), ("FASHION", datasets.FashionMNIST)])
def test_a_dataset_is_downloaded_once(server, tmp_path, monkeypatch, kind, dataset):
    source = fake(server, kind)
    monkeypatch.setattr(dataset, "source", source)
    monkeypatch.delenv("MINIGRAD_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    with pytest.raises(FileNotFoundError, match="download=True"):
        dataset(tmp_path / "data")
    assert not server.asked and not (tmp_path / "data").exists()
    train = dataset(tmp_path / "data", train=True, download=True)
    assert len(server.asked) == 4 and len(os.listdir(tmp_path / "data" / source.name / "raw")) == 2  # as torchvision has it
    np.testing.assert_array_equal(train.data, ARRAY)
    np.testing.assert_array_equal(train.targets, LABELS)
    server.asked.clear()
    assert len(dataset(tmp_path / "data", download=True)) == len(dataset(str(tmp_path / "data"))) == 40 and not server.asked
    test = dataset(train=False, download=True)  # into the cache
    assert len(test) == 40 and (tmp_path / "caches" / "minigrad" / source.folders[0]).is_dir()
    assert len(dataset(train=False)) == 40
    if kind == "MNIST":
        monkeypatch.setattr(mnist, "MNIST", source)
        (x, _), (x_test, t_test) = mnist.load_mnist(flatten=False, normalize=False)
        assert x.shape == x_test.shape == (40, 1, 28, 28) and t_test.tolist() == LABELS.tolist()


def test_where_nothing_helps_everything_is_said(server, tmp_path, monkeypatch):
    source = fake(server, "FASHION")
    monkeypatch.setattr(datasets.FashionMNIST, "source", source._replace(mirrors=source.mirrors[:1]))
    with pytest.raises(FileNotFoundError) as error:
        datasets.FashionMNIST(tmp_path, download=True)
    for says in ("could not be downloaded", "SHA-256: expected", "looked in", "hint: put the four files in a folder"):
        assert says in str(error.value)


def test_a_damaged_file_in_a_folder_is_not_replaced_in_silence(server, tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.MNIST, "source", fake(server, "MNIST"))
    datasets.MNIST(tmp_path, download=True)
    path = next(Path(tmp_path).rglob("train-images*"))
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DatasetFileError, match=str(path)):
        datasets.MNIST(tmp_path, download=True)
