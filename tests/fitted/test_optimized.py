"""MetaInit and GradInit: what they minimize falls, and what must hold holds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from firstdraw.activations import ReLU, Tanh
from firstdraw.arrays import Floats
from firstdraw.draws import CounterDraws
from firstdraw.fitted import FITTED, Batch, Fit
from firstdraw.fitted.gradinit import FirstStep, Update
from firstdraw.initializers import INITIALIZERS
from firstdraw.losses import BinaryCrossEntropy, SoftmaxCrossEntropy
from firstdraw.networks import Branch, MultilayerPerceptron
from firstdraw.probes import gradient, gradient_quotient

PLAIN = MultilayerPerceptron((4, 16, 16, 16, 3), Tanh())
RESIDUAL = MultilayerPerceptron((4, 16, 16, 16, 3), ReLU(), (Branch(2, 3),))
networks = pytest.mark.parametrize("network", [PLAIN, RESIDUAL], ids=["plain", "residual"])
LOSS = SoftmaxCrossEntropy()


def batch(m: int = 48) -> Batch:
    stream = np.random.default_rng(0)
    X = stream.normal(size=(4, m))
    return Batch(X, LOSS.encode(np.argmax(X[:3] + 0.1 * stream.normal(size=(3, m)), axis=0), 3), LOSS)


def drawn(network: MultilayerPerceptron, factor: float = 1.0) -> Floats:
    theta = network.draw([INITIALIZERS["he_normal"]().law(role) for role in network.roles], CounterDraws(0))
    for layer in network.layers(theta):
        layer.W[:] *= factor
    return theta


def fitted(name: str, network: MultilayerPerceptron, theta: Floats, **options: Any) -> Fit:
    return FITTED[name](**options).fit(network, theta, batch(), CounterDraws(0))


# The gradient quotient.


def test_the_gradient_quotient_of_a_cost_without_curvature_is_zero() -> None:
    network = MultilayerPerceptron((1, 1), Tanh())
    X, Y = np.array([[1.0]]), np.array([[1.0]])
    # One logit far on the wrong side: the cross-entropy is linear there.
    assert gradient_quotient(network, np.array([-40.0, 0.0]), BinaryCrossEntropy(), X, Y, epsilon=1e-12) < 1e-9


@pytest.mark.parity
@networks
def test_the_gradient_quotient_is_pytorch_s(network: MultilayerPerceptron) -> None:
    torch: Any = pytest.importorskip("torch")
    theta, examples, epsilon = drawn(network), batch(), 1e-5
    sizes = [math.prod(role.shape) for role in network.roles]
    point = torch.tensor(theta, requires_grad=True)
    parts = [part.reshape(role.shape) for part, role in zip(point.split(sizes), network.roles, strict=True)]
    A = torch.tensor(examples.X)
    if network is PLAIN:
        W1, b1, W2, b2, W3, b3, W4, b4 = parts
        A3 = torch.tanh(W3 @ torch.tanh(W2 @ torch.tanh(W1 @ A + b1) + b2) + b3)
    else:
        W1, b1, W2, b2, W3, b3, alpha, W4, b4 = parts
        A1 = torch.relu(W1 @ A + b1)
        A3 = A1 + alpha * (W3 @ torch.relu(W2 @ A1 + b2) + b3)
    cost = torch.nn.functional.cross_entropy((W4 @ A3 + b4).T, torch.tensor(examples.Y.argmax(axis=0)))
    (g,) = torch.autograd.grad(cost, point, create_graph=True)
    (Hg,) = torch.autograd.grad((g * g).sum() / 2, point)
    expected = ((g - Hg) / (g + epsilon * (2 * (g >= 0).double() - 1)) - 1).abs().mean()
    ours = gradient_quotient(network, theta, LOSS, examples.X, examples.Y, epsilon)
    assert ours == pytest.approx(expected.item(), rel=1e-9)


# MetaInit.


@networks
@pytest.mark.parametrize("factor", [0.3, 3.0])
def test_metainit_lowers_the_gradient_quotient_of_a_bad_start(network: MultilayerPerceptron, factor: float) -> None:
    theta = drawn(network, factor)
    fit = fitted("metainit", network, theta, steps=60)
    assert fit.converged
    assert fit.objective[-1] < 0.8 * fit.objective[0]
    assert len(fit.objective) == 61
    # Both ends of the record, by hand: Gaussian inputs called by their name, the batch's targets.
    inputs = CounterDraws(0).normal("metainit.inputs", (4, 48))
    for point, recorded in ((theta, fit.objective[0]), (fit.theta, fit.objective[-1])):
        assert gradient_quotient(network, point, LOSS, inputs, batch().Y) == recorded


def test_metainit_does_not_look_at_the_inputs() -> None:
    examples = batch()
    other = Batch(examples.X + 1, examples.Y, examples.loss)
    one, two = (
        FITTED["metainit"](steps=5).fit(PLAIN, drawn(PLAIN), item, CounterDraws(0)) for item in (examples, other)
    )
    np.testing.assert_array_equal(one.theta, two.theta)


def test_metainit_says_that_it_has_not_converged_where_no_step_lowers_the_quotient() -> None:
    # A step that is as long as the norms themselves only throws a good start away.
    theta = fitted("metainit", PLAIN, drawn(PLAIN, 0.3), steps=200).theta
    fit = fitted("metainit", PLAIN, theta, rate=50.0, steps=1)
    assert not fit.converged
    np.testing.assert_array_equal(fit.theta, theta)


# GradInit.

updates = pytest.mark.parametrize("update", ["gradient", "sign"])


@networks
@updates
def test_the_slopes_of_the_first_step_equal_central_finite_differences(
    network: MultilayerPerceptron, update: Update
) -> None:
    step = FirstStep(network, batch(), update, rate=0.01)
    theta, v = drawn(network), np.random.default_rng(3).normal(size=network.parameter_count)
    h = 1e-6
    up, down = theta + h * v, theta - h * v
    g = step.gradient(theta)
    cost = (step.cost(up, step.gradient(up)) - step.cost(down, step.gradient(down))) / (2 * h)
    norm = (step.norm(step.gradient(up)) - step.norm(step.gradient(down))) / (2 * h)
    # Where an element of g changes sign between the two points the step by its sign jumps: 1e-6 apart none does.
    assert (np.sign(step.gradient(up)) == np.sign(step.gradient(down))).all()
    assert step.cost_slope(theta, g) @ v == pytest.approx(cost, rel=1e-5)
    assert step.norm_slope(theta, g) @ v == pytest.approx(norm, rel=1e-5)


def test_the_first_step_is_made_on_two_thirds_and_judged_on_the_first_and_the_last() -> None:
    examples = batch(10)
    step, theta = FirstStep(PLAIN, examples, "gradient", rate=0.1), drawn(PLAIN)
    first, last = [0, 1, 2, 3, 4, 5], [0, 1, 2, 6, 7, 8]
    g = gradient(PLAIN, theta, LOSS, examples.X[:, first], examples.Y[:, first])
    np.testing.assert_array_equal(step.gradient(theta), g)
    expected = LOSS.value(PLAIN.output(theta - 0.1 * g, examples.X[:, last]), examples.Y[:, last])
    assert step.cost(theta, g) == expected


@networks
@updates
@pytest.mark.parametrize("factor", [0.3, 3.0])
def test_gradinit_lowers_the_cost_after_the_first_step_and_keeps_the_gradient_bounded(
    network: MultilayerPerceptron, update: Update, factor: float
) -> None:
    theta = drawn(network, factor)
    options = {"gradient": {"rate": 0.1, "bound": 1.0}, "sign": {"rate": 1e-3, "bound": 10.0}}[update]
    fit = fitted("gradinit", network, theta, update=update, steps=300, scale_rate=0.02, **options)
    step = FirstStep(network, batch(), update, options["rate"])
    start, end = step.gradient(theta), step.gradient(fit.theta)
    assert fit.converged
    assert step.norm(end) <= options["bound"]
    assert step.cost(fit.theta, end) == fit.objective[-1]
    assert fit.objective[-1] < step.cost(theta, start)
    # The record is infinite until the constraint is met.
    assert (fit.objective[0] < math.inf) == (step.norm(start) <= options["bound"])


def test_gradinit_that_never_meets_its_constraint_says_so_and_hands_back_the_smallest_gradient() -> None:
    theta = drawn(PLAIN, 3.0)
    fit = fitted("gradinit", PLAIN, theta, bound=1e-6, steps=20)
    assert not fit.converged
    assert fit.objective == (math.inf,) * 21
    step = FirstStep(PLAIN, batch(), "gradient", 0.1)
    assert step.norm(step.gradient(fit.theta)) < step.norm(step.gradient(theta))


def test_gradinit_scales_each_parameter_as_a_whole_and_weights_not_below_the_smallest_scale() -> None:
    theta = drawn(RESIDUAL, 3.0)
    fit = fitted("gradinit", RESIDUAL, theta, scale_rate=0.5, smallest_scale=0.4)
    for role, before, after in zip(
        RESIDUAL.roles, RESIDUAL.parameters(theta), RESIDUAL.parameters(fit.theta), strict=True
    ):
        if role.kind == "bias":
            assert not after.any()
            continue
        ratio = after / before
        np.testing.assert_allclose(ratio, ratio[0, 0], rtol=1e-12)
        assert ratio[0, 0] >= (0.4 - 1e-12 if role.kind == "weight" else 0)
