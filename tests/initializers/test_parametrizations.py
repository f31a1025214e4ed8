"""What every parametrization must obey, and how each follows the widths."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

from firstdraw.activations import ReLU
from firstdraw.catalogue import Source
from firstdraw.draws import CounterDraws
from firstdraw.errors import InputError
from firstdraw.initializers import INITIALIZERS
from firstdraw.initializers.parametrizations import PARAMETRIZATIONS, OptimizerFamily, Parametrization
from firstdraw.initializers.parametrizations.depth_mup import DepthMuP
from firstdraw.initializers.parametrizations.mean_field import MeanField
from firstdraw.initializers.parametrizations.mup import MuP
from firstdraw.initializers.parametrizations.ntk import NTK
from firstdraw.initializers.parametrizations.standard import Standard
from firstdraw.initializers.parametrizations.unit_scaling import UnitScaling
from firstdraw.networks import Branch, MultilayerPerceptron
from firstdraw.roles import Role

every = pytest.mark.parametrize("name", PARAMETRIZATIONS)
FAMILIES: tuple[OptimizerFamily, ...] = ("sgd", "adam")
RESIDUAL = MultilayerPerceptron((3, 16, 16, 16, 16, 2), ReLU(), (Branch(2, 3), Branch(4, 4)))


def of_width(width: int) -> tuple[Role, ...]:
    return MultilayerPerceptron((12, width, width, 5), ReLU()).roles


@every
def test_the_effective_parameter_is_the_trained_one_times_its_multiplier(name: str) -> None:
    member = PARAMETRIZATIONS[name]()
    for role in (*of_width(40), *RESIDUAL.roles):
        a, trained, effective = member.multiplier(role), member.trained_law(role), member.law(role)
        assert a > 0
        assert effective.mean == pytest.approx(a * trained.mean, rel=1e-15)
        assert effective.standard_deviation == pytest.approx(a * trained.standard_deviation, rel=1e-15)
        assert type(effective) is type(trained)


@every
def test_the_effective_learning_rate_follows_from_the_multiplier(name: str) -> None:
    member = PARAMETRIZATIONS[name]()
    for role in (*of_width(40), *RESIDUAL.roles):
        a = member.multiplier(role)
        for family, power in (("sgd", 2), ("adam", 1)):
            c = member.learning_rate_factor(role, family)
            assert 0 <= c < math.inf
            assert member.effective_learning_rate_factor(role, family) == pytest.approx(c * a**power, rel=1e-15)


@every
def test_a_parametrization_is_a_frozen_value_that_is_explained(name: str) -> None:
    member: Any = PARAMETRIZATIONS[name]()
    assert member == PARAMETRIZATIONS[name]()
    assert hash(member) == hash(PARAMETRIZATIONS[name]())
    for option in dataclasses.fields(member):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(member, option.name, 1.0)
    assert member.formula
    assert member.learning_rates
    assert ">>> " in (type(member).__doc__ or "")
    assert name == "standard" or isinstance(member.source, Source)


@pytest.mark.parametrize("name", [name for name in PARAMETRIZATIONS if name != "standard"])
def test_the_initial_half_is_an_initializer_of_the_same_name(name: str) -> None:
    assert INITIALIZERS[name] is PARAMETRIZATIONS[name]
    assert INITIALIZERS.aliases_of(name) == PARAMETRIZATIONS.aliases_of(name)


# By which power of the width the first, the hidden and the last weight scale: standard deviation, and effective
# learning rates of SGD and Adam; then the learning rates of a hidden bias and of the last one.
POWERS: dict[str, tuple[tuple[float, ...], ...]] = {
    "standard": ((0, -1 / 2, -1 / 2), (0, 0, 0), (0, 0, 0), (0, 0), (0, 0)),
    "ntk": ((0, -1 / 2, -1 / 2), (0, -1, -1), (0, -1 / 2, -1 / 2), (0, 0), (0, 0)),
    "mean_field": ((0, -1, -1), (1, 0, -1), (0, -1, -1), (1, 0), (0, 0)),
    "mup": ((0, -1 / 2, -1), (1, 0, -1), (0, -1, -1), (1, 0), (0, 0)),
    "unit_scaling": ((0, -1 / 2, -1), (1, 0, -1), (0, -1, -1), (1, 0), (0, 0)),
    "depth_mup": ((0, -1 / 2, -1 / 2), (0, 0, 0), (0, 0, 0), (0, 0), (0, 0)),
}


@every
def test_laws_and_rates_scale_with_width_as_the_tables_say(name: str) -> None:
    assert name in POWERS, f"write the powers of {name!r} down in this file"
    member = PARAMETRIZATIONS[name]()
    narrow, wide = of_width(50), of_width(800)

    def power(small: float, large: float) -> float:
        return math.log(large / small) / math.log(16)

    deviations, *rates = POWERS[name]
    for number, expected in enumerate(deviations):
        pair = (member.law(roles[2 * number]).standard_deviation for roles in (narrow, wide))
        assert power(*pair) == pytest.approx(expected, abs=1e-12)
    chosen = ((0, 2, 4), (0, 2, 4), (1, 5), (1, 5))
    for family, indices, powers in zip((*FAMILIES, *FAMILIES), chosen, rates, strict=True):
        for index, expected in zip(indices, powers, strict=True):
            pair = (member.effective_learning_rate_factor(roles[index], family) for roles in (narrow, wide))
            assert power(*pair) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("gains", [(1.0, 0.1), (math.sqrt(2), 0.05)])
def test_the_ntk_network_is_the_standard_one_at_the_start(gains: tuple[float, float]) -> None:
    for role in (*of_width(40), *RESIDUAL.roles):
        assert NTK(*gains).law(role) == Standard(*gains).law(role)


def test_mup_at_its_base_width_is_the_standard_parametrization() -> None:
    for role in of_width(64):
        assert MuP(base_width=64).law(role).standard_deviation == pytest.approx(Standard().law(role).standard_deviation)
        for family in FAMILIES:
            assert MuP(base_width=64).effective_learning_rate_factor(role, family) == 1


def test_mup_with_the_base_width_1_is_the_published_table() -> None:
    first, _, hidden, _, last, _ = of_width(256)
    mup = MuP(base_width=1)
    assert [mup.law(role).variance for role in (first, hidden, last)] == pytest.approx([1 / 12, 1 / 256, 1 / 256**2])
    rates = {
        family: [mup.effective_learning_rate_factor(role, family) for role in (first, hidden, last)]
        for family in FAMILIES
    }
    assert rates == {"sgd": [256, 1, 1 / 256], "adam": [1, 1 / 256, 1 / 256]}


def test_with_one_hidden_layer_the_mean_field_is_mup_with_the_base_width_1() -> None:
    for role in MultilayerPerceptron((12, 100, 5), ReLU()).roles:
        assert MeanField().law(role) == MuP(base_width=1).law(role)
        for family in FAMILIES:
            rates = [member.effective_learning_rate_factor(role, family) for member in (MeanField(), MuP(base_width=1))]
            assert rates[0] == pytest.approx(rates[1], rel=1e-15)


@pytest.mark.parametrize("exponent", [0.5, 1.0])
def test_depth_mup_freezes_multipliers_and_slows_branches(exponent: float) -> None:
    member = DepthMuP(exponent)
    for role in RESIDUAL.roles:
        sgd, adam = (member.effective_learning_rate_factor(role, family) for family in FAMILIES)
        if role.kind == "scalar":
            assert (sgd, adam) == (0, 0)
            assert member.law(role).mean == pytest.approx(2**-exponent)
        elif role.branch is None:
            assert (sgd, adam) == (1, 1)
        else:
            assert (sgd, adam) == pytest.approx((2 ** (2 * exponent - 1), 2 ** (exponent - 1)))


@pytest.mark.parametrize("width", [512, 1024])
def test_unit_scaling_keeps_the_root_mean_square_1_forward_and_backward(width: int) -> None:
    features, outputs, examples = 700, 600, 256
    network = MultilayerPerceptron((features, width, width, width, outputs), ReLU())
    scaled = UnitScaling(gain=math.sqrt(2))
    draws, random = CounterDraws(0), np.random.default_rng(0)
    weights = [role for role in network.roles if role.kind == "weight"]
    w = [scaled.trained_law(role).sample(draws, role.name, role.shape) for role in weights]

    def rms(x: np.ndarray) -> float:
        return float(np.sqrt(np.mean(x**2)))

    A = [random.normal(size=(features, examples))]
    Z: list[np.ndarray] = []
    for role, matrix in zip(weights, w, strict=True):
        Z.append(scaled.multiplier(role) * (matrix @ A[-1]))
        A.append(np.maximum(Z[-1], 0))
    # Finite widths leave some percent; a wrong factor would be sqrt(2) or more.
    assert [rms(hidden) for hidden in Z[:-1]] == pytest.approx([1, 1, 1], rel=0.12)
    assert rms(Z[-1]) == pytest.approx(1 / math.sqrt(width), rel=0.12)

    dZ = random.normal(size=Z[-1].shape)
    for layer in (3, 2, 1, 0):
        # The gain belongs to the rectifier before the layer; the features have passed none.
        gain = scaled.gain if layer > 0 else 1.0
        assert rms(gain / math.sqrt(examples) * (dZ @ A[layer].T)) == pytest.approx(1, rel=0.12)
        if layer > 0:
            dZ = scaled.backward_multiplier(weights[layer]) * (w[layer].T @ dZ) * (Z[layer - 1] > 0)
            assert rms(dZ) == pytest.approx(1, rel=0.12)


def test_standard_options_that_make_none_are_refused() -> None:
    for options, sentence in (
        ({"gain": 0.0}, "`gain` must be a finite number above 0, got 0.0"),
        ({"bias_gain": -1.0}, "`bias_gain` must be a finite number of at least 0, got -1.0"),
    ):
        with pytest.raises(InputError) as caught:
            Standard(**options)
        assert str(caught.value) == sentence


def test_a_parametrization_is_an_initializer() -> None:
    assert all(issubclass(member, Parametrization) for member in PARAMETRIZATIONS.values())
