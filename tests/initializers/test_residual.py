"""What the schemes for residual networks are known for, measured on residual networks."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from firstdraw.activations import ACTIVATIONS, ReLU
from firstdraw.arrays import Floats
from firstdraw.distributions import Constant, Normal
from firstdraw.draws import CounterDraws
from firstdraw.initializers import INITIALIZERS, Initializer
from firstdraw.losses import SquaredError
from firstdraw.networks import MultilayerPerceptron, repeated_branches
from firstdraw.probes import gradient
from firstdraw.roles import BranchPlace, Role, TransformerPlace, dense_roles, multiplier_role

WIDTH, EXAMPLES = 64, 32
X: Floats = np.random.default_rng(0).normal(size=(WIDTH, EXAMPLES))
HE = INITIALIZERS["he_normal"]()


def weight(position: int, length: int, count: int = 50, layer: int = 5) -> Role:
    place = BranchPlace(number=3, count=count, position=position, length=length)
    return dense_roles(200, 100, layer=layer, depth=102, activation=ReLU(), branch=place)[0]


def residual(branches: int, length: int = 2, *, activated: bool = False) -> MultilayerPerceptron:
    depth = branches * length + 2
    network = MultilayerPerceptron((WIDTH, *[WIDTH] * (depth - 1), 10), ReLU())
    return replace(network, branches=repeated_branches(depth, length, activated=activated))


def drawn(network: MultilayerPerceptron, initializer: Initializer, seed: int = 0) -> Floats:
    return network.draw([initializer.law(role) for role in network.roles], CounterDraws(seed))


def growth(network: MultilayerPerceptron, theta: Floats) -> float:
    """Return the second moment of what leaves the last branch, relative to what enters the first."""
    A = network.forward(network.layers(theta), X).A
    return float(np.mean(A[-2] ** 2) / np.mean(A[1] ** 2))


# The laws in a branch, by hand: fan-in 200, fan-out 100, 50 branches, the third of them.

HE_HERE = 0.1


def test_fixup_scales_all_but_the_last_layer_of_a_branch_and_zeroes_that_and_the_head() -> None:
    fixup = INITIALIZERS["fixup"]()
    # The authors' code: 50^(-1/2) in branches of two layers, 50^(-1/4) twice in branches of three.
    assert fixup.law(weight(1, 2)) == Normal(HE_HERE * 50**-0.5)
    assert fixup.law(weight(1, 3)) == fixup.law(weight(2, 3)) == Normal(HE_HERE * 50**-0.25)
    assert fixup.law(weight(2, 2)) == fixup.law(weight(3, 3)) == fixup.law(weight(1, 1)) == Constant(0.0)
    assert fixup.law(dense_roles(200, 10, layer=102, depth=102, activation=None)[0]) == Constant(0.0)
    assert fixup.law(dense_roles(200, 10, layer=1, depth=102, activation=ReLU())[0]) == Normal(HE_HERE)


def test_the_layers_that_write_to_the_residual_stream_have_laws_of_their_own() -> None:
    gpt2, gpt_neox = INITIALIZERS["gpt2"](), INITIALIZERS["gpt_neox"]()
    # 25 transformer layers of two branches: 0.02/sqrt(2 * 25).
    assert gpt2.law(weight(2, 2)) == Normal(0.02 / math.sqrt(2 * 25))
    assert gpt2.law(weight(1, 2)) == Normal(0.02)
    assert gpt_neox.law(weight(2, 2)) == Normal(2 / (50 * 10))
    assert gpt_neox.law(weight(1, 2)) == Normal(math.sqrt(2 / 1000))


@pytest.mark.parametrize(
    ("name", "options", "alpha"),
    [
        ("fixup", {}, 1.0),
        ("rezero", {}, 0.0),
        ("skipinit", {}, 0.0),
        ("skipinit", {"multiplier": 0.1}, 0.1),
        ("gpt2", {}, 1.0),
        ("gpt_neox", {}, 1.0),
        ("summable_branches", {}, 0.9 * 0.9 * 0.9),
        ("summable_branches", {"ratio": 0.5}, 0.125),
        ("depth_mup", {}, 1 / math.sqrt(50)),
        ("depth_mup", {"exponent": 1.0}, 1 / 50),
        ("admin", {}, 1 / math.sqrt(51 / math.log(51) - 1)),
        ("admin", {"output_change": "constant"}, 1 / math.sqrt(50)),
        ("admin", {"output_change": "linear"}, 1.0),
        ("layer_scale", {}, 1e-6),
        ("nf_resnet", {}, 0.2),
        ("nf_resnet", {"multiplier": 0.5}, 0.5),
        ("lora", {}, 1.0),
    ],
)
def test_the_multipliers_are_the_published_ones(name: str, options: dict[str, Any], alpha: float) -> None:
    place = BranchPlace(number=3, count=50, position=2, length=2)
    law = INITIALIZERS[name](**options).law(multiplier_role(place, layer=7, depth=102))
    assert isinstance(law, Constant)
    assert law.value == pytest.approx(alpha, rel=1e-15)


def test_residual_says_which_schemes_treat_a_branch_in_a_way_of_its_own() -> None:
    place = BranchPlace(number=3, count=50, position=2, length=2)
    roles = [weight(2, 2), multiplier_role(place, layer=7, depth=102)]
    shallow, deep = (
        TransformerPlace(parts=("feed_forward_out",), stack="encoder", layers=layers, layer=3) for layers in (6, 48)
    )
    for name, cls in INITIALIZERS.items():
        initializer, special = cls(), False
        if "dense" in cls.kinds:
            known = cls.activations
            phi = ReLU() if known is None or "relu" in known else ACTIVATIONS[known[0]]()
            inside = replace(roles[0], activation=phi)
            special = initializer.law(inside) != initializer.law(replace(inside, branch=None))
            # Of a transformer the layers tell the branches.
            special = special or (
                initializer.law(replace(inside, transformer=shallow))
                != initializer.law(replace(inside, transformer=deep))
            )
        special = special or initializer.law(roles[1]) != Constant(1.0)
        assert cls.residual == special, name


# Depth: what fifty branches do to a signal.


@pytest.mark.parametrize("activated", [False, True])
@pytest.mark.parametrize("name", ["fixup", "rezero", "skipinit"])
def test_a_hundred_layers_of_branches_are_the_identity(name: str, *, activated: bool) -> None:
    network = residual(50, activated=activated)
    A = network.forward(network.layers(drawn(network, INITIALIZERS[name]())), X).A
    np.testing.assert_array_equal(A[-2], A[1])


def grown(name: str, branches: int, **options: float) -> float:
    return growth(residual(branches), drawn(residual(branches), INITIALIZERS[name](**options)))


def test_he_alone_triples_the_second_moment_at_every_branch() -> None:
    # E relu(W_1 A)^2 = E A^2, and the last layer, which no rectifier follows, doubles it: a factor of 1 + 2 a branch.
    # The logarithm of a factor deviates by about (2/3) sqrt(5/64) = 0.19, the sum of fifty by 1.3.
    assert math.log(grown("he_normal", 50)) == pytest.approx(50 * math.log(3), abs=5 * 1.3)


@pytest.mark.parametrize("branches", [5, 50, 100])
@pytest.mark.parametrize(
    ("name", "options", "bound"),
    [
        # The factors 1 + 2/K of K branches are e^2 at most.
        ("depth_mup", {"exponent": 0.5}, math.e**2),
        # The factors 1 + 2/K^2 are exp(2/K) at most.
        ("depth_mup", {"exponent": 1.0}, math.exp(2 / 5)),
        # The product of 1 + 2 * 0.9^(2k) is below exp(2 sum 0.81^k) = exp(2 * 0.81/0.19).
        ("summable_branches", {}, math.exp(2 * 0.81 / 0.19)),
        # With n s^2 = 2 the first layer of a branch is He's, and the last has his variance over K: as depth_mup.
        ("gpt2", {"standard_deviation": math.sqrt(2 / WIDTH)}, math.e**2),
        # The first layer of variance 2/(5n), the last of 4/(K^2 n): (1 + 0.8/K^2)^K < exp(0.8/K).
        ("gpt_neox", {}, math.exp(0.8 / 5)),
    ],
)
def test_the_signal_stays_bounded_at_any_depth(
    name: str, options: dict[str, float], bound: float, branches: int
) -> None:
    # The bounds are of the expectation; at this width a branch deviates from its own by a share of sqrt(5/64) = 0.28.
    assert 0.75 < grown(name, branches, **options) < 1.5 * bound


def test_the_multipliers_of_hanin_and_rolnick_must_be_summable() -> None:
    shallow, deep = (grown("summable_branches", branches) for branches in (50, 100))
    assert deep == pytest.approx(shallow, rel=0.1)
    # With the constant multiplier 0.9 the signal grows by 1 + 2 * 0.81 a branch.
    network = residual(50)
    theta = drawn(network, HE)
    for alpha in network.multipliers(theta):
        alpha[:] = 0.9
    assert math.log(growth(network, theta)) == pytest.approx(50 * math.log(2.62), abs=5 * 1.3)


# Updates: how much a step of SGD changes the network's output.


def change_after_steps(network: MultilayerPerceptron, theta: Floats, steps: int, rate: float, *, biases: bool) -> float:
    """Return the root mean square change of the output, and so of the function, after some steps of SGD."""
    Y, loss = np.random.default_rng(1).normal(size=(10, EXAMPLES)), SquaredError()
    before, moved = network.output(theta, X), theta.copy()
    for _ in range(steps):
        g = gradient(network, moved, loss, X, Y)
        for layer in network.layers(g):
            layer.b[:] *= biases
        # The mean over ten outputs is a tenth of the sum over outputs that the rate is usually meant for.
        moved -= 10 * rate * g
    return float(np.sqrt(np.mean((network.output(moved, X) - before) ** 2)))


def with_he_head(network: MultilayerPerceptron, theta: Floats) -> Floats:
    """Return theta with one draw of He's law in the last layer, so that the first step reaches the branches."""
    filled, role = theta.copy(), network.roles[-2]
    network.layers(filled)[-1].W[:] = HE.law(role).sample(CounterDraws(0), "head", role.shape)
    return filled


