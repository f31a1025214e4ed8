"""`firstdraw explain`, and the choice among the initializers of `firstdraw list`."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest

from firstdraw.activations import ACTIVATIONS
from firstdraw.cli import listing
from firstdraw.cli.exits import Exit
from firstdraw.cli.listing import Wanted
from firstdraw.explanations import explain
from firstdraw.initializers import INITIALIZERS, Initializer

Finished = subprocess.CompletedProcess[str]
Call = Callable[..., Finished]
HE = ("explain", "he_normal", "--shape", "256,128,3,3", "--activation", "gelu")


def test_a_law_is_printed_with_its_numbers(firstdraw: Call) -> None:
    done = firstdraw(*HE)
    assert (done.returncode, done.stderr) == (0, "")
    words = re.sub(r"\s+", " ", done.stdout)
    for told in (
        "he_normal for the weight of a convolution, (256, 128, 3, 3) ",
        "with numbers N(0, 2/((1 + 0^2) x 1152)) = N(0, 0.0416667²)",
        "fan-in n 1152 = 128 x 3 x 3",
        "fan-out m 2304 = 256 x 3 x 3",
        "standard deviation 0.0416667, of the variance 0.00173611",
        "gain 1.41421 = sqrt(n E[w^2]) = sqrt(1152 x 0.00173611)",
        "forward gain 1.53353 = 1/sqrt(E[phi^2]) = 1/sqrt(0.425221)",
        "backward gain 1.48111 = 1/sqrt(E[phi'^2]) = 1/sqrt(0.455851)",
        "signal, a layer x 0.850443 = n E[w^2] E[phi^2] = 1152 x 0.00173611 x 0.425221",
        "PyTorch torch.nn.init.kaiming_normal_(w) the same law",
        "Keras keras.initializers.HeNormal() N(0, 0.0473686²) cut at ±2 standard deviations",
        "Keras and JAX would read (256, 128, 3, 3) as a fan-in of 98304",
        "Source: He, Zhang, Ren & Sun (2015)",
        "https://arxiv.org/abs/1502.01852",
    ):
        assert told in words


def test_the_default_of_a_layer_is_printed(firstdraw: Call) -> None:
    done = firstdraw("explain", "torch.nn.Linear")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^ relu +1\.4142 +1\.4142 +1\.4142 +0\.1667 +0\.1667 +1\.65e-08", done.stdout, re.MULTILINE)
    assert all(re.search(rf"^ {name} ", done.stdout, re.MULTILINE) for name in ACTIVATIONS)


def test_json_is_the_explanation(firstdraw: Call) -> None:
    done = firstdraw(*HE, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == explain("he_normal", shape=(256, 128, 3, 3), activation="gelu").to_json()
    assert json.loads(done.stdout)["weight"]["highest"] is None


def test_a_terminal_of_eighty_columns_is_enough_and_colored_unless_it_may_not(
    on_terminal: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    terminal = {"COLUMNS": "80", "TERM": "xterm-256color"}
    ended, colored = on_terminal(*HE, folder=tmp_path, **terminal)
    ended_too, plain = on_terminal(*HE, folder=tmp_path, **terminal, NO_COLOR="1")
    assert (ended, ended_too) == (0, 0)
    assert "\x1b[36m" in colored
    assert "\x1b[36m" not in plain
    lines = re.sub(r"\x1b\[[\d;]*m", "", plain).splitlines()
    assert max(map(len, lines)) <= 80
    assert "…" not in plain


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("explain", "he_norml"),
            "Error: `name` must name a known initializer, got 'he_norml'; did you mean 'he_normal'",
        ),
        (("explain", "torch.nn.Linar"), "Error: `name` must name a known layer, got 'torch.nn.Linar'; did you mean"),
        (
            ("explain", "he_normal", "--shape", "256x128"),
            "Error: `--shape` must be integers with commas between them, like 256,128,3,3, got '256x128'.",
        ),
        (("explain", "he_normal", "--shape", "256"), "Error: `shape` must have an axis of inputs and one of outputs, "),
        (
            ("explain", "he_normal", "--shape", "3,0"),
            "Error: `shape[1]` must be a positive integer, got 0; a parameter",
        ),
        (("explain", "zeros", "--activation", "rell"), "Error: `activation` must name a known activation, got 'rell'"),
        (
            ("list", "losses", "--residual"),
            "Error: `kind` must be initializers where `--for`, `--kind` or `--residual` chooses among them, got 'losse",
        ),
        (("list", "initializers", "--for", "rell"), "Error: `--for` must name a known activation, got 'rell'; did you"),
        (
            ("list", "initializers", "--kind", "tree"),
            "Error: `--kind` must be one of bias, convolution, dense, embedding, head",
        ),
    ],
    ids=range(9),
)
def test_a_broken_rule_is_one_sentence(firstdraw: Call, arguments: tuple[str, ...], sentence: str) -> None:
    done = firstdraw(*arguments)
    assert (done.returncode, done.stdout) == (Exit.INPUT, "")
    assert done.stderr.startswith(sentence)
    assert done.stderr.count("\n") == 1


# The choice among the initializers.


class ForRectifiers(Initializer):
    """Made for rectifiers."""

    activations: ClassVar[frozenset[str] | None] = frozenset({"relu", "leaky_relu"})


class ForTables(Initializer):
    """Made for embeddings."""

    kinds: ClassVar[frozenset[str]] = frozenset({"embedding"})
    verified: ClassVar[bool] = False


class ForBranches(Initializer):
    """Made for residual networks."""

    activations: ClassVar[frozenset[str] | None] = frozenset({"relu"})
    residual: ClassVar[bool] = True


MEMBERS: dict[str, type[Initializer]] = {"rectifiers": ForRectifiers, "tables": ForTables, "branches": ForBranches}


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        (Wanted(activation="relu"), ["rectifiers", "tables", "branches"]),
        (Wanted(activation="leaky_relu"), ["rectifiers", "tables"]),
        (Wanted(activation="tanh"), ["tables"]),
        (Wanted(kind="embedding"), ["tables"]),
        (Wanted(kind="conv"), ["rectifiers", "branches"]),
        (Wanted(kind="convolution", residual=True), ["branches"]),
        (Wanted(activation="tanh", kind="dense", residual=True), []),
    ],
    ids=repr,
)
def test_the_choice_is_by_traits(wanted: Wanted, chosen: list[str]) -> None:
    assert list(listing._chosen(MEMBERS, wanted)) == chosen


def test_the_chosen_ones_are_listed(firstdraw: Call) -> None:
    done = firstdraw("list", "initializers", "--for", "linear", "--kind", "dense")
    assert (done.returncode, done.stderr) == (0, "")
    listed = {line.split()[0].rstrip(",") for line in done.stdout.splitlines() if line.strip()}
    for name, member in INITIALIZERS.items():
        wanted = "dense" in member.kinds and (member.activations is None or "identity" in member.activations)
        assert (name in listed) == wanted


def test_what_is_unverified_is_listed_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    class Names(dict[str, type[Initializer]]):
        kind: ClassVar[str] = "initializer"

        def aliases_of(self, _name: str) -> tuple[str, ...]:
            return ()

    listing._print_members(Names(MEMBERS), Names(MEMBERS))
    printed = capsys.readouterr().out
    assert "Made for embeddings. (unverified)" in printed
    assert printed.count("unverified") == 1


def test_nothing_for_all_that_is_wanted_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "_catalogue", lambda _kind: MEMBERS)
    listing.list_the_catalogues("initializers", Wanted("tanh", "dense", residual=True))
    assert capsys.readouterr().out == "No initializer of the catalogue is for all of that.\n"
