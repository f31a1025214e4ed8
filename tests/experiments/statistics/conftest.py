"""Simulated experiments, and how many of them a test of a given error may mistake."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from scipy import stats


@pytest.fixture(scope="session")
def plausible() -> Callable[[int, int, float], bool]:
    """Whether a count among independent trials is one that its probability leaves in all but 1 of 1,000 cases."""

    def check(count: int, trials: int, probability: float) -> bool:
        low, high = stats.binom.interval(0.999, trials, probability)
        return bool(low <= count <= high)

    return check
