"""Training in odd surroundings: streams missing, closed or of other encodings, no home, nowhere to write."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import minigrad
from minigrad.cli import main
from minigrad.cli.streams import _replacement
from minigrad.data import mnist
from minigrad.progress import progress, say

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell starts the processes")
FULL = "train --epochs 2 --limit-train 100 --limit-test 50"  # with the report, which takes ten times as long
FEW = f"{FULL} --no-report"
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}  # a C locale that Python leaves as it is


def shell(folder, line, **environment):
    """Run a line of shell in which ``$M`` is the command, and collect bytes."""
    here = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "LC_", "LANG"))}
    root = str(Path(minigrad.__file__).parents[1])
    variables = {**here, "PYTHONPATH": root, "M": f"{sys.executable} -m minigrad", "S": SEVERAL, **environment}
    return subprocess.run(
        ["/bin/sh", "-c", line], cwd=folder, env={k: v for k, v in variables.items() if v is not None}, capture_output=True,
        timeout=300,
    )  # fmt: skip


# Runs one command after another, each in a process of its own that starts where Python does after the imports, which take
# longer than most commands; in the line of shell, $S. Ends with the code of the first that fails.
SEVERAL = """
import os, sys
from minigrad.cli import main
def run(words):
    child = os.fork()
    if not child:
        sys.argv[1:] = words
        sys.exit(main())
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code:
        os._exit(abs(code))
lines = [[]]
for word in sys.argv[1:]:
    lines.append([]) if word == "then" else lines[-1].append(word)
for words in lines:
    run(words)
