"""What every initializer of the catalogue must obey, and each scheme's own formula."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstdraw.activations import Identity, ReLU
from firstdraw.arrays import Floats
from firstdraw.catalogue import Source
from firstdraw.distributions import Constant, Distribution, Normal, TruncatedNormal, Uniform
from firstdraw.draws import CounterDraws
from firstdraw.errors import InputError
from firstdraw.initializers import INITIALIZERS, Initializer
from firstdraw.networks import MultilayerPerceptron
from firstdraw.probes import distinct_units
from firstdraw.roles import BranchPlace, Role, dense_roles, multiplier_role

every = pytest.mark.parametrize("name", INITIALIZERS)
NETWORK = MultilayerPerceptron((2, 10, 5, 1), ReLU())


def roles(fan_in: int, fan_out: int) -> tuple[Role, Role]:
    return dense_roles(fan_in, fan_out, layer=1, depth=2, activation=ReLU())


def drawn(initializer: Initializer, seed: int) -> Floats:
    return NETWORK.draw([initializer.law(role) for role in NETWORK.roles], CounterDraws(seed))


@st.composite
def any_role(draw: st.DrawFn) -> Role:
    depth = draw(st.integers(1, 50))
    layer = draw(st.integers(1, depth))
    length, count = draw(st.integers(1, 4)), draw(st.integers(1, 10))
    place = BranchPlace(
        number=draw(st.integers(1, count)), count=count, position=draw(st.integers(1, length)), length=length
    )
    pair = dense_roles(
        draw(st.integers(1, 10**6)),
        draw(st.integers(1, 10**6)),
        layer=layer,
        depth=depth,
        activation=draw(st.sampled_from([None, ReLU(), Identity()])),
        branch=draw(st.sampled_from([None, place])),
    )
    return draw(st.sampled_from([*pair, multiplier_role(place, layer=layer, depth=depth)]))


@every
@given(role=any_role())
def test_every_role_has_a_law(name: str, role: Role) -> None:
    law = INITIALIZERS[name]().law(role)
    assert isinstance(law, Distribution)
    assert math.isfinite(law.mean)
    assert math.isfinite(law.variance)


@every
def test_the_law_of_a_role_is_the_one_for_its_kind(name: str) -> None:
    initializer = INITIALIZERS[name]()
    weight, bias = roles(30, 20)
    assert initializer.law(weight) == initializer.weight_law(weight)
    assert initializer.law(bias) == initializer.bias_law(bias)
    scalar = multiplier_role(BranchPlace(number=1, count=1, position=1, length=1), layer=2, depth=3)
    assert initializer.law(scalar) == initializer.scalar_law(scalar)


@every
def test_deterministic_says_whether_the_seed_matters(name: str) -> None:
    initializer = INITIALIZERS[name]()
    assert initializer.deterministic == (drawn(initializer, 0) == drawn(initializer, 1)).all()


@every
def test_breaks_symmetry_says_whether_hidden_units_start_different(name: str) -> None:
    initializer = INITIALIZERS[name]()
    hidden = distinct_units(NETWORK.layers(drawn(initializer, 0)))[:-1]
    assert hidden == ([10, 5] if initializer.breaks_symmetry else [1, 1])


@every
def test_an_initializer_states_its_formula_and_its_source(name: str) -> None:
    initializer = INITIALIZERS[name]()
    assert initializer.formula.strip()
    assert type(initializer).__doc__
    source = initializer.source
    if source is not None:
        assert isinstance(source, Source)
        assert source.link.startswith("https://")
        assert 1950 < source.year < 2100
        assert source.authors
        assert source.title


@every
def test_an_unverified_formula_says_so_in_its_docstring(name: str) -> None:
    assert INITIALIZERS[name].verified == ("Unverified" not in (INITIALIZERS[name].__doc__ or ""))


@every
@given(role=any_role())
def test_needs_architecture_says_whether_a_law_depends_on_more_than_the_layer(name: str, role: Role) -> None:
    initializer = INITIALIZERS[name]()
    if not initializer.needs_architecture:
        alone = dataclasses.replace(role, layer=1, depth=2, branch=None)
        assert initializer.law(role) == initializer.law(alone)


@every
def test_an_initializer_is_a_frozen_value_with_defaults(name: str) -> None:
    initializer: Any = INITIALIZERS[name]()
    assert type(initializer).__dataclass_params__.frozen
    assert initializer == INITIALIZERS[name]()
    assert hash(initializer) == hash(INITIALIZERS[name]())
    for option in dataclasses.fields(initializer):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(initializer, option.name, 1.0)


# The law of a weight and of a bias, by hand, with fan-in n = 30 and fan-out m = 20.
ZERO = Constant(0.0)
BY_HAND: dict[str, list[tuple[dict[str, Any], Distribution, Distribution]]] = {
    "zeros": [({}, ZERO, ZERO)],
    "constant": [({}, Constant(0.5), ZERO), ({"value": -2.0}, Constant(-2.0), ZERO)],
    "normal": [({}, Normal(1.0), ZERO), ({"standard_deviation": 10.0}, Normal(10.0), ZERO)],
    "uniform": [({}, Uniform(-0.05, 0.05), ZERO), ({"bound": 0.5}, Uniform(-0.5, 0.5), ZERO)],
    "truncated_normal": [
        ({}, TruncatedNormal(0.02, 2.0), ZERO),
        ({"scale": 0.1, "cut": 3.0}, TruncatedNormal(0.1, 3.0), ZERO),
    ],
    # Efficient BackProp, section 4.6: the standard deviation n^(-1/2).
    "lecun_normal": [({}, Normal(30**-0.5), ZERO)],
    "lecun_uniform": [({}, Uniform(-math.sqrt(1 / 10), math.sqrt(1 / 10)), ZERO)],
    # Glorot & Bengio, equations 12 and 16: the variance 2/(n + m), the bound sqrt(6)/sqrt(n + m).
    "glorot_normal": [
        ({}, Normal(0.2), ZERO),
        ({"gain": 5 / 3}, Normal(1 / 3), ZERO),
    ],
    "glorot_uniform": [
        ({}, Uniform(-math.sqrt(0.12), math.sqrt(0.12)), ZERO),
        ({"gain": 2.0}, Uniform(-math.sqrt(0.48), math.sqrt(0.48)), ZERO),
    ],
    "xavier_fan_in": [({}, Normal(30**-0.5), ZERO)],
    # He et al., equations 10, 14 and 15: n/2 variance = 1, m/2 variance = 1, (1 + a^2) n/2 variance = 1.
    "he_normal": [
        ({}, Normal(math.sqrt(1 / 15)), ZERO),
        ({"mode": "fan_out"}, Normal(math.sqrt(1 / 10)), ZERO),
        ({"slope": 0.25}, Normal(math.sqrt(2 / (1.0625 * 30))), ZERO),
        ({"slope": 1.0, "mode": "fan_out"}, Normal(math.sqrt(1 / 20)), ZERO),
    ],
    "he_uniform": [
        ({}, Uniform(-math.sqrt(1 / 5), math.sqrt(1 / 5)), ZERO),
        ({"mode": "fan_out"}, Uniform(-math.sqrt(3 / 10), math.sqrt(3 / 10)), ZERO),
        # With the slope sqrt(5) this is PyTorch's default, 1/sqrt(n).
        ({"slope": math.sqrt(5)}, Uniform(-(30**-0.5), 30**-0.5), ZERO),
    ],
    # Outside of residual branches; what they make of branches is in tests/initializers/test_residual.py.
    "fixup": [({}, Normal(math.sqrt(1 / 15)), ZERO)],
    "rezero": [({}, Normal(math.sqrt(1 / 15)), ZERO)],
    "skipinit": [({"multiplier": 0.1}, Normal(math.sqrt(1 / 15)), ZERO)],
    "gpt2": [({}, Normal(0.02), ZERO), ({"standard_deviation": 0.1}, Normal(0.1), ZERO)],
    "gpt_neox": [({}, Normal(math.sqrt(1 / 75)), ZERO)],
    "summable_branches": [({"ratio": 0.5}, Normal(math.sqrt(1 / 15)), ZERO)],
    "depth_mup": [({"exponent": 1.0}, Normal(math.sqrt(1 / 15)), ZERO)],
    # torch.nn.Linear: weights and biases within 1/sqrt(n).
    "torch_default": [({}, Uniform(-(30**-0.5), 30**-0.5), Uniform(-(30**-0.5), 30**-0.5))],
}


@every
def test_every_initializer_has_its_laws_written_down_by_hand(name: str) -> None:
    assert name in BY_HAND, f"write the laws of {name!r} down in this file"
    tried = {option for options, _, _ in BY_HAND[name] for option in options}
    assert tried == {option.name for option in dataclasses.fields(INITIALIZERS[name])}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "options", "weight_law", "bias_law"),
    [(name, *row) for name, rows in BY_HAND.items() for row in rows],
    ids=str,
)
def test_the_laws_are_the_published_ones(
    name: str, options: dict[str, Any], weight_law: Distribution, bias_law: Distribution
) -> None:
    initializer = INITIALIZERS[name](**options)
    for role, expected in zip(roles(30, 20), (weight_law, bias_law), strict=True):
        law = initializer.law(role)
        assert type(law) is type(expected)
        assert dataclasses.astuple(law) == pytest.approx(dataclasses.astuple(expected), rel=1e-15)  # type: ignore[call-overload]


# Wide layers: what a layer makes of its input's second moment.

WIDTH = 2000


def relu(z: Floats) -> Floats:
    return np.maximum(z, 0)


@pytest.mark.parametrize(
    ("name", "phi", "kept", "fourth"),
    # With z Gaussian of variance v: E relu(z)^2 = v/2, E relu(z)^4 = 3 v^2/2; without a rectifier v and 3 v^2.
    [
        ("he_normal", relu, 1.0, 6.0),
        ("he_uniform", relu, 1.0, 6.0),
        ("lecun_normal", np.asarray, 1.0, 3.0),
        ("lecun_uniform", np.asarray, 1.0, 3.0),
        ("glorot_normal", np.asarray, 1.0, 3.0),
        ("glorot_uniform", np.asarray, 1.0, 3.0),
        ("lecun_normal", relu, 1 / 2, 6.0),
        ("glorot_uniform", relu, 1 / 2, 6.0),
        ("torch_default", relu, 1 / 6, 6.0),
    ],
)
def test_a_wide_layer_keeps_the_share_of_the_second_moment_that_theory_says(
    name: str, phi: Callable[[Floats], Floats], kept: float, fourth: float
) -> None:
    weight = roles(WIDTH, WIDTH)[0]
    W = INITIALIZERS[name]().law(weight).sample(CounterDraws(1), weight.name, weight.shape)
    x = np.random.default_rng(0).normal(size=(WIDTH, 1))
    out = phi(W @ x)
    # The units of a layer are independent given its input: the standard error of the mean of out^2.
    error = kept * math.sqrt((fourth - 1) / WIDTH)
    assert abs(np.mean(out**2) / np.mean(x**2) - kept) < 5 * error


def test_twenty_layers_keep_the_signal_with_he_and_lose_it_with_pytorch_s_default() -> None:
    network = MultilayerPerceptron((100, *[400] * 20, 1), ReLU())
    x = np.random.default_rng(0).normal(size=(100, 50))
    logarithms: dict[str, float] = {}
    for name in ("he_normal", "torch_default"):
        laws = [INITIALIZERS[name]().weight_law(role) if role.kind == "weight" else ZERO for role in network.roles]
        taps = network.forward(network.layers(network.draw(laws, CounterDraws(0))), x)
        logarithms[name] = math.log10(np.mean(taps.A[20] ** 2))
    # The logarithm of the second moment has a standard deviation of sqrt(5 * 20/400) = 0.5 nats (Hanin & Rolnick
    # 2018, from the factor 1 + 5/width a layer); the default loses log10(6) a layer more.
    deviation = 0.5 / math.log(10)
    assert abs(logarithms["he_normal"]) < 5 * deviation
    lost = logarithms["he_normal"] - logarithms["torch_default"]
    assert lost == pytest.approx(20 * math.log10(6), abs=5 * deviation * math.sqrt(2))


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        ("constant", {"value": math.nan}, "`value` must be a finite number, got nan"),
        (
            "normal",
            {"standard_deviation": -1.0},
            "`standard_deviation` must be a finite number of at least 0, got -1.0",
        ),
        (
            "normal",
            {"standard_deviation": "10"},
            "`standard_deviation` must be a finite number of at least 0, got '10'",
        ),
        ("uniform", {"bound": -0.1}, "`bound` must be a finite number of at least 0, got -0.1"),
        ("truncated_normal", {"scale": -1}, "`scale` must be a finite number of at least 0, got -1"),
        ("truncated_normal", {"cut": 0}, "`cut` must be a finite number above 0, got 0"),
        ("glorot_normal", {"gain": 0.0}, "`gain` must be a finite number above 0, got 0.0"),
        ("glorot_uniform", {"gain": True}, "`gain` must be a finite number above 0, got True"),
        ("he_normal", {"slope": math.inf}, "`slope` must be a finite number, got inf"),
        ("he_normal", {"mode": "fan_avg"}, "`mode` must be 'fan_in' or 'fan_out', got 'fan_avg'"),
        ("he_uniform", {"mode": None}, "`mode` must be 'fan_in' or 'fan_out', got None"),
        ("skipinit", {"multiplier": math.inf}, "`multiplier` must be a finite number, got inf"),
        ("gpt2", {"standard_deviation": -1}, "`standard_deviation` must be a finite number of at least 0, got -1"),
        ("summable_branches", {"ratio": 0.0}, "`ratio` must be a finite number above 0, got 0.0"),
        ("summable_branches", {"ratio": 1.0}, "`ratio` must be a number of at least 0 and below 1, got 1.0"),
        ("depth_mup", {"exponent": -0.5}, "`exponent` must be a finite number of at least 0, got -0.5"),
    ],
)
def test_options_that_make_no_initializer_are_refused(name: str, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        INITIALIZERS[name](**options)
    assert str(caught.value) == sentence
