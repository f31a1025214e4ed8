"""What every distribution of the catalogue must obey, by sampling and against scipy.stats."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from scipy import integrate, special, stats

from firstdraw.distributions import (
    DISTRIBUTIONS,
    Constant,
    Distribution,
    LogitOfUniform,
    LogOfUniform,
    Normal,
    Rademacher,
    Stable,
    StepBias,
    TruncatedNormal,
    Uniform,
)
from firstdraw.draws import CounterDraws, NumpyLegacyDraws, Shard
from firstdraw.errors import InputError

MANY = 100_000

OWN = object()
"""In the place of SciPy's law: this one has tests of its own below."""


class OfUniform(stats.rv_continuous):
    """The law of the increasing function of u ~ U[low, high) whose inverse is `share`; moments by integration."""

    def __init__(self, share: Any, value: Any, low: float, high: float) -> None:
        self.share, self.value, self.low, self.high = share, value, low, high
        super().__init__(a=value(low), b=value(high), momtype=1)

    def _cdf(self, x: Any) -> Any:
        return (self.share(x) - self.low) / (self.high - self.low)

    def _ppf(self, q: Any) -> Any:
        return self.value(self.low + (self.high - self.low) * q)

    def stats(self, moments: str) -> float:  # type: ignore[override]
        assert moments == "k"
        fourth = integrate.quad(lambda q: (self.ppf(q) - self.mean()) ** 4, 0, 1, epsabs=1e-13, epsrel=1e-12)[0]
        return fourth / self.var() ** 2 - 3

    def mean(self) -> float:  # type: ignore[override]
        return integrate.quad(self.ppf, 0, 1, epsabs=1e-13, epsrel=1e-12)[0]

    def var(self) -> float:  # type: ignore[override]
        return integrate.quad(lambda q: (self.ppf(q) - self.mean()) ** 2, 0, 1, epsabs=1e-13, epsrel=1e-12)[0]


def softplus_inverse_of_exp(t: Any) -> Any:
    return np.log(np.expm1(np.exp(t)))


def log_of_softplus(x: Any) -> Any:
    return np.log(np.logaddexp(0, x))


# Entrywise members with SciPy's law of the same name; None where nothing is drawn. A class that enters the catalogue
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
    "log_of_uniform": [
        (LogOfUniform(), OfUniform(np.exp, np.log, 1.0, 100.0)),
        (LogOfUniform(0.5, 2.0), OfUniform(np.exp, np.log, 0.5, 2.0)),
    ],
    "logit_of_uniform": [
        (LogitOfUniform(), OfUniform(special.expit, special.logit, 0.01, 0.99)),
        (LogitOfUniform(0.3, 0.6), OfUniform(special.expit, special.logit, 0.3, 0.6)),
    ],
    "step_bias": [
        (StepBias(), OfUniform(log_of_softplus, softplus_inverse_of_exp, math.log(0.001), math.log(0.1))),
        (StepBias(0.5, 4.0), OfUniform(log_of_softplus, softplus_inverse_of_exp, math.log(0.5), math.log(4.0))),
    ],
    "rademacher": [(Rademacher(), OWN), (Rademacher(0.25), OWN), (Rademacher(0.0), None)],
    "stable": [(Stable(), OWN), (Stable(0.5, 2.0), OWN), (Stable(2.0, 1.2), OWN), (Stable(0.0, 1.2), None)],
}
ENTRYWISE = [name for name, law in DISTRIBUTIONS.items() if law.entrywise]
LAWS = [(law, exact) for examples in EXAMPLES.values() for law, exact in examples]
SPREAD = [(law, exact) for law, exact in LAWS if exact not in {None, OWN}]
laws = pytest.mark.parametrize("law", [law for law, _ in LAWS], ids=repr)
spread = pytest.mark.parametrize(("law", "exact"), SPREAD, ids=[repr(law) for law, _ in SPREAD])


