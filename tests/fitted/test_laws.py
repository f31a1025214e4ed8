"""What every fitted initializer of the catalogue must obey, and what all of them refuse."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest

from firstdraw.activations import ReLU, Tanh
from firstdraw.arrays import Floats
from firstdraw.catalogue import Source
from firstdraw.draws import CounterDraws, Draws
from firstdraw.errors import InputError
from firstdraw.fitted import FITTED, Batch, Fitted
from firstdraw.fitted.contract import Adjustment
from firstdraw.initializers import INITIALIZERS
from firstdraw.losses import BinaryCrossEntropy
from firstdraw.networks import Branch, MultilayerPerceptron

every = pytest.mark.parametrize("name", FITTED)
PLAIN = MultilayerPerceptron((3, 8, 8, 1), ReLU())
RESIDUAL = MultilayerPerceptron((3, 8, 8, 8, 1), Tanh(), (Branch(2, 3),))
networks = pytest.mark.parametrize("network", [PLAIN, RESIDUAL], ids=["plain", "residual"])
EXAMPLES = 24


def batch(examples: int = EXAMPLES, seed: int = 0) -> Batch:
    X = np.random.default_rng(seed).normal(size=(3, examples))
    return Batch(X, (X[:1] > 0).astype(np.float64), BinaryCrossEntropy())


def drawn(network: MultilayerPerceptron, seed: int = 0, name: str = "he_normal") -> Floats:
    laws = [INITIALIZERS[name]().law(role) for role in network.roles]
    return network.draw(laws, CounterDraws(seed))


@every
@networks
def test_the_same_start_and_batch_give_the_same_bits(name: str, network: MultilayerPerceptron) -> None:
    fits = [FITTED[name]().fit(network, drawn(network), batch(), CounterDraws(0)) for _ in range(2)]
    assert fits[0].theta.tobytes() == fits[1].theta.tobytes()
    assert (fits[0].layers, fits[0].objective) == (fits[1].layers, fits[1].objective)


@every
@networks
def test_nothing_given_is_changed(name: str, network: MultilayerPerceptron) -> None:
    theta, examples = drawn(network), batch()
    FITTED[name]().fit(network, theta, examples, CounterDraws(0))
    np.testing.assert_array_equal(theta, drawn(network))
    np.testing.assert_array_equal(examples.X, batch().X)
    np.testing.assert_array_equal(examples.Y, batch().Y)


@every
@networks
def test_weights_keep_the_directions_that_were_drawn(name: str, network: MultilayerPerceptron) -> None:
    theta = drawn(network)
    fit = FITTED[name]().fit(network, theta, batch(), CounterDraws(0))
    for before, after in zip(network.layers(theta), network.layers(fit.theta), strict=True):
        # Of each unit, as some members scale units and others layers.
        ratio = after.W / before.W
        np.testing.assert_allclose(ratio, np.broadcast_to(ratio[:, :1], ratio.shape), rtol=1e-9)
        assert (ratio > 0).all()


@every
@networks
def test_the_record_tells_what_the_parameters_are(name: str, network: MultilayerPerceptron) -> None:
    theta, examples = drawn(network), batch()
    fit = FITTED[name]().fit(network, theta, examples, CounterDraws(0))
    assert [layer.layer for layer in fit.layers] == list(range(1, network.depth + 1))
    assert fit.converged == all(layer.converged for layer in fit.layers)
    for i, layer in enumerate(fit.layers):
        for point, rms, deviation in (
            (theta, layer.weight_rms_before, layer.deviation_before),
            (fit.theta, layer.weight_rms_after, layer.deviation_after),
        ):
            layers = network.layers(point)
            assert rms == pytest.approx(math.sqrt(np.mean(layers[i].W ** 2)), rel=1e-12)
            assert deviation == pytest.approx(np.std(network.forward(layers, examples.X).Z[i]), rel=1e-12)
    assert list(fit.objective) == sorted(fit.objective, reverse=True)


@every
def test_the_loss_and_the_targets_matter_only_where_they_are_said_to(name: str) -> None:
    examples = batch()
    other = dataclasses.replace(examples, Y=1 - examples.Y)
    first, second = (FITTED[name]().fit(PLAIN, drawn(PLAIN), item, CounterDraws(0)).theta for item in (examples, other))
    assert FITTED[name].needs_targets == (first != second).any()


@every
def test_a_fitted_initializer_is_a_frozen_value_with_defaults_a_formula_and_a_source(name: str) -> None:
    member: Any = FITTED[name]()
    assert type(member).__dataclass_params__.frozen
    assert member == FITTED[name]()
    assert hash(member) == hash(FITTED[name]())
    assert member.formula.strip()
    assert isinstance(member.source, Source)
    assert member.source.link.startswith("https://")
    assert member.verified == ("Unverified" not in (type(member).__doc__ or ""))


# What is refused.


def sentence(member: Fitted, network: MultilayerPerceptron, theta: Floats, examples: Batch) -> str:
    with pytest.raises(InputError) as caught:
        member.fit(network, theta, examples, CounterDraws(0))
    return str(caught.value)


@every
def test_a_batch_that_is_too_small_is_refused(name: str) -> None:
    member = FITTED[name]()
    few = member.smallest_batch - 1
    assert sentence(member, PLAIN, drawn(PLAIN), batch(few)) == (
        f"`batch` must have {few + 1} examples or more to fit to, got {few}"
    )
    member.fit(PLAIN, drawn(PLAIN, seed=3), batch(few + 4), CounterDraws(0))


@every
def test_a_batch_of_another_shape_is_refused(name: str) -> None:
    member, examples = FITTED[name](), batch()
    narrow = dataclasses.replace(examples, X=examples.X[:2])
    assert sentence(member, PLAIN, drawn(PLAIN), narrow) == (
        "`batch.X` must have a row for each of the network's 3 inputs, got 2"
    )
    short = dataclasses.replace(examples, Y=examples.Y[:, 1:])
    assert sentence(member, PLAIN, drawn(PLAIN), short) == (
        "`batch.Y` must have the shape of the network's outputs, (1, 24), got (1, 23)"
    )


@every
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_finite_is_refused(name: str, value: float) -> None:
    member, examples, theta = FITTED[name](), batch(), drawn(PLAIN)
    examples.X[1, 3] = value
    assert sentence(member, PLAIN, theta, examples) == "`batch.X` must be finite, and has elements that are not"
    examples = batch()
    examples.Y[0, 3] = value
    assert sentence(member, PLAIN, theta, examples) == "`batch.Y` must be finite, and has elements that are not"
    theta[5] = value
    assert sentence(member, PLAIN, theta, batch()) == "`theta` must be finite, and has elements that are not"


@dataclass(frozen=True)
class _Overflowing(Fitted):
    """Hands back parameters that are not finite, as division by a number near 0 may."""

    formula: ClassVar[str] = "infinity"

    def adjust(self, network: MultilayerPerceptron, theta: Floats, batch: Batch, draws: Draws) -> Adjustment:  # noqa: ARG002
        network.layers(theta)[1].W[0, 0] = np.inf
        return Adjustment(theta, (1,) * network.depth, (True,) * network.depth)


def test_fitted_parameters_that_are_not_finite_are_refused() -> None:
    assert sentence(_Overflowing(), PLAIN, drawn(PLAIN), batch()) == "the fitted parameters of layer 2 are not finite"


ZEROS = {
    "lsuv": "layer 2 gives the same output for all units and examples, which no scale of its weights changes",
    "weight_normalization": (
        "8 of the 8 units of layer 2 give every example the same output, which no scale of their weights changes"
    ),
    "data_dependent": (
        "8 of the 8 units of layer 2 give every example the same output, which no scale of their weights changes"
    ),
    "autoinit": "the weights of layer 2 are all 0, and have no direction to be scaled in",
    "metainit": "the weights of layer 2 are all 0, and have no norm to be fitted",
}


@pytest.mark.parametrize("name", ZEROS)
def test_a_layer_of_zeros_cannot_be_scaled(name: str) -> None:
    theta = drawn(PLAIN)
    PLAIN.layers(theta)[1].W[:] = 0
    assert sentence(FITTED[name](), PLAIN, theta, batch()) == ZEROS[name]


@pytest.mark.parametrize("name", ["lsuv", "weight_normalization", "data_dependent"])
def test_constant_features_are_refused(name: str) -> None:
    member, examples = FITTED[name](), batch()
    constant = dataclasses.replace(examples, X=np.zeros_like(examples.X))
    assert "layer 1" in sentence(member, PLAIN, drawn(PLAIN), constant)


def test_dead_rectifiers_are_refused_with_the_layer_after_them() -> None:
    theta = drawn(PLAIN)
    PLAIN.layers(theta)[0].b[:] = -100
    # LSUV does not touch biases: no unit of layer 1 is ever positive, and layer 2 sees zeros alone.
    assert sentence(FITTED["lsuv"](), PLAIN, theta, batch()) == ZEROS["lsuv"]
    # Those that set biases bring them back to life.
    assert FITTED["weight_normalization"]().fit(PLAIN, theta, batch(), CounterDraws(0)).converged


def test_an_input_of_zeros_has_no_scale_to_start_from() -> None:
    examples = dataclasses.replace(batch(), X=np.zeros((3, EXAMPLES)))
    assert sentence(FITTED["autoinit"](), PLAIN, drawn(PLAIN), examples) == (
        "the input of layer 1 is 0 for every example, and no weights give it a scale"
    )


@pytest.mark.parametrize("name", ["lsuv", "weight_normalization"])
def test_a_layer_that_overflows_is_refused(name: str) -> None:
    theta = drawn(PLAIN)
    PLAIN.layers(theta)[0].W[:] *= 1e200
    examples = dataclasses.replace(batch(), X=batch().X * 1e200)
    assert sentence(FITTED[name](), PLAIN, theta, examples) == "layer 1 overflows on the batch, and cannot be fitted"


def test_a_branch_that_is_shut_has_no_rate_of_change() -> None:
    theta = drawn(RESIDUAL, name="rezero")
    assert sentence(FITTED["data_dependent"](), RESIDUAL, theta, batch()) == (
        "layer 2 must change at a positive rate to be balanced with the others, got 0.0"
    )


def test_a_start_whose_gradient_is_not_finite_is_refused() -> None:
    theta = drawn(PLAIN)
    for layer in PLAIN.layers(theta):
        layer.W[:] *= 1e200
    assert sentence(FITTED["gradinit"](), PLAIN, theta, batch()).startswith(
        "the gradient must be finite to be fitted, and the drawn parameters give the norm, got "
    )
    assert sentence(FITTED["metainit"](), PLAIN, theta, batch()).startswith(
        "the gradient quotient must be finite to be minimized, and the drawn parameters give, got "
    )


@pytest.mark.parametrize(
    ("name", "options", "refusal"),
    [
        ("lsuv", {"tolerance": 0.0}, "`tolerance` must be a finite number above 0, got 0.0"),
        ("lsuv", {"iterations": 0}, "`iterations` must be a positive integer, got 0"),
        ("data_dependent", {"bias": math.nan}, "`bias` must be a finite number, got nan"),
        ("data_dependent", {"damping": -1.0}, "`damping` must be a finite number above 0, got -1.0"),
        ("autoinit", {"variance": 0.0}, "`variance` must be a finite number above 0, got 0.0"),
        ("metainit", {"momentum": 1.0}, "`momentum` must be a number of at least 0 and below 1, got 1.0"),
        ("gradinit", {"update": "adam"}, "`update` must be 'gradient' or 'sign', got 'adam'"),
        ("gradinit", {"bound": math.inf}, "`bound` must be a finite number above 0, got inf"),
    ],
)
def test_options_that_make_no_fitted_initializer_are_refused(name: str, options: dict[str, Any], refusal: str) -> None:
    with pytest.raises(InputError) as caught:
        FITTED[name](**options)
    assert str(caught.value) == refusal
