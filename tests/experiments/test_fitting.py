"""`fit` in a spec: draw, fit to the first batch, train."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firstdraw.draws import DRAWS
from firstdraw.errors import InputError
from firstdraw.experiments import ExperimentRecord, prepare, read_table
from firstdraw.fitted import FITTED, Batch
from firstdraw.initializers import INITIALIZERS
from firstdraw.report import as_document, as_json
from firstdraw.result import Result

Run = Callable[..., ExperimentRecord]


def starts(fit: Any) -> list[dict[str, Any]]:
    return [{"label": "drawn", "weights": "he_normal"}, {"label": "fitted", "weights": "he_normal", "fit": fit}]


@pytest.mark.parametrize("name", FITTED)
@pytest.mark.parametrize("settings", [(), ("training.batch_size=9",)], ids=["full", "mini-batches"])
@pytest.mark.parametrize("draws", DRAWS)
def test_training_starts_from_the_draw_fitted_to_the_first_batch(
    run_small: Run, name: str, settings: tuple[str, ...], draws: str
) -> None:
    options = {"steps": 5} if name in ("metainit", "gradinit") else {}
    record = run_small(*settings, f"draws={draws}", "seeds=[2, 5]", initializations=starts({"name": name} | options))
    problem, network = record.problem, record.spec.network
    for drawn, fitted in zip(record.runs_of("drawn"), record.runs_of("fitted"), strict=True):
        assert drawn.fit is None
        assert fitted.fit is not None
        # What a table shows beside the laws is the draw, before and after fitting the same.
        assert drawn.parameters == fitted.parameters
        source = DRAWS[draws](fitted.seed)
        theta = network.draw([INITIALIZERS["he_normal"]().law(role) for role in network.roles], source)
        m = problem.train.X.shape[1]
        chosen = next(problem.batches.indices(m, fitted.seed)) if settings else np.arange(m)
        batch = Batch(problem.train.X[:, chosen], problem.train.Y[:, chosen], problem.loss)
        by_hand = FITTED[name](**options).fit(network, theta, batch, source)
        np.testing.assert_array_equal(fitted.trajectory.initial[0], by_hand.theta)
        assert fitted.fit.layers == by_hand.layers


def test_a_network_in_float32_starts_from_the_rounded_fit(run_small: Run) -> None:
    record = run_small("training.precision=float32", initializations=starts("lsuv"))
    (fitted,) = record.runs_of("fitted")
    assert fitted.fit is not None
    assert fitted.fit.theta.dtype == np.float64
    np.testing.assert_array_equal(fitted.trajectory.initial[0], fitted.fit.theta.astype(np.float32))


def test_the_document_tells_what_was_fitted(run_small: Run) -> None:
    record = run_small(initializations=starts({"name": "gradinit", "steps": 3, "bound": 1e-9}))
    drawn, fitted = json.loads(as_json(as_document(record)))["runs"]
    assert drawn["fit"] is None
    assert fitted["fit"]["converged"] is False
    assert [layer["layer"] for layer in fitted["fit"]["layers"]] == [1, 2, 3]
    # Infinite until the constraint is met, which is null in JSON.
    assert fitted["fit"]["objective"] == [None] * 4


def test_the_page_tells_what_was_fitted(run_small: Run, tmp_path: Path) -> None:
    record = run_small(initializations=starts({"name": "metainit", "steps": 3}))
    fit = record.runs_of("fitted")[0].fit
    assert fit is not None
    Result(record, None, {}).save(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    # One initialization of the two was fitted.
    assert page.count("The fit to the first batch") == 1
    for layer in fit.layers:
        assert f"{layer.weight_rms_after:.4g}</td>" in page
    assert f"fell from {fit.objective[0]:.4g} to {fit.objective[-1]:.4g}." in page


@pytest.mark.parametrize(
    ("start", "settings", "sentence"),
    [
        (
            {"weights": "zeros", "fit": "lsuv"},
            (),
            (
                "with seed 0: `initializations[0].fit`: layer 1 gives the same output for all units and examples, "
                "which no scale of its weights changes"
            ),
        ),
        (
            {"weights": "he_normal", "fit": "gradinit"},
            ("training.batch_size=2",),
            "with seed 0: `initializations[0].fit.batch` must have 3 examples or more to fit to, got 2",
        ),
        (
            {"weights": "he_normal", "fit": "lsv"},
            (),
            "`initializations[0].fit` must name a known fitted initializer, got 'lsv'; did you mean 'lsuv'?",
        ),
        (
            {"weights": "he_normal", "fit": {"name": "lsuv", "tolerance": -1.0}},
            (),
            "`initializations[0].fit.tolerance` must be a finite number above 0, got -1.0",
        ),
    ],
)
def test_what_cannot_be_fitted_is_refused_before_anything_is_trained(
    small_table: dict[str, Any], start: dict[str, Any], settings: tuple[str, ...], sentence: str
) -> None:
    with pytest.raises(InputError) as caught:
        prepare(read_table(small_table | {"initializations": [{"label": "a"} | start]}, settings))
    assert str(caught.value) == sentence