def sample(law: Distribution, count: int = MANY, name: str = "layers.1.weight") -> np.ndarray:
    return law.sample(CounterDraws(7), name, (count,))


@pytest.mark.parametrize("name", ENTRYWISE)
def test_every_entrywise_distribution_has_examples_of_its_own_class_with_its_defaults_among_them(name: str) -> None:
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
    assert math.isnan(law.kurtosis)
    assert law.support == (law.mean, law.mean)
    assert (sample(law, 10) == law.mean).all()


@spread
def test_moments_and_support_are_scipy_s(law: Distribution, exact: stats.rv_continuous) -> None:
    assert law.mean == pytest.approx(exact.mean(), rel=1e-13, abs=1e-13 * law.standard_deviation)
    # SciPy subtracts two nearly equal numbers for a narrow cut: about 1e-16 / cut^2 of its result is noise.
    narrow = isinstance(law, TruncatedNormal) and law.cut < 0.1
    # The moments of the images of uniform numbers come from adaptive integration.
    integrated = isinstance(exact, OfUniform)
    assert law.variance == pytest.approx(exact.var(), rel=1e-11 if narrow or integrated else 1e-13)
    assert law.support == pytest.approx(exact.support(), rel=1e-14)
    if not narrow:
        assert law.kurtosis == pytest.approx(3 + float(exact.stats("k")), rel=1e-9)


@spread
def test_the_moments_of_a_sample_are_within_five_standard_errors(law: Distribution, exact: stats.rv_continuous) -> None:
    drawn = sample(law)
    kurtosis = float(exact.stats("k"))
    assert abs(drawn.mean() - law.mean) < 5 * law.standard_deviation / math.sqrt(MANY)
    measured = np.mean((drawn - law.mean) ** 2)
    # The variance of (x - mean)^2 is (kurtosis + 2) variance^2.
    assert abs(measured - law.variance) < 5 * law.variance * math.sqrt((kurtosis + 2) / MANY)
    fourth = (drawn - law.mean) ** 4 / law.variance**2
    assert abs(fourth.mean() - law.kurtosis) < 5 * fourth.std() / math.sqrt(MANY)


@spread
def test_a_sample_follows_scipy_s_distribution_function(law: Distribution, exact: stats.rv_continuous) -> None:
    # The seed is fixed, so the outcome is too; a right law fails one choice of seed in a million.
    assert stats.kstest(sample(law), exact.cdf).pvalue > 1e-6


@spread
def test_a_sample_is_the_draws_carried_over_by_scipy_s_quantiles(law: Distribution, exact: stats.rv_continuous) -> None:
    # Normal numbers and truncated ones are scaled, and for any other law uniform numbers inverted: a member that is
    # drawn in another way needs its own line here.
    draws = CounterDraws(7)
    if isinstance(law, Normal):
        u = stats.norm.cdf(draws.normal("layers.1.weight", (MANY,)))
    elif isinstance(law, TruncatedNormal):
        u = stats.truncnorm.cdf(draws.truncated_normal("layers.1.weight", (MANY,), law.cut), -law.cut, law.cut)
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


def test_rademacher_draws_signs_with_even_odds() -> None:
    law = Rademacher(0.25)
    drawn = sample(law)
    assert set(drawn) == {-0.25, 0.25}
    assert (law.mean, law.variance, law.kurtosis, law.support) == (0.0, 0.0625, 1.0, (-0.25, 0.25))
    assert abs(np.mean(drawn > 0) - 0.5) < 5 * 0.5 / math.sqrt(MANY)
    np.testing.assert_array_equal(drawn > 0, CounterDraws(7).uniform("layers.1.weight", (MANY,)) >= 0.5)


@pytest.mark.parametrize(
    ("law", "exact"),
    [(Stable(0.5, 2.0), stats.norm(scale=0.5 * math.sqrt(2))), (Stable(3.0, 1.0), stats.cauchy(scale=3.0))],
    ids=["Gauss", "Cauchy"],
)
def test_the_stable_laws_with_a_name_are_scipy_s(law: Distribution, exact: Any) -> None:
    assert stats.kstest(sample(law), exact.cdf).pvalue > 1e-6


