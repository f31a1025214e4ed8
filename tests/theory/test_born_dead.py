"""The probability to be born dead: the published bounds, enumeration, and drawn networks."""

from __future__ import annotations

import math
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import firstdraw
from firstdraw.arrays import Floats
from firstdraw.distributions import Distribution, Normal, Orthogonal, TruncatedNormal, Uniform
from firstdraw.draws import CounterDraws
from firstdraw.errors import InputError
from firstdraw.roles import dense_roles
from firstdraw.theory import born_dead
from firstdraw.theory.born_dead import BornDeadEstimate, born_dead_bounds, dead_probability, estimate_born_dead

# Width, layers (one more than hidden ones), lower bound, share among 60,000 drawn networks, upper bound.
TABLE = [
    (2, 3, 0.15625, 0.1550, 0.4375),
    (2, 10, 0.8703, 0.8800, 0.9249),
    (3, 10, 0.5134, 0.5784, 0.6993),
    (5, 10, 0.0640, 0.1290, 0.2485),
    (10, 10, 0.0001, 0.0012, 0.0088),
    (2, 20, 0.9927, 0.9938, 0.9958),
    (3, 20, 0.8635, 0.8887, 0.9209),
]
hidden = st.lists(st.integers(1, 12), min_size=1, max_size=12)


@pytest.mark.parametrize(("width", "layers", "lower", "share", "upper"), TABLE)
def test_the_bounds_and_the_share_are_those_of_the_table(
    width: int, layers: int, lower: float, share: float, upper: float
) -> None:
    widths, networks = (width,) * (layers - 1), 20_000
    bounds = born_dead_bounds(widths)
    assert (bounds.lower, bounds.upper) == pytest.approx((lower, upper), abs=5.1e-5)
    estimate = estimate_born_dead(widths, CounterDraws(seed=3), networks=networks)
    # Two independent shares: five standard errors of their difference, one false alarm in 1.7 million.
    error = math.sqrt(share * (1 - share) * (1 / networks + 1 / 60_000))
    assert abs(estimate.probability - share) <= 5 * error


@given(N=st.integers(2, 12), layers=st.integers(3, 40))
def test_layers_of_one_width_have_the_published_lower_bound(N: int, layers: int) -> None:
    a1, a2 = 1 - 2.0**-N, 1 - 2.0 ** (1 - N) - (N - 1) * 2.0 ** (-2 * N)
    share = (1 - 2.0 ** (1 - N)) * (1 - 2.0**-N) / (1 + (N - 1) * 2.0**-N)
    published = 1 - a1 ** (layers - 2) + share * (a2 ** (layers - 2) - a1 ** (layers - 2))
    assert born_dead_bounds((N,) * (layers - 1)).lower == pytest.approx(published, abs=1e-13)


@pytest.mark.parametrize("widths", [(1, 1), (1, 3), (3, 1), (2, 3), (4, 2)])
def test_two_hidden_layers_by_counting_signs(widths: tuple[int, int]) -> None:
    """Each unit of the first layer answers to one ray; a unit of the second sees each ray through a sum of its own."""
    first, second = widths
    dead = 0.0
    for signs in product((-1, 1), repeat=first):
        rays = len(set(signs))
        dead += 0.5**first * 0.5 ** (rays * second)
    assert born_dead_bounds(widths).lower == pytest.approx(dead, rel=1e-14)


@given(widths=hidden)
def test_bounds_are_probabilities_in_order_and_grow_with_depth(widths: list[int]) -> None:
    bounds, deeper = born_dead_bounds(widths), born_dead_bounds([*widths, 4])
    assert 0 <= bounds.lower <= bounds.upper <= 1
    assert bounds.lower <= deeper.lower
    assert bounds.upper <= deeper.upper
    assert bounds.upper == dead_probability(widths)


@given(widths=hidden)
def test_the_probability_for_one_input_is_the_product(widths: list[int]) -> None:
    assert dead_probability(widths) == pytest.approx(1 - math.prod(1 - 2.0**-n for n in widths), rel=1e-12, abs=1e-15)


def test_wide_layers_keep_the_digits_of_a_small_probability() -> None:
    assert dead_probability((60, 60)) == pytest.approx(2.0**-59, rel=1e-15)
    # 2^-2000 is 0 in float64.
    assert dead_probability((2000,)) == 0


@pytest.mark.parametrize("law", [Normal(), Uniform(-3.0, 3.0), TruncatedNormal(0.02)], ids=str)
@pytest.mark.parametrize("features", [1, 2, 7])
def test_one_input_dies_as_often_as_said_whatever_the_law(law: Distribution, features: int) -> None:
    widths = (3, 5, 2, 4)
    x = np.random.default_rng(features).normal(size=(features, 1))
    estimate = estimate_born_dead(widths, CounterDraws(seed=1), networks=20_000, inputs=x, law=law)
    exact = dead_probability(widths)
    # Five standard errors.
    assert abs(estimate.probability - exact) <= 5 * math.sqrt(exact * (1 - exact) / 20_000)


