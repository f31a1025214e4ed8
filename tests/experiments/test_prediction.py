"""What is said of a start before it is trained, against what its parts say."""

from __future__ import annotations

import pytest

from firstdraw.diagnosis import diagnose, trainability
from firstdraw.draws import CounterDraws
from firstdraw.errors import InputError
from firstdraw.experiments import prepare, read_table, run
from firstdraw.experiments.prediction import predict
from firstdraw.experiments.start import measure_start

SPEC = {
    "title": "three starts",
    "seeds": [0, 1],
    "data": {"name": "moons", "test_size": 0},
    "network": {"widths": [2, 8, 8, 1], "activation": "tanh"},
    "training": {
        "loss": "binary_cross_entropy",
        "optimizer": {"name": "sgd", "learning_rate": 0.3},
        "steps": 200,
    },
    "initializations": [
        {"label": "zeros", "weights": "zeros"},
        {"label": "Glorot", "weights": "glorot_normal"},
        {"label": "fitted", "weights": "glorot_normal", "fit": "lsuv"},
        {"label": "muP", "parametrization": {"name": "mup", "base_width": 2}},
    ],
}


def test_every_start_is_said_to_be_as_likely_as_its_own_probes_make_it() -> None:
    prepared = prepare(read_table(SPEC))
    found = predict(prepared)
    assert [(item.label, item.seed) for item in found] == [
        (label, seed) for label in ("zeros", "Glorot", "fitted", "muP") for seed in (0, 1)
    ]
    theta = prepared.problem.network.draw(prepared.laws[1], CounterDraws(1))
    assert found[3].trainability == trainability(prepared.problem, theta)
    assert repr(found[3].findings) == repr(diagnose(measure_start(prepared.problem, theta)))
    assert found[0].findings[0].cause == "unbroken symmetry"
    assert found[3].findings[0].cause == "healthy"
    assert found[0].trainability.probability < 0.05 < found[3].trainability.probability


def test_a_fitted_start_is_looked_at_as_it_was_fitted_and_rates_of_parameters_are_said() -> None:
    prepared = prepare(read_table(SPEC))
    found = {(item.label, item.seed): item.trainability for item in predict(prepared)}
    assert found["fitted", 0] != found["Glorot", 0]
    fit = prepared.fits[4]
    assert fit is not None
    assert found["fitted", 0] == trainability(prepared.problem, fit.theta)
    assert found["Glorot", 0].outside == ()
    assert any("learning rate" in reason for reason in found["muP", 0].outside)


def test_the_start_of_a_run_is_diagnosed_alike_with_and_without_the_run() -> None:
    prepared = prepare(read_table(SPEC))
    record = run(prepared)
    for item, trained in zip(predict(prepared), record.runs, strict=True):
        assert repr(trained.measured.start) == repr(measure_start(trained.problem, trained.trajectory.initial[0]).start)
        causes = {finding.cause for finding in trained.findings}
        assert {finding.cause for finding in item.findings if finding.cause != "healthy"} <= causes


def test_what_the_probability_was_not_fitted_to_is_refused() -> None:
    training = SPEC["training"] | {"optimizer": "rmsprop"}  # type: ignore[operator]
    with pytest.raises(InputError, match=r"^`optimizer` must be gradient descent"):
        predict(prepare(read_table(SPEC | {"training": training})))
