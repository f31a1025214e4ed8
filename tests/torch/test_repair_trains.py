"""A repaired model trains as one that was drawn well from the start.

For every sick model of the zoo that has a healthy twin, and for 5 seeds: the model is made and repaired, the twin is
made with the same seed, and both are trained for 200 steps by the specimen's optimizer on its objective, with the same
data and random numbers. A run's loss is the mean over its last 10 steps, which a single step's swing does not decide;
compared are the means of these over the seeds. The objectives end above 0, so that no floor is needed for the ratio to
mean something.
"""

from __future__ import annotations

import math
from statistics import fmean
from typing import Any

import pytest

from firstdraw.torch import repair

pytestmark = [
    pytest.mark.slow,
    pytest.mark.parity,
    pytest.mark.filterwarnings("ignore:.*nested_tensor.*:UserWarning", "ignore:.*torch.jit.*:DeprecationWarning"),
]
torch: Any = pytest.importorskip("torch")

SEEDS, STEPS, LAST = 5, 200, 10
LARGEST_RATIO = 1.05


def trained(model: Any, specimen: Any) -> float:
    """Train a model, and return the mean loss of the last steps."""
    torch.manual_seed(1000)
    args, kwargs = specimen.call()
    optimizer = specimen.optimizer(model.parameters())
    losses: list[float] = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = specimen.objective(model(*args, **kwargs))
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return fmean(losses[-LAST:])


def test_a_repaired_model_trains_as_its_healthy_twin_does(trainable_specimen: Any) -> None:
    repaired: list[float] = []
    healthy: list[float] = []
    for seed in range(SEEDS):
        torch.manual_seed(seed)
        model = trainable_specimen.make()
        args, kwargs = trainable_specimen.call()
        repair(model, *args, seed=seed, **kwargs, **trainable_specimen.options)
        repaired.append(trained(model, trainable_specimen))
        torch.manual_seed(seed)
        healthy.append(trained(trainable_specimen.twin(), trainable_specimen))
    assert math.isfinite(fmean(repaired))
    assert fmean(repaired) <= LARGEST_RATIO * fmean(healthy), (repaired, healthy)
