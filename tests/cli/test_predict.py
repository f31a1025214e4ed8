"""`firstdraw predict`."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable

from firstdraw.cli.exits import Exit

Call = Callable[..., subprocess.CompletedProcess[str]]


def test_the_outlook_of_each_initialization_is_printed(firstdraw: Call) -> None:
    done = firstdraw("predict", "--set", "seeds=[0, 1, 2]")
    assert (done.returncode, done.stderr) == (0, "")
    words = re.sub(r"\s+", " ", done.stdout)
    assert "Initialization Trains with The start For and against, in nats" in words
    assert re.search(r"zeros 0% The 10 units of layer 1 are identical", words)
    assert re.search(r"He \d+% A healthy start", words)
    assert re.search(r"\d+% to \d+%", words)
    assert re.search(r"learned -\d\.\d", words)
    assert "A guess: steps 15000, fitted from 100 to 400.\n" in done.stdout


def test_json_holds_every_start(firstdraw: Call) -> None:
    done = firstdraw("predict", "--set", "training.steps=300", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    assert document["schema"] == "firstdraw.prediction/1"
    zeros = document["starts"][0]
    assert (zeros["label"], zeros["seed"], zeros["outside"]) == ("zeros", 3, [])
    assert 0 <= zeros["probability"] < 0.05
    assert zeros["findings"][0]["cause"] == "unbroken symmetry"
    assert zeros["conditions"]["progress"] * zeros["conditions"]["stability"] == zeros["probability"]
    assert {("progress", "learned"), ("stability", "pace")} <= {
        (one["condition"], one["feature"]) for one in zeros["contributions"]
    }


def test_without_steps_there_is_nothing_to_predict(firstdraw: Call) -> None:
    done = firstdraw("predict", "--set", "training.steps=0")
    assert done.returncode == Exit.INPUT
    assert done.stderr == "Error: `steps` must be a positive integer, got 0.\n"