@pytest.mark.parametrize("widths", [(4, 2, 3, 3), (2, 5, 2), (3, 3, 3, 3, 3)])
def test_the_share_of_dead_networks_lies_between_the_bounds(widths: tuple[int, ...]) -> None:
    bounds = born_dead_bounds(widths)
    low, high = estimate_born_dead(widths, CounterDraws(seed=5), networks=20_000).interval
    assert bounds.lower <= high
    assert low <= bounds.upper


def test_more_inputs_are_dead_less_often() -> None:
    X = np.random.default_rng(0).normal(size=(3, 40))
    shares = [
        estimate_born_dead((3, 3, 3), CounterDraws(seed=2), networks=3000, inputs=X[:, :m]).dead for m in (1, 3, 10, 40)
    ]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > shares[-1] > 0


def _dead_by_loops(widths: tuple[int, ...], seed: int, networks: int, X: Floats) -> int:
    draws, dead = CounterDraws(seed), 0
    fans = (len(X), *widths)
    weights = [
        draws.normal(f"born_dead.layers.{number}.weight", (networks, n, m))
        for number, (n, m) in enumerate(zip(widths, fans, strict=False), start=1)
    ]
    for i in range(networks):
        answers = False
        for x in X.T:
            h = x
            for W in weights:
                h = np.maximum(W[i] @ h, 0)
            answers = answers or bool(h.any())
        dead += not answers
    return dead


def test_networks_side_by_side_are_networks_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    X = np.random.default_rng(4).normal(size=(2, 3))
    widths, networks = (3, 2, 3), 200
    counted = _dead_by_loops(widths, 9, networks, X)
    assert 0 < counted < networks
    for chunk in (1, 90, 2**22):
        monkeypatch.setattr(born_dead, "LARGEST_CHUNK", chunk)
        assert estimate_born_dead(widths, CounterDraws(9), networks=networks, inputs=X).dead == counted


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_the_scale_of_the_weights_does_not_matter(scale: float) -> None:
    one = estimate_born_dead((3,) * 6, CounterDraws(seed=1), networks=500)
    assert estimate_born_dead((3,) * 6, CounterDraws(seed=1), networks=500, law=Normal(scale=scale)) == one


@pytest.mark.parametrize(("dead", "networks"), [(0, 50), (50, 50), (3, 50), (700, 1000)])
def test_the_interval_is_that_of_scipy(dead: int, networks: int) -> None:
    interval = stats.binomtest(dead, networks).proportion_ci(0.95, method="exact")
    assert BornDeadEstimate(dead=dead, networks=networks).interval == pytest.approx(interval, rel=1e-9)


def test_what_is_no_network_is_refused() -> None:
    draws = CounterDraws(seed=0)
    with pytest.raises(InputError) as caught:
        dead_probability(())
    assert str(caught.value) == "`hidden_widths` must have an entry for each layer, one or more, got ()"
    with pytest.raises(InputError, match=r"`hidden_widths\[1\]` must be a positive integer, got 0"):
        born_dead_bounds((2, 0))
    with pytest.raises(InputError, match="`networks` must be a positive integer, got 0"):
        estimate_born_dead((2,), draws, networks=0)
    for inputs in (np.ones(3), np.ones((0, 2)), np.array([[math.nan]])):
        with pytest.raises(InputError, match="`inputs` must be finite numbers, an input a column"):
            estimate_born_dead((2,), draws, inputs=inputs)
    with pytest.raises(
        InputError, match="`law` must have independent elements, so that networks can be drawn side by side"
    ):
        estimate_born_dead((2,), draws, law=Orthogonal(dense_roles(2, 2, layer=1, depth=1, activation=None)[0].layout))


@pytest.mark.slow
def test_ten_layers_of_two_rectifiers_collapse_in_nine_of_ten_trainings(tmp_path: Path) -> None:
    """|x| is relu(x) + relu(-x), and yet (Lu et al. 2019): of 1,000 trainings more than 90 % end at a constant."""
    x = np.linspace(-math.sqrt(3), math.sqrt(3), 3000)
    np.savetxt(tmp_path / "absolute.csv", np.column_stack([x, np.abs(x)]), delimiter=",", header="x,y", comments="")
    result = firstdraw.run_grid(
        {
            "seeds": 1000,
            "data": {"name": "csv", "path": str(tmp_path / "absolute.csv"), "target": "y", "task": "regression"},
            "network": {"widths": [1, 2, 1], "depth": 10},
            "training": {
                "loss": "squared_error",
                "optimizer": {"name": "adam", "learning_rate": 0.001},
                "steps": 3000,
                "batch_size": 128,
            },
            "recording": {"every": 3000},
            "initializations": [{"label": "He", "weights": "he_normal"}],
        }
    )
    ((series,),) = result.record.series
    collapsed = series.last("cost") >= 0.98 * series.constant_cost
    assert collapsed.mean() > 0.9