@pytest.mark.parametrize("index", [0.5, 0.9, 1.0, 1.2, 1.5, 1.9, 2.0])
@pytest.mark.parametrize("t", [0.3, 1.0, 3.0])
def test_a_stable_law_has_its_characteristic_function(index: float, t: float) -> None:
    # E cos(t x) = exp(-|s t|^a), and the variance of cos(t x) is (1 + E cos(2 t x))/2 less the square of this.
    law = Stable(0.7, index)
    expected = math.exp(-((0.7 * t) ** index))
    spread = (1 + math.exp(-((1.4 * t) ** index))) / 2 - expected**2
    assert abs(np.mean(np.cos(t * sample(law))) - expected) < 5 * math.sqrt(spread / MANY)


def test_a_stable_law_knows_which_moments_it_has() -> None:
    assert (Stable(1.0, 2.0).variance, Stable(1.0, 2.0).kurtosis) == (2.0, 3.0)
    assert (Stable(1.0, 1.5).mean, Stable(1.0, 1.5).variance) == (0.0, math.inf)
    assert math.isnan(Stable(1.0, 1.0).mean)
    assert math.isnan(Stable(1.0, 1.5).kurtosis)


def test_the_log_of_a_uniform_number_has_the_moments_of_its_integrals() -> None:
    # With L = ln u: the integral of L is u (L - 1), that of L^2 is u (L^2 - 2 L + 2).
    low, high = 1.0, 783.0
    mean = ((math.log(high) - 1) * high - (math.log(low) - 1) * low) / (high - low)
    second = sum(s * u * (math.log(u) ** 2 - 2 * math.log(u) + 2) for s, u in ((1, high), (-1, low))) / (high - low)
    law = LogOfUniform(low, high)
    assert law.mean == pytest.approx(mean, rel=1e-13)
    assert law.variance == pytest.approx(second - mean**2, rel=1e-11)


def test_the_logit_of_a_uniform_number_nears_the_logistic_law() -> None:
    assert LogitOfUniform(1e-12, 1 - 1e-12).variance == pytest.approx(math.pi**2 / 3, rel=1e-8)


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
        (Rademacher(0.5), "±0.5"),
        (Stable(0.1, 1.5), "stable of index 1.5, scale 0.1"),
        (LogOfUniform(1, 99), "ln U[1, 99)"),
        (LogitOfUniform(0.1, 0.9), "logit U[0.1, 0.9)"),
        (StepBias(), "inverse softplus of exp U[ln 0.001, ln 0.1)"),
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
        ("rademacher", {"scale": -1}, "`scale` must be a finite number of at least 0, got -1"),
        ("stable", {"scale": -1}, "`scale` must be a finite number of at least 0, got -1"),
        ("stable", {"index": 0}, "`index` must be a finite number above 0, got 0"),
        ("stable", {"index": 2.5}, "`index` must be at most 2, where the stable law is the Gaussian, got 2.5"),
        ("log_of_uniform", {"low": 0.0}, "`low` must be a finite number above 0, got 0.0"),
        ("log_of_uniform", {"low": 3.0, "high": 3.0}, "`low` must be below `high`, which is 3.0, got 3.0"),
        ("logit_of_uniform", {"high": 1.0}, "`high` must be below 1, got 1.0"),
        ("logit_of_uniform", {"low": 0.5, "high": 0.2}, "`low` must be below `high`, which is 0.2, got 0.5"),
        ("step_bias", {"low": -1.0}, "`low` must be a finite number above 0, got -1.0"),
    ],
)
def test_parameters_that_make_no_law_are_refused(name: str, options: dict[str, float], sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        DISTRIBUTIONS[name](**options)
    assert str(caught.value) == sentence
