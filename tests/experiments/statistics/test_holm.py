"""Holm's correction against the principle it follows from."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstdraw.errors import InputError
from firstdraw.experiments.statistics import holm

p_values = st.lists(st.floats(0, 1), max_size=7)


def _closed(p: Sequence[float]) -> list[float]:
    """A hypothesis is rejected if Bonferroni rejects every set of hypotheses that it belongs to."""
    everyone = range(len(p))
    sets = [chosen for size in everyone for chosen in itertools.combinations(everyone, size + 1)]
    return [max(min(1.0, len(chosen) * min(p[j] for j in chosen)) for chosen in sets if i in chosen) for i in everyone]


@given(p_values)
def test_it_is_the_closure_of_bonferroni(p: list[float]) -> None:
    np.testing.assert_allclose(holm(p), _closed(p), rtol=1e-14)


@given(p_values, st.floats(0.001, 0.5))
def test_it_rejects_step_by_step(p: list[float], alpha: float) -> None:
    rejected: set[int] = set()
    for step, i in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        if (len(p) - step) * p[i] > alpha:
            break
        rejected.add(i)
    assert {i for i, value in enumerate(holm(p)) if value <= alpha} == rejected


@given(p_values, st.randoms(use_true_random=False))
def test_the_order_of_the_tests_does_not_matter(p: list[float], random: object) -> None:
    order = random.sample(range(len(p)), len(p))  # type: ignore[attr-defined]
    corrected = holm(p)
    assert holm([p[i] for i in order]) == tuple(corrected[i] for i in order)


def test_independent_tests_of_nothing_are_mistaken_as_often_as_is_said(
    plausible: Callable[[int, int, float], bool],
) -> None:
    stream = np.random.default_rng(3)
    mistaken = sum(min(holm(stream.uniform(size=5).tolist())) <= 0.05 for _ in range(2000))
    # Of five independent ones the first step makes 1 - (1 - 0.01)^5.
    assert plausible(mistaken, 2000, 1 - 0.99**5)


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_what_is_no_p_value_is_refused(value: float) -> None:
    with pytest.raises(InputError) as caught:
        holm([0.5, value])
    assert str(caught.value) == f"`p_values[1]` must be a number from 0 to 1, got {value}"