def test_the_change_by_a_step_of_sgd_does_not_grow_with_depth_under_fixup() -> None:
    scaled, unscaled = [], []
    for network in (residual(5), residual(50)):
        theta = with_he_head(network, drawn(network, INITIALIZERS["fixup"]()))
        scaled.append(change_after_steps(network, theta, steps=1, rate=1e-4, biases=False))
        # The same zeros at the ends of the branches, with He's law before them.
        layers = network.layers(theta)
        for branch in network.branches:
            layers[branch.first - 1].W[:] *= math.sqrt(len(network.branches))
        unscaled.append(change_after_steps(network, theta, steps=1, rate=1e-4, biases=False))
    # To first order each branch adds relu(W_1 A)^T relu(W_1 A): a share of 1/K of all, or 1 where nothing is scaled.
    # Other draws of W_1 leave some percent.
    assert scaled[1] == pytest.approx(scaled[0], rel=0.1)
    assert unscaled[1] > 5 * unscaled[0]


def test_the_change_by_some_steps_of_sgd_does_not_grow_with_depth_under_fixup_as_it_is() -> None:
    # The first step moves the head alone, which was 0; from the second on the branches move as well.
    shallow, deep = (
        change_after_steps(network, drawn(network, INITIALIZERS["fixup"]()), steps=3, rate=0.05, biases=True)
        for network in (residual(5), residual(50))
    )
    assert 0.5 < deep / shallow < 2