"""


def several(*commands):
    """Return the line of shell that runs these commands after one start of Python."""
    return f'{sys.executable} -c "$S" {" then ".join(commands)}'


def assert_trained(done, run, report=False):
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    assert b"Error" not in done.stderr and b"Traceback" not in done.stderr and b"Exception ignored" not in done.stderr
    assert len((run / "history.csv").read_text("utf-8").splitlines()) == 3
    page = run / "report.html"
    assert page.exists() == report and (not report or page.read_bytes().endswith(b"</html>\n"))


@pytest.mark.parametrize("line", [
    f"$M {FEW} --out run 2>&-",
    f"$M {FEW} --out run >&-",
    f"$M {FULL} --out run >&- 2>&- <&-",
    f"$M {FEW} --out run > /dev/full",
    f"$M {FEW} --out run 2> /dev/full",
    f"($M {FEW} --out run; echo $? > code) | head -n 1; exit $(cat code)",
    f"($M {FEW} --out run; echo $? > code) | true; exit $(cat code)",
    f"($M {FEW} --out run 2>&1; echo $? > code) | true; exit $(cat code)",
], ids=lambda line: line.split("--out run")[1])  # fmt: skip
def test_streams_that_nobody_reads(tmp_path, line):
    if "/dev/full" in line and not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    assert_trained(shell(tmp_path, line), tmp_path / "run", FEW not in line)


def test_only_the_result_is_on_stdout_without_a_stderr(tmp_path):
    """`print(..., file=None)` writes to stdout."""
    done = shell(tmp_path, f"$M {FEW} --out run --json 2>&-")
    assert_trained(done, tmp_path / "run")
    assert json.loads(done.stdout)["epochs"] == 2
    assert shell(tmp_path, "$M eval nowhere 2>&-").stdout == b""


@pytest.mark.parametrize(
    "environment",
    [{"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "cp1252"}, {"LC_ALL": "C"}, ASCII,
     {**ASCII, "PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C.UTF-8"}, {"LC_ALL": "no_WHERE.UTF-8"},
     {"PYTHONIOENCODING": "utf-16"}],
    ids=lambda environment: "-".join(environment.values()),
)  # fmt: skip
def test_other_encodings(tmp_path, environment):
    name, train = "läuft-×-走", FULL if environment is ASCII else FEW
    commands = f"{train} --out {name}", f"eval {name}", f"summary {name}", f"graph {name}"
    done = shell(tmp_path, several(*commands), **environment)
    assert_trained(done, tmp_path / name, train is FULL)
    assert done.stdout.count(b"test accuracy") == 2 or "utf-16" in environment.values()


def test_a_name_in_no_encoding(tmp_path):
    """The bytes of the name are those that the shell gave, in what is printed and in the report."""
    name = os.fsdecode(b"run-\xff\xe9")
    try:
        (tmp_path / name).mkdir()
    except (OSError, UnicodeEncodeError):
        pytest.skip("names are UTF-8 here")
    (tmp_path / name).rmdir()
    done = shell(tmp_path, f"$M {FULL} --out \"$(printf 'run-\\377\\351')\"", LC_ALL="C.UTF-8")
    assert_trained(done, tmp_path / name, report=True)
    assert b"run-\xff\xe9" in done.stdout and b"run-\xff\xe9" in (tmp_path / name / "report.html").read_bytes()


@pytest.mark.parametrize(
    "environment",
    [{"HOME": None}, {"HOME": ""}, {"HOME": "/proc/nowhere"}, {"HOME": None, "PATH": None, "TMPDIR": "/proc/nowhere"},
     {"COLUMNS": "0"}, {"COLUMNS": "-5"}, {"COLUMNS": "wide"}, {"COLUMNS": "1", "LINES": "0"}, {"COLUMNS": "9" * 30},
     {"TERM": "odd"}, {"OMP_NUM_THREADS": "²"}, {"MPLBACKEND": "tkagg", "MPLCONFIGDIR": "/proc/nowhere"}],
    ids=lambda environment: "-".join(f"{k}={v}" for k, v in environment.items()),
)  # fmt: skip
def test_odd_environments(tmp_path, environment):
    train = FULL if "TMPDIR" in environment or "MPLBACKEND" in environment else FEW
    done = shell(tmp_path, several(f"{train} --out run", "train --help", "info", "summary run"), **environment)
    assert_trained(done, tmp_path / "run", train is FULL)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no folder here refuses even root")
def test_a_working_directory_that_cannot_be_written_to(tmp_path):
    done = shell("/proc", f"$M {FEW} --out {tmp_path}/run")
    assert_trained(done, tmp_path / "run")
    done = shell("/proc", f"$M {FEW}")
    assert done.returncode == 1 and done.stderr.startswith(b"minigrad train: ") and b"runs" in done.stderr
    done = shell(tmp_path, f"mkdir gone && cd gone && rmdir ../gone && $M {FEW} --out {tmp_path}/again")
    assert_trained(done, tmp_path / "again")


def test_text_files_do_not_depend_on_the_locale(tmp_path):
    code = "import sys; from minigrad.cli import main; sys.exit(main(sys.argv[1:]))"
    python = f"{sys.executable} -X warn_default_encoding -W error::EncodingWarning:minigrad"
    done = shell(tmp_path, f"{python} -c '{code}' {FEW} --out run && {python} -c '{code}' eval run")
    assert_trained(done, tmp_path / "run")


def test_a_user_without_a_home(monkeypatch, tmp_path, capsys):
    def no_home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", no_home)
    for name in ("XDG_CACHE_HOME", "MINIGRAD_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    assert main(["info"]) == 0 and main([*FEW.split(), "--out", "run", "--no-report"]) == 0
    with pytest.raises(FileNotFoundError, match="there is no home folder to download it to"):
        mnist.load_mnist()


def test_words_for_what_an_encoding_lacks():
    def written(text, encoding):
        out = b""
        while text:
            try:
                return out + text.encode(encoding)
            except UnicodeEncodeError as error:
                word, at = _replacement(error)
                out += text[: error.start].encode(encoding) + (word.encode(encoding) if isinstance(word, str) else word)
                text = text[at:]
        return out

    assert written("100×30 → µ", "ascii") == b"100x30 -> u" and written("100×30 → µ", "cp1252") == b"100\xd730 -> \xb5"
    assert written("走\udcff", "ascii") == b"\\u8d70\xff"


def test_say_and_progress_without_streams(monkeypatch, capsys, tmp_path):
    say("nobody", None)
    with (tmp_path / "closed").open("w", encoding="ascii") as file:
        say("×", file)
    say("closed", file)
    assert (tmp_path / "closed").read_text("ascii") == "\\xd7\n"
    for stream in (None, file):
        monkeypatch.setattr(sys, "stderr", stream)
        with progress("title", 3, "batch") as bar:
            assert bar is None
    assert capsys.readouterr().out == ""
