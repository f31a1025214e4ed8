"""The command line as people and programs run it: in a process of its own."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Finished = subprocess.CompletedProcess[str]
QUICK = ("--set", "training.steps=50", "--set", "recording.snapshots=[]", "--set", "recording.every=25")


@pytest.fixture
def environment() -> dict[str, str]:
    """The caller's environment, without what would color, size or hasten the output."""
    unwanted = {"PYTHONUNBUFFERED", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TERM", "PYTHONWARNINGS"}
    return {name: value for name, value in os.environ.items() if name not in unwanted} | {"PYTHONWARNINGS": "error"}


@pytest.fixture
def firstdraw(tmp_path: Path, environment: dict[str, str]) -> Callable[..., Finished]:
    """Run a command in an empty folder, and return how it ended."""

    def call(*arguments: str, stdin: str = "", **more: str) -> Finished:
        return subprocess.run(  # noqa: S603
            [sys.executable, "-m", "firstdraw", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
            cwd=tmp_path,
            env=environment | more,
            timeout=120,
        )

    return call


@pytest.fixture
def single() -> tuple[str, ...]:
    """The same with one initialization, and data that are made without scikit-learn."""
    return (*QUICK, "--set", "data=xor", "--set", "initializations=[{label='He', weights='he_normal'}]")


@pytest.fixture
def quick() -> tuple[str, ...]:
    """Settings that make the exercise take no time."""
    return QUICK


@pytest.fixture
def on_terminal(environment: dict[str, str]) -> Callable[..., tuple[int, str]]:
    """Run a command on a terminal, and return its exit code and what the terminal was sent."""

    def call(*arguments: str, folder: Path, **more: str) -> tuple[int, str]:
        ours, theirs = pty.openpty()
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "firstdraw", *arguments],
            stdout=theirs,
            stderr=theirs,
            cwd=folder,
            env=environment | more,
        )
        os.close(theirs)
        seen = b""
        while True:
            try:
                part = os.read(ours, 65_536)
            except OSError:  # the other side is closed
                break
            if not part:
                break
            seen += part
        os.close(ours)
        return process.wait(60), seen.decode()

    return call
