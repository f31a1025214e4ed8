"""A parametrization in a spec: its laws draw the parameters, its factors reach the engine and the record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from firstdraw.draws import CounterDraws
from firstdraw.engine import engine_named
from firstdraw.experiments import ExperimentRecord
from firstdraw.initializers.parametrizations import PARAMETRIZATIONS
from firstdraw.initializers.parametrizations.mup import MuP
from firstdraw.report.document import as_document


@pytest.mark.parametrize("optimizer", ["momentum", "adam"])
def test_runs_follow_the_rates_of_their_parametrization(
    run_small: Callable[..., ExperimentRecord], small_table: dict[str, Any], optimizer: str
) -> None:
    mup = {"name": "mup", "base_width": 2}
    starts = [
        {"label": "muP", "parametrization": mup},
        {"label": "its laws alone", "weights": mup},
        {"label": "standard", "parametrization": "standard"},
    ]
    training = small_table["training"] | {"optimizer": {"name": optimizer, "learning_rate": 0.1}}
    record = run_small(initializations=starts, training=training)
    family, network = record.spec.training.optimizer.family, record.spec.network
    expected = tuple(MuP(base_width=2).effective_learning_rate_factor(role, family) for role in network.roles)
    scaled, laws_alone, standard = record.runs
    assert scaled.problem.learning_rate_factors == expected
    assert laws_alone.problem.learning_rate_factors is None
    assert standard.problem.learning_rate_factors == (1.0,) * len(network.roles)
    start = network.draw([MuP(base_width=2).law(role) for role in network.roles], CounterDraws(scaled.seed))
    np.testing.assert_array_equal(scaled.start, start)
    np.testing.assert_array_equal(scaled.start, laws_alone.start)
    assert (scaled.trajectory.final != laws_alone.trajectory.final).any()
    alone = engine_named().train(scaled.problem, start[np.newaxis], (scaled.seed,), None)
    np.testing.assert_array_equal(alone.final, scaled.trajectory.final)


@pytest.mark.parametrize("name", PARAMETRIZATIONS)
def test_every_parametrization_trains_and_is_written_down(
    run_small: Callable[..., ExperimentRecord], name: str
) -> None:
    record = run_small(initializations=[{"label": "one", "parametrization": name}])
    assert np.isfinite(record.runs[0].trajectory.final).all()
    (written,) = as_document(record).spec["initializations"]
    assert written["parametrization"]["name"] == name
    assert "weights" not in written
