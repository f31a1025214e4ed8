"""How a command ends when it is interrupted, when nobody reads it, and what a terminal sees."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from firstdraw.cli.exits import Exit
from firstdraw.cli.progress import progress_of

COMMAND = [sys.executable, "-m", "firstdraw"]
# Far more steps than the tests' time limits allow.
ENDLESS = [
    "--set",
    "training.steps=1000000000",
    "--set",
    "recording.every=1000000000",
    "--set",
    "recording.snapshots=[]",
]
ESCAPE = "\x1b"


def _read_until(descriptor: int, pattern: str, process: subprocess.Popen[bytes]) -> str:
    """Return what a terminal has been shown once a pattern has appeared in it, or all of it once the process ended."""
    seen = b""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if select.select([descriptor], [], [], 0.1)[0]:
            try:
                part = os.read(descriptor, 65_536)
            except OSError:  # the other side is closed
                return seen.decode()
            seen += part
        elif process.poll() is not None:
            return seen.decode()
        if re.search(pattern, seen.decode(errors="replace")):
            return seen.decode(errors="replace")
    raise AssertionError(f"{pattern!r} did not appear in {seen[-400:]!r}")


def _listen_to_interrupts() -> None:
    """Undo what a caller in the background hands down: that interrupts are ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _start_on_terminal(
    arguments: list[str], folder: Path, environment: dict[str, str]
) -> tuple[subprocess.Popen[bytes], int]:
    """Start a command whose standard error is a terminal; its output goes nowhere."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(  # noqa: S603
        [*COMMAND, *arguments],
        cwd=folder,
        env=environment,
        preexec_fn=_listen_to_interrupts,  # noqa: PLW1509  # the tests start no threads
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    return process, ours


@pytest.mark.parametrize(
    ("number", "code", "sentence"),
    [
        (signal.SIGINT, Exit.INTERRUPTED, "Interrupted; nothing was written."),
        (signal.SIGTERM, Exit.TERMINATED, "Terminated; nothing was written."),
    ],
    ids=["interrupted", "terminated"],
)
@pytest.mark.parametrize(
    "command", [["run", *ENDLESS], ["run"], ["paper", "exercise"]], ids=["run", "run the exercise", "paper"]
)
def test_a_signal_ends_training_and_leaves_nothing(
    tmp_path: Path, environment: dict[str, str], command: list[str], number: signal.Signals, code: Exit, sentence: str
) -> None:
    process, terminal = _start_on_terminal(command, tmp_path, environment | {"TERM": "xterm"})
    try:
        # The bar counts steps, so training has begun.
        _read_until(terminal, r"[1-9][\d,]* of [\d,]+ steps", process)
        process.send_signal(number)
        rest = _read_until(terminal, re.escape(sentence), process)
        assert process.wait(timeout=10) == code
        assert sentence in rest
        assert "Traceback" not in rest
    finally:
        process.kill()
        process.wait()
        os.close(terminal)
    assert list(tmp_path.iterdir()) == []


def _shell(command: str, folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603
        ["/bin/bash", "-c", f"set -o pipefail; {command}"],
        cwd=folder,
        env=environment | {"FIRSTDRAW": " ".join(COMMAND)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize("command", ["schema", "list", "list initializers", "run --print-spec"])
def test_a_reader_that_stops_is_no_failure(tmp_path: Path, environment: dict[str, str], command: str) -> None:
    done = _shell(f"$FIRSTDRAW {command} | head -1", tmp_path, environment)
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


def test_a_reader_that_never_reads_is_told_to_the_shell_alone(tmp_path: Path, environment: dict[str, str]) -> None:
    # Whoever reads has gone before the program has started.
    done = _shell("(sleep 0.2; exec $FIRSTDRAW schema) | true", tmp_path, environment)
    assert done.stderr == ""
    assert done.returncode == Exit.PIPE_CLOSED


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("command", ["schema", "list", "list losses", "run --print-spec"])
def test_an_output_that_is_full_is_said(tmp_path: Path, environment: dict[str, str], command: str) -> None:
    done = _shell(f"$FIRSTDRAW {command} > /dev/full", tmp_path, environment)
    assert done.returncode == Exit.OUTPUT
    assert done.stderr == "Error: cannot write the output: no space left on device.\n"


def test_a_terminal_sees_a_bar_that_goes_away(
    tmp_path: Path, environment: dict[str, str], single: tuple[str, ...]
) -> None:
    arguments = ["run", *single, "--json", "--set", "training.steps=2000"]
    process, terminal = _start_on_terminal(arguments, tmp_path, environment | {"TERM": "xterm"})
    shown = _read_until(terminal, r"Time: .*\n", process)
    assert process.wait(timeout=60) == 0
    os.close(terminal)
    assert re.search(r"Training.* of 2,000 steps", shown)
    assert ESCAPE in shown


@pytest.mark.parametrize("more", [{"TERM": "dumb"}, {"TERM": "xterm", "NO_COLOR": "1"}], ids=["dumb", "no color"])
def test_no_colors_where_none_are_wanted(
    tmp_path: Path, environment: dict[str, str], single: tuple[str, ...], more: dict[str, str]
) -> None:
    process, terminal = _start_on_terminal(["run", *single, "--json"], tmp_path, environment | more)
    shown = _read_until(terminal, r"Time: .*\n", process)
    assert process.wait(timeout=60) == 0
    os.close(terminal)
    # A bar may move the cursor; colors are what ends in m with a number before it.
    assert not re.search(r"\x1b\[[\d;]*3[0-7]m", shown)
    if more["TERM"] == "dumb":
        assert ESCAPE not in shown


def test_a_terminal_without_progress_sees_two_lines(
    tmp_path: Path, environment: dict[str, str], single: tuple[str, ...]
) -> None:
    process, terminal = _start_on_terminal(["run", *single, "--no-progress"], tmp_path, environment | {"TERM": "xterm"})
    shown = _read_until(terminal, r"Time: .*\n", process)
    assert process.wait(timeout=60) == 0
    os.close(terminal)
    assert [line.partition(":")[0] for line in shown.splitlines()] == ["Report", "Time"]


def test_a_file_sees_no_escape_codes(
    firstdraw: Callable[..., subprocess.CompletedProcess[str]], single: tuple[str, ...]
) -> None:
    done = firstdraw("run", *single, TERM="xterm")
    assert ESCAPE not in done.stdout + done.stderr
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == ["Report", "Time"]


def test_a_log_gets_a_line_now_and_then(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter([0.0, 9.9, 10.0, 10.0, 19.0, 20.1, 20.1])
    monkeypatch.setattr(time, "monotonic", lambda: next(seconds))
    with progress_of(1000, "Training") as advance:
        for _ in range(4):
            advance(250)
    assert capsys.readouterr().err.splitlines() == [
        "Training: 500 of 1,000 steps (50%)",
        "Training: 1,000 of 1,000 steps (100%)",
    ]


def test_unwanted_progress_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_of(1000, "Training", shown=False) as advance:
        advance(1000)
    assert capsys.readouterr().err == ""
