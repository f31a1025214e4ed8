"""`firstdraw theory` and `firstdraw phase`."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from firstdraw.activations import GELU, Activation, Identity, Tanh
from firstdraw.cli import phase, theory
from firstdraw.cli.exits import Exit
from firstdraw.theory import WideLayer, edge_points, propagate

Finished = subprocess.CompletedProcess[str]
Call = Callable[..., Finished]
TANH = ("theory", "--activation", "tanh", "--weight-variance", "1.8", "--bias-variance", "0.05")


def _words(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def test_a_prediction_is_printed_and_drawn(firstdraw: Call, tmp_path: Path) -> None:
    done = firstdraw(*TANH, "--depth", "30", "--figure", "tanh.svg")
    assert (done.returncode, done.stderr) == (0, f"Figure: {tmp_path.resolve() / 'tanh.svg'}\n")
    for told in (
        " layer variance correlation chi_1 gradient ratio ",
        "phase chaotic: gradients explode on their way back",
        "fixed point variance 0.594132, stable, chi_1 1.00822",
        "reached variance 0.594132, correlation 0.950411",
        "variance scale 1.498 layers = 1/|ln(dq'/dq)|",
        "correlation scale 125.8 layers = 1/|ln(dc'/dc)|",
        "trains to about 754.7 layers, by the rule of 6 correlation scales (Schoenholz et al. 2017)",
    ):
        assert told in _words(done.stdout)
    assert re.search(r"^ +30 +0\.594132 ", done.stdout, re.MULTILINE)
    assert "<svg" in (tmp_path / "tanh.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", ["svg", "pdf"])
def test_a_figure_is_the_same_file_every_time(tmp_path: Path, kind: str) -> None:
    predicted = propagate(WideLayer(activation=Tanh(), weight_variance=1.8), depth=3)
    first, second = tmp_path / f"first.{kind}", tmp_path / f"second.{kind}"
    theory._draw(predicted, first)
    theory._draw(predicted, second)
    assert first.read_bytes() == second.read_bytes() != b""


def test_what_never_ends_is_said(firstdraw: Call) -> None:
    critical = _words(firstdraw("theory", "--activation", "relu", "--weight-variance", "2", "--depth", "3").stdout)
    assert "fixed points every variance: the layers keep what they are given" in critical
    assert "gradient scale infinite: slower than exponentially" in critical
    assert "trains to any depth, by the rule of" in critical
    exploding = _words(firstdraw("theory", "--activation", "relu", "--weight-variance", "3", "--depth", "3").stdout)
    assert "phase none: the variance of pre-activations grows without end" in exploding
    assert "fixed point variance 0, not stable, chi_1 1.5 reached none: the variance grows without end" in exploding


@pytest.mark.parametrize(
    ("phi", "v", "s", "line"),
    [
        (Identity(), 1.0, 1.0, ("fixed points", "none")),
        (Tanh(), 1.0, 0.0, ("reached", "variance 0, every correlation stays")),
        (Tanh(), 1.0, 0.0, ("variance scale", "infinite: slower than exponentially")),
    ],
)
def test_further_lines(phi: Activation, v: float, s: float, line: tuple[str, str]) -> None:
    layer = WideLayer(activation=phi, weight_variance=v, bias_variance=s)
    assert line in list(theory._lines(propagate(layer, depth=3)))


def test_the_document_of_a_curve_is_json() -> None:
    points = list(edge_points(Tanh(), 0.0))
    told = json.loads(json.dumps(phase._document("tanh", "curve", points), allow_nan=False))
    assert told["points"][0] == {
        "bias_variance": 0.0,
        "weight_variance": 1.0,
        "variance": 0.0,
        "slope": pytest.approx(1.0, rel=1e-12),
        "stable": False,
    }


def test_json_is_the_prediction(firstdraw: Call) -> None:
    done = firstdraw(*TANH, "--depth", "3", "--input-variance", "2", "--input-correlation", "0.5", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    layer = WideLayer(activation=Tanh(), weight_variance=1.8, bias_variance=0.05)
    expected = propagate(layer, depth=3, q0=2.0, c0=0.5).to_dict()
    assert json.loads(done.stdout) == {"schema": "firstdraw.theory/1", **expected}


def test_the_edge_of_chaos_is_printed_and_the_plane_drawn(firstdraw: Call, tmp_path: Path) -> None:
    done = firstdraw("phase", "--activation", "gelu", "--figure", "gelu.PNG")
    assert done.returncode == 0
    (point,) = edge_points(GELU(), 0.05)
    row = rf"^ +0\.05 +{point.weight_variance:.6g} +{point.variance:.6g} +{point.slope:.6g} +not stable"
    assert re.search(row, done.stdout, re.MULTILINE)
    assert re.search(r"^ +1 .* stable", done.stdout, re.MULTILINE)
    assert (tmp_path / "gelu.PNG").read_bytes().startswith(b"\x89PNG")


def test_an_edge_that_is_a_point_is_said_and_drawn(firstdraw: Call, tmp_path: Path) -> None:
    relu = firstdraw("phase", "--activation", "relu", "--figure", "relu.pdf", "--weight-variance", "5")
    assert relu.stdout == (
        "The edge of chaos of relu is the point of the weight variance 2 and no bias: every variance of "
        "pre-activations is then kept.\n"
    )
    assert (tmp_path / "relu.pdf").read_bytes().startswith(b"%PDF")


def test_an_edge_that_is_nowhere_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    phase.print_the_edge_of_chaos("softplus", None, 1.0, None, as_json=False)
    assert capsys.readouterr().out == (
        "softplus has no edge of chaos: chi_1 = 1 would take a negative bias variance.\n"
    )


def test_json_is_the_edge(firstdraw: Call) -> None:
    document = json.loads(firstdraw("phase", "--activation", "relu", "--json").stdout)
    assert document == {
        "schema": "firstdraw.edge_of_chaos/1",
        "activation": "relu",
        "kind": "single point",
        "points": [{"bias_variance": 0.0, "weight_variance": 2.0, "variance": None, "slope": 1.0, "stable": False}],
    }


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (
            ("theory", "--activation", "relo", "--weight-variance", "2"),
            Exit.INPUT,
            "Error: `--activation` must name a known activation, got 'relo'; did you mean 'relu'",
        ),
        (
            ("theory", "--activation", "relu", "--weight-variance", "nan"),
            Exit.INPUT,
            "Error: `weight_variance` must be a finite number of at least 0, got nan.",
        ),
        ((*TANH, "--depth", "0"), Exit.INPUT, "Error: `depth` must be a positive integer, got 0."),
        (
            (*TANH, "--input-correlation", "-2"),
            Exit.INPUT,
            "Error: `c0` must be at least -1 and at most 1, got -2.0.",
        ),
        (
            (*TANH, "--figure", "tanh.gif"),
            Exit.INPUT,
            "Error: `--figure` must be a file whose name ends with .svg, .png or .pdf, got 'tanh.gif'.",
        ),
        ((*TANH, "--figure", "nowhere/tanh.svg"), Exit.OUTPUT, "Error: cannot write `nowhere/tanh.svg`: its folder"),
        (
            ("phase", "--activation", "tanh", "--weight-variance", "0"),
            Exit.INPUT,
            "Error: `--weight-variance` must be a finite number above 0, got 0.0.",
        ),
        (
            ("phase", "--activation", "tanh", "--bias-variance", "inf"),
            Exit.INPUT,
            "Error: `--bias-variance` must be a finite number above 0, got inf.",
        ),
    ],
    ids=range(8),
)
def test_a_broken_rule_is_one_sentence(
    firstdraw: Call, arguments: tuple[str, ...], code: int, sentence: str, tmp_path: Path
) -> None:
    done = firstdraw(*arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(sentence)
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_networks_of_a_width_are_measured_beside_the_prediction(firstdraw: Call, tmp_path: Path) -> None:
    done = firstdraw(*TANH, "--depth", "5", "--width", "50", "--networks", "10", "--figure", "both.svg")
    assert (done.returncode, done.stderr) == (0, f"Figure: {tmp_path.resolve() / 'both.svg'}\n")
    words = _words(done.stdout)
    assert "tanh, width 50" in words
    assert "layer q 95 % of q measured c 95 % of c measured chi 95 % of chi measured" in words
    for sentence in (
        r"second moment q: agrees in all layers; \d+% of 10 networks lie within the band\.",
        r"correlation c: agrees in all layers; \d+% of 10 networks",
        r"gradient factor chi: agrees in all layers; \d+% of 10 networks",
    ):
        assert re.search(sentence, words)
    # Layer 0 is given the variance that is asked for, as in the prediction alone.
    assert re.search(r"^ +0 +1 ", done.stdout, re.MULTILINE)
    assert "they part" not in (tmp_path / "both.svg").read_text(encoding="utf-8")


def test_a_spec_is_predicted_and_measured_by_initialization(firstdraw: Call, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(firstdraw("run", "--print-spec").stdout, encoding="utf-8")
    done = firstdraw("theory", "mine.toml", "--set", "network.widths=[2, 30, 30, 1]", "--networks", "6", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    zeros, *others = json.loads(done.stdout)["initializations"]
    assert zeros == {
        "label": "zeros",
        "reason": "`layers.1.weight` must have a variance, or its biases: the layer's pre-activations are all 0, "
        "got '0'",
    }
    assert [item["label"] for item in others] == ["normal x10", "Xavier", "He"]
    assert others[2]["weight_variances"] == pytest.approx([2.0, 2.0, 2.0])
    assert others[2]["correlation"]["layers"] == [1, 2]
    told = firstdraw("theory", "mine.toml", "--networks", "3").stdout
    assert "zeros: no prediction, as `layers.1.weight` must have a variance" in told


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--weight-variance", "1"), "`--activation` must be given where there is no spec to take it from."),
        (("--activation", "relu"), "`--weight-variance` must be given where there is no spec to take it from."),
        ((*TANH[1:], "--width", "0"), "`--width` must be a positive integer, got 0."),
        ((*TANH[1:], "--width", "9", "--networks", "0"), "`--networks` must be a positive integer, got 0."),
        (
            (*TANH[1:], "--width", "9", "--input-correlation", "1"),
            "`--input-correlation` must be above -1 and below 1 where networks are measured, got 1.0.",
        ),
        (
            ("zeros.toml", "--figure", "no.svg"),
            "`--figure` must have a prediction to be drawn, and there is none, got 'no.svg'.",
        ),
    ],
)
def test_networks_that_cannot_be_measured_are_refused(
    firstdraw: Call, tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    if arguments[0] == "zeros.toml":
        spec = firstdraw("run", "--print-spec", "--set", 'initializations=[{label="zeros", weights="zeros"}]').stdout
        (tmp_path / "zeros.toml").write_text(spec, encoding="utf-8")
    done = firstdraw("theory", *arguments)
    assert done.returncode == Exit.INPUT
    assert done.stderr == f"Error: {sentence}\n"
