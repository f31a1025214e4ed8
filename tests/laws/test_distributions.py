"""What every distribution of the catalogue must obey, by sampling and against scipy.stats."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from firstdraw.distributions import DISTRIBUTIONS, Constant, Distribution, Normal, TruncatedNormal, Uniform
from firstdraw.draws import CounterDraws, NumpyLegacyDraws, Shard
from firstdraw.errors import InputError

MANY = 100_000

# Members with SciPy's law of the same name; None where nothing is drawn. A class that enters the catalogue
# needs an entry here: the laws below are about these members.
EXAMPLES: dict[str, list[tuple[Distribution, object]]] = {
    "constant": [(Constant(), None), (Constant(-2.5), None)],
    "normal": [
        (Normal(), stats.norm()),
        (Normal(0.02), stats.norm(scale=0.02)),
        (Normal(3.0, -1.5), stats.norm(-1.5, 3.0)),
        (Normal(0.0, 4.0), None),
    ],
    "uniform": [
        (Uniform(), stats.uniform(-1, 2)),
        (Uniform(-0.05, 0.05), stats.uniform(-0.05, 0.1)),
        (Uniform(2.0, 7.0), stats.uniform(2, 5)),
        (Uniform(3.0, 3.0), None),
    ],
    "truncated_normal": [
        (TruncatedNormal(), stats.truncnorm(-2, 2)),
        (TruncatedNormal(0.02, 2.0), stats.truncnorm(-2, 2, scale=0.02)),
        (TruncatedNormal(3.0, 0.5), stats.truncnorm(-0.5, 0.5, scale=3)),
        (TruncatedNormal(1.0, 0.01), stats.truncnorm(-0.01, 0.01)),
        (TruncatedNormal(1.0, 9.0), stats.truncnorm(-9, 9)),
        (TruncatedNormal(0.0, 1.0), None),
    ],
}
LAWS = [(law, exact) for examples in EXAMPLES.values() for law, exact in examples]
SPREAD = [(law, exact) for law, exact in LAWS if exact is not None]
laws = pytest.mark.parametrize("law", [law for law, _ in LAWS], ids=repr)
spread = pytest.mark.parametrize(("law", "exact"), SPREAD, ids=[repr(law) for law, _ in SPREAD])


def sample(law: Distribution, count: int = MANY, name: str = "layers.1.weight") -> np.ndarray:
    return law.sample(CounterDraws(7), name, (count,))


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_every_distribution_has_examples_of_its_own_class_with_its_defaults_among_them(name: str) -> None:
    assert name in EXAMPLES, f"give {name!r} examples, and SciPy's laws of the same name, in this file"
    members = [law for law, _ in EXAMPLES[name]]
    assert {type(law) for law in members} == {DISTRIBUTIONS[name]}
    assert DISTRIBUTIONS[name]() in members
    for option in dataclasses.fields(DISTRIBUTIONS[name]):
        assert len({getattr(law, option.name) for law in members}) > 1, f"vary {option.name!r} in the examples"


@laws
def test_a_law_is_a_frozen_value(law: Distribution) -> None:
    for option in dataclasses.fields(law):  # type: ignore[arg-type]  # every member is a dataclass
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(law, option.name, 0.0)
    assert dataclasses.replace(law) == law  # type: ignore[type-var]
    assert hash(dataclasses.replace(law)) == hash(law)  # type: ignore[type-var]


@laws
@pytest.mark.parametrize("shape", [(), (0, 3), (7,), (2, 3), (5, 1)])
@pytest.mark.parametrize("source", [CounterDraws, NumpyLegacyDraws])
def test_a_sample_has_the_shape_and_is_float64_and_the_same_each_time(
    law: Distribution, shape: tuple[int, ...], source: type
) -> None:
    drawn = law.sample(source(3), "a", shape)
    assert drawn.shape == shape
    assert drawn.dtype == np.float64
    np.testing.assert_array_equal(drawn, law.sample(source(3), "a", shape))


@laws
@pytest.mark.parametrize("source", [CounterDraws, NumpyLegacyDraws])
@pytest.mark.parametrize("shard", [None, slice(2, 5), (slice(None), slice(-3, None)), (slice(4, 2), slice(1))], ids=str)
def test_a_shard_of_a_sample_is_cut_from_the_whole(law: Distribution, shard: Shard | None, source: type) -> None:
    whole = law.sample(source(3), "a", (6, 7))
    expected = whole if shard is None else whole[shard]
    np.testing.assert_array_equal(law.sample(source(3), "a", (6, 7), shard=shard), expected, strict=True)
    for dtype in (np.float64, np.float32):
        out = np.full(expected.shape, np.nan, dtype)
        assert law.sample(source(3), "a", (6, 7), shard=shard, out=out) is out
        np.testing.assert_array_equal(out, expected.astype(dtype), strict=True)


@laws
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"shard": slice(0, 2, 2)}, "`shard[0]` must be a slice in steps of 1, got slice(0, 2, 2)"),
        ({"out": np.empty(3)}, "`out` must have the shape (2,) of what is drawn, got (3,)"),
        ({"out": np.empty(2, np.float16)}, "`out` must hold float64 or float32 in this machine's order of bytes"),
    ],
)
def test_every_law_refuses_what_cannot_be_drawn(law: Distribution, arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        law.sample(CounterDraws(3), "a", (2,), **arguments)
    assert str(caught.value).startswith(sentence)


@laws
def test_a_sample_lies_within_the_support(law: Distribution) -> None:
    low, high = law.support
    drawn = sample(law)
    assert low <= drawn.min() <= drawn.max() <= high


@laws
def test_standard_deviation_and_second_moment_follow_from_mean_and_variance(law: Distribution) -> None:
    assert law.standard_deviation == pytest.approx(math.sqrt(law.variance), rel=1e-15)
    assert law.second_moment == pytest.approx(law.variance + law.mean**2, rel=1e-15)


@pytest.mark.parametrize("law", [law for law, exact in LAWS if exact is None], ids=repr)
def test_a_law_without_spread_gives_its_mean_exactly(law: Distribution) -> None:
    assert law.variance == law.standard_deviation == 0
    assert law.support == (law.mean, law.mean)
    assert (sample(law, 10) == law.mean).all()


@spread
def test_moments_and_support_are_scipy_s(law: Distribution, exact: stats.rv_continuous) -> None:
    assert law.mean == pytest.approx(exact.mean(), rel=1e-14, abs=1e-14 * law.standard_deviation)
    # SciPy subtracts two nearly equal numbers for a narrow cut: about 1e-16 / cut^2 of its result is noise.
    narrow = isinstance(law, TruncatedNormal) and law.cut < 0.1
    assert law.variance == pytest.approx(exact.var(), rel=1e-11 if narrow else 1e-13)
    assert law.support == pytest.approx(exact.support(), rel=1e-15)


@spread
def test_the_moments_of_a_sample_are_within_five_standard_errors(law: Distribution, exact: stats.rv_continuous) -> None:
    drawn = sample(law)
    kurtosis = float(exact.stats("k"))
    assert abs(drawn.mean() - law.mean) < 5 * law.standard_deviation / math.sqrt(MANY)
    measured = np.mean((drawn - law.mean) ** 2)
    # The variance of (x - mean)^2 is (kurtosis + 2) variance^2.
    assert abs(measured - law.variance) < 5 * law.variance * math.sqrt((kurtosis + 2) / MANY)


@spread
def test_a_sample_follows_scipy_s_distribution_function(law: Distribution, exact: stats.rv_continuous) -> None:
    # The seed is fixed, so the outcome is too; a right law fails one choice of seed in a million.
    assert stats.kstest(sample(law), exact.cdf).pvalue > 1e-6


@spread
def test_a_sample_is_the_draws_carried_over_by_scipy_s_quantiles(law: Distribution, exact: stats.rv_continuous) -> None:
    # Normal numbers are scaled, and for any other law uniform numbers inverted: a member that is drawn in another
    # way needs its own line here.
    draws = CounterDraws(7)
    if isinstance(law, Normal):
        u = stats.norm.cdf(draws.normal("layers.1.weight", (MANY,)))
    else:
        u = draws.uniform("layers.1.weight", (MANY,))
    inner = (u > 1e-4) & (u < 1 - 1e-4)  # further out the quantiles magnify the rounding of u
    np.testing.assert_allclose(sample(law)[inner], exact.ppf(u[inner]), rtol=0, atol=1e-10 * law.standard_deviation)


@spread
def test_the_law_depends_on_the_name_of_the_parameter(
    law: Distribution,
    exact: stats.rv_continuous,  # noqa: ARG001
) -> None:
    assert (sample(law, 100) != sample(law, 100, "layers.2.weight")).any()


# Tabulated for truncated normal initializers with unit scale; Keras and JAX divide by the one of the cut at 2.
@pytest.mark.parametrize(
    ("cut", "deviation", "digits"),
    [
        (1.0, 0.539560, 6),
        (1.5, 0.742647, 6),
        (2.0, 0.879625661034, 12),
        (2.5, 0.954597, 6),
        (3.0, 0.986578, 6),
        (4.0, 0.999465, 6),
    ],
)
def test_the_standard_deviation_of_a_cut_normal_is_the_known_one(cut: float, deviation: float, digits: int) -> None:
    assert TruncatedNormal(1.0, cut).standard_deviation == pytest.approx(deviation, abs=0.6 * 10.0**-digits)


@pytest.mark.parametrize("cut", [1e-3, 1e-6, 1e-8, 1e-9, 1e-150, 1e-300])
def test_a_very_narrow_cut_leaves_a_uniform_law(cut: float) -> None:
    # Within a cut of c the density varies by a relative c^2/2.
    law = TruncatedNormal(1.0, cut)
    assert law.standard_deviation == pytest.approx(cut / math.sqrt(3), rel=max(cut**2, 1e-14))
    assert abs(sample(law, 1000)).max() <= cut


@pytest.mark.parametrize("size", [1e-200, 1e200])
@pytest.mark.parametrize("law", [Normal, lambda s: Uniform(-s, s), TruncatedNormal])
def test_a_standard_deviation_is_known_where_its_square_is_no_number(law: type, size: float) -> None:
    tiny_or_huge = law(size)
    assert tiny_or_huge.standard_deviation == pytest.approx(size * law(1.0).standard_deviation, rel=1e-15)
    assert tiny_or_huge.variance == (0.0 if size < 1 else math.inf)


@pytest.mark.parametrize(
    ("law", "text"),
    [
        (Constant(0.5), "0.5"),
        (Normal(2.0), "N(0, 2²)"),
        (Normal(0.1, 1.0), "N(1, 0.1²)"),
        (Uniform(-0.25, 0.25), "U[-0.25, 0.25)"),
        (TruncatedNormal(0.02, 2.0), "N(0, 0.02²) cut at ±2 standard deviations"),
    ],
)
def test_a_law_is_written_as_a_formula(law: Distribution, text: str) -> None:
    assert str(law) == text


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        ("constant", {"value": math.inf}, "`value` must be a finite number, got inf"),
        ("normal", {"scale": -1.0}, "`scale` must be a finite number of at least 0, got -1.0"),
        ("normal", {"scale": math.nan}, "`scale` must be a finite number of at least 0, got nan"),
        ("normal", {"center": math.inf}, "`center` must be a finite number, got inf"),
        ("uniform", {"low": -math.inf}, "`low` must be a finite number, got -inf"),
        ("uniform", {"high": math.nan}, "`high` must be a finite number, got nan"),
        ("uniform", {"low": 2.0, "high": 1.0}, "`low` must be at most `high`, which is 1.0, got 2.0"),
        ("truncated_normal", {"scale": -0.5}, "`scale` must be a finite number of at least 0, got -0.5"),
        ("truncated_normal", {"cut": 0.0}, "`cut` must be a finite number above 0, got 0.0"),
    ],
)
def test_parameters_that_make_no_law_are_refused(name: str, options: dict[str, float], sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        DISTRIBUTIONS[name](**options)
    assert str(caught.value) == sentence
