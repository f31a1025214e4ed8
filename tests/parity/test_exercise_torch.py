"""firstdraw against PyTorch in float64: the exercise, activations, losses, optimizers and the default law.

In the lane of the parity tests PyTorch must be there: its absence is a failure, not a skip.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from firstdraw.activations import (
    ACTIVATIONS,
    ELU,
    GELU,
    SELU,
    Activation,
    Erf,
    Hardswish,
    Hardtanh,
    Identity,
    LeakyReLU,
    Mish,
    ReLU,
    Sigmoid,
    SiLU,
    Sin,
    Softplus,
    Softsign,
    Tanh,
)
from firstdraw.arrays import Floats
from firstdraw.engine import OPTIMIZERS, Optimizer, Problem, Recording
from firstdraw.engine.optimizers import SGD, Adam, AdamW, Momentum, Nesterov, RMSprop
from firstdraw.engine.reference import train
from firstdraw.experiments import ExperimentRecord, RunRecord
from firstdraw.initializers import INITIALIZERS
from firstdraw.losses import LOSSES, BinaryCrossEntropy, Loss, SoftmaxCrossEntropy, SquaredError
from firstdraw.networks import Branch, MultilayerPerceptron
from firstdraw.roles import dense_roles

pytestmark = pytest.mark.parity

Tensor = Any


@pytest.fixture(scope="module", autouse=True)
def torch() -> Any:
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield torch
    torch.set_num_threads(threads)


# The exercise.


def test_the_exercise_ends_with_the_same_parameters(torch: Any, exercise: ExperimentRecord, he_run: RunRecord) -> None:
    network, train = exercise.problem.network, exercise.problem.train
    parameters = [torch.tensor(part) for part in network.parameters(he_run.trajectory.initial[0])]
    for parameter in parameters:
        parameter.requires_grad_(True)
    W1, b1, W2, b2, W3, b3 = parameters
    X, Y = torch.tensor(train.X), torch.tensor(train.Y)
    descent = torch.optim.SGD(parameters, lr=0.01)
    recorded = set(he_run.trajectory.steps.tolist())
    costs = []
    for step in range(15_001):
        Z = W3 @ torch.relu(W2 @ torch.relu(W1 @ X + b1) + b2) + b3
        cost = torch.nn.functional.binary_cross_entropy_with_logits(Z, Y)
        if step in recorded:
            costs.append(cost.item())
        if step == 15_000:
            break
        descent.zero_grad()
        cost.backward()
        descent.step()
    theirs = np.concatenate([parameter.detach().numpy().ravel() for parameter in parameters])
    np.testing.assert_allclose(he_run.trajectory.final[0], theirs, rtol=0, atol=1e-9)
    np.testing.assert_allclose(he_run.trajectory.cost[0], costs, rtol=1e-9)


# Activations.

PAIRS: list[tuple[Activation, Callable[[Any], Callable[[Tensor], Tensor]]]] = [
    (Identity(), lambda torch: torch.nn.Identity()),
    (ReLU(), lambda torch: torch.relu),
    (LeakyReLU(), lambda torch: torch.nn.LeakyReLU()),
    (LeakyReLU(0.2), lambda torch: torch.nn.LeakyReLU(0.2)),
    (Tanh(), lambda torch: torch.tanh),
    (Sigmoid(), lambda torch: torch.sigmoid),
    # Above its threshold of 20 PyTorch's softplus is the identity: too coarse for float64.
    (Softplus(), lambda torch: torch.nn.Softplus(threshold=100)),
    (ELU(), lambda torch: torch.nn.ELU()),
    (ELU(0.5), lambda torch: torch.nn.ELU(0.5)),
    (SELU(), lambda torch: torch.nn.SELU()),
    (GELU(), lambda torch: torch.nn.GELU()),
    (SiLU(), lambda torch: torch.nn.SiLU()),
    (Sin(), lambda torch: torch.sin),
    (Erf(), lambda torch: torch.erf),
    (Hardtanh(), lambda torch: torch.nn.Hardtanh()),
    (Softsign(), lambda torch: torch.nn.Softsign()),
    (Hardswish(), lambda torch: torch.nn.Hardswish()),
    (Mish(), lambda torch: torch.nn.Mish()),
]


def test_every_activation_has_its_counterpart() -> None:
    assert {type(ours) for ours, _ in PAIRS} == set(ACTIVATIONS.values())


@pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=lambda item: repr(item) if hasattr(item, "formula") else "")
def test_an_activation_and_its_derivative_equal_pytorch_s(
    torch: Any, ours: Activation, theirs: Callable[[Any], Callable[[Tensor], Tensor]]
) -> None:
    # With 0 among the points: at its kink PyTorch takes the derivative from the left too; at the others from outside.
    z = np.append(np.linspace(-30, 30, 2001), [0.0, -700.0, 700.0])
    z = z[~np.isin(z, [kink for kink in ours.kinks if kink])]
    x = torch.tensor(z, requires_grad=True)
    y = theirs(torch)(x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    np.testing.assert_allclose(ours.value(z), y.detach().numpy(), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(ours.derivative(z), slope.numpy(), rtol=1e-12, atol=1e-13)


# Losses.


def test_every_loss_is_compared() -> None:
    assert set(LOSSES.values()) == {BinaryCrossEntropy, SoftmaxCrossEntropy, SquaredError}


@pytest.mark.parametrize("scale", [1.0, 30.0, 1e3])
@pytest.mark.parametrize("loss", [BinaryCrossEntropy(), SoftmaxCrossEntropy(), SquaredError()], ids=repr)
def test_a_loss_and_its_gradient_equal_pytorch_s(torch: Any, loss: Loss, scale: float) -> None:
    functional = torch.nn.functional
    stream = np.random.default_rng(3)
    classes = 2 if isinstance(loss, BinaryCrossEntropy) else 4
    labels = stream.integers(0, classes, 31)
    Y = loss.encode(labels, classes)
    Z = stream.normal(0, scale, Y.shape)
    x = torch.tensor(Z, requires_grad=True)
    if isinstance(loss, BinaryCrossEntropy):
        cost = functional.binary_cross_entropy_with_logits(x, torch.tensor(Y))
    elif isinstance(loss, SoftmaxCrossEntropy):
        cost = functional.cross_entropy(x.T, torch.tensor(labels))
    else:
        cost = functional.mse_loss(x, torch.tensor(Y))
    (gradient,) = torch.autograd.grad(cost, x)
    assert loss.value(Z, Y) == pytest.approx(cost.item(), rel=1e-13)
    np.testing.assert_allclose(loss.gradient(Z, Y), gradient.numpy(), rtol=1e-12, atol=1e-16)


# The whole network's gradient, by automatic differentiation.


@pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=lambda item: repr(item) if hasattr(item, "formula") else "")
def test_the_backward_pass_equals_automatic_differentiation(
    torch: Any, ours: Activation, theirs: Callable[[Any], Callable[[Tensor], Tensor]]
) -> None:
    network, loss, phi = MultilayerPerceptron((3, 7, 6, 5, 4), ours), SoftmaxCrossEntropy(), theirs(torch)
    stream = np.random.default_rng(4)
    theta, X = stream.normal(0, 0.6, network.parameter_count), stream.normal(size=(3, 13))
    labels = stream.integers(0, 4, 13)
    x = torch.tensor(theta, requires_grad=True)
    A, start = torch.tensor(X), 0
    for layer, (fan_in, fan_out) in enumerate([(3, 7), (7, 6), (6, 5), (5, 4)], start=1):
        W = x[start : start + fan_in * fan_out].reshape(fan_out, fan_in)
        b = x[start + fan_in * fan_out : start + (fan_in + 1) * fan_out].reshape(fan_out, 1)
        Z = W @ A + b
        A = Z if layer == 4 else phi(Z)
        start += (fan_in + 1) * fan_out
    (expected,) = torch.autograd.grad(torch.nn.functional.cross_entropy(A.T, torch.tensor(labels)), x)
    g, layers = np.empty_like(theta), network.layers(theta)
    taps = network.forward(layers, X)
    network.backward(layers, taps, loss.gradient(taps.Z[-1], loss.encode(labels, 4)), network.layers(g))
    np.testing.assert_allclose(taps.Z[-1], A.detach().numpy(), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(g, expected.numpy(), rtol=1e-11, atol=1e-13)


# Optimizers, 50 steps on a function that is neither quadratic nor separable.

OPTIMIZER_PAIRS: list[tuple[Optimizer, Callable[[Any, list[Tensor]], Any]]] = [
    (SGD(0.01), lambda o, p: o.SGD(p, lr=0.01)),
    (Momentum(0.01, 0.9), lambda o, p: o.SGD(p, lr=0.01, momentum=0.9)),
    (Momentum(0.02, 0.5), lambda o, p: o.SGD(p, lr=0.02, momentum=0.5)),
    (Nesterov(0.01, 0.9), lambda o, p: o.SGD(p, lr=0.01, momentum=0.9, nesterov=True)),
    (Adam(), lambda o, p: o.Adam(p)),
    (Adam(0.05, 0.8, 0.99, 1e-4), lambda o, p: o.Adam(p, lr=0.05, betas=(0.8, 0.99), eps=1e-4)),
    # The defaults are PyTorch's: learning rate 0.001, weight decay 0.01, RMSprop's smoothing 0.99.
    (AdamW(), lambda o, p: o.AdamW(p)),
    (
        AdamW(0.05, 0.8, 0.99, 1e-4, 0.3),
        lambda o, p: o.AdamW(p, lr=0.05, betas=(0.8, 0.99), eps=1e-4, weight_decay=0.3),
    ),
    (RMSprop(), lambda o, p: o.RMSprop(p, lr=0.001)),
    (RMSprop(0.02, 0.7, 1e-4), lambda o, p: o.RMSprop(p, lr=0.02, alpha=0.7, eps=1e-4)),
]


def test_every_optimizer_is_compared() -> None:
    assert {type(ours) for ours, _ in OPTIMIZER_PAIRS} == set(OPTIMIZERS.values())


def rosenbrock(x: Tensor | Floats) -> Any:
    return ((1 - x[:-1]) ** 2).sum() + 5 * ((x[1:] - x[:-1] ** 2) ** 2).sum()


def rosenbrock_gradient(x: Floats) -> Floats:
    g = np.zeros_like(x)
    g[:-1] += -2 * (1 - x[:-1]) - 20 * x[:-1] * (x[1:] - x[:-1] ** 2)
    g[1:] += 10 * (x[1:] - x[:-1] ** 2)
    return g


@pytest.mark.parametrize(
    ("ours", "theirs"), OPTIMIZER_PAIRS, ids=lambda item: repr(item) if hasattr(item, "formula") else ""
)
def test_fifty_steps_of_an_optimizer_equal_pytorch_s(
    torch: Any, ours: Optimizer, theirs: Callable[[Any, list[Tensor]], Any]
) -> None:
    theta = np.random.default_rng(9).normal(0, 0.5, 8)
    x = torch.tensor(theta.copy(), requires_grad=True)
    optimizer, state = theirs(torch.optim, [x]), ours.start(theta)
    begin = rosenbrock(theta)
    for t in range(1, 51):
        ours.update(theta, rosenbrock_gradient(theta), state, t)
        optimizer.zero_grad()
        rosenbrock(x).backward()
        optimizer.step()
        np.testing.assert_allclose(theta, x.detach().numpy(), rtol=1e-12, atol=1e-12)
    assert rosenbrock(theta) < begin


@pytest.mark.parametrize(
    ("ours", "theirs"), OPTIMIZER_PAIRS, ids=lambda item: repr(item) if hasattr(item, "formula") else ""
)
def test_fifty_steps_of_a_residual_network_equal_pytorch_s(
    torch: Any, make_problem: Callable[..., Problem], ours: Optimizer, theirs: Callable[[Any, list[Tensor]], Any]
) -> None:
    branches = (Branch(2, 3), Branch(4, 4, activated=True), Branch(6, 7))
    network = MultilayerPerceptron((2, 6, 5, 6, 6, 4, 3, 4, 1), Tanh(), branches)
    problem = make_problem(network=network, optimizer=ours, steps=50, recording=Recording(1))
    # From larger starts the fastest of these optimizers carry a change of the last bit to the sixth digit of the cost.
    start = np.random.default_rng(2).normal(0, 0.2, (1, network.parameter_count))
    trajectory = train(problem, start, (0,))

    parameters = {
        role.name: torch.tensor(view.copy(), requires_grad=True)
        for role, view in zip(network.roles, network.parameters(start[0]), strict=True)
    }
    X, Y = torch.tensor(problem.train.X), torch.tensor(problem.train.Y)

    def linear(layer: int, A: Tensor) -> Tensor:
        return parameters[f"layers.{layer}.weight"] @ A + parameters[f"layers.{layer}.bias"]

    def output() -> Tensor:
        one, two, three = (parameters[f"branches.{branch}.multiplier"] for branch in (1, 2, 3))
        A = torch.tanh(linear(1, X))
        A = A + one * linear(3, torch.tanh(linear(2, A)))
        A = A + two * torch.tanh(linear(4, A))
        A = torch.tanh(linear(5, A))
        return linear(8, A + three * linear(7, torch.tanh(linear(6, A))))

    optimizer = theirs(torch.optim, list(parameters.values()))
    for step in range(51):
        cost = torch.nn.functional.binary_cross_entropy_with_logits(output(), Y)
        np.testing.assert_allclose(trajectory.cost[0, step], cost.item(), rtol=1e-11)
        if step < 50:
            optimizer.zero_grad()
            cost.backward()
            optimizer.step()
    for view, parameter in zip(network.parameters(trajectory.final[0]), parameters.values(), strict=True):
        np.testing.assert_allclose(view, parameter.detach().numpy(), rtol=1e-9, atol=1e-10)


# The laws that PyTorch draws from.


@pytest.mark.parametrize(("fan_in", "fan_out"), [(1, 1000), (7, 400), (400, 300)])
def test_the_default_law_is_that_of_pytorch_s_linear_layer(torch: Any, fan_in: int, fan_out: int) -> None:
    torch.manual_seed(0)
    layer = torch.nn.Linear(fan_in, fan_out, dtype=torch.float64)
    roles = dense_roles(fan_in, fan_out, layer=1, depth=1, activation=None)
    for role, drawn in zip(roles, (layer.weight, layer.bias), strict=True):
        values = drawn.detach().numpy().ravel()
        law = INITIALIZERS["torch_default"]().law(role)
        low, high = law.support
        assert low <= values.min() < values.max() <= high
        # The largest of n uniform numbers misses the bound by 1/n of it, beyond 14/n once in a million.
        assert abs(values).max() > high * (1 - 14 / len(values))
        error = law.variance * math.sqrt(0.8 / len(values))  # a uniform law has the kurtosis 1.8
        assert abs(np.mean(values**2) - law.variance) < 5 * error


@pytest.mark.parametrize(
    ("name", "options", "function", "settings"),
    [
        ("he_normal", {}, "kaiming_normal_", {}),
        ("he_normal", {"slope": 0.2}, "kaiming_normal_", {"a": 0.2}),
        ("he_normal", {"mode": "fan_out"}, "kaiming_normal_", {"mode": "fan_out"}),
        ("he_uniform", {}, "kaiming_uniform_", {}),
        ("glorot_normal", {}, "xavier_normal_", {}),
        ("glorot_uniform", {"gain": 2.0}, "xavier_uniform_", {"gain": 2.0}),
    ],
)
def test_a_scheme_has_the_spread_of_pytorch_s_function_of_its_name(
    torch: Any, name: str, options: dict[str, Any], function: str, settings: dict[str, Any]
) -> None:
    torch.manual_seed(1)
    weight = torch.empty(300, 500, dtype=torch.float64)
    getattr(torch.nn.init, function)(weight, **settings)
    values = weight.numpy()
    role = dense_roles(500, 300, layer=1, depth=1, activation=None)[0]
    law = INITIALIZERS[name](**options).law(role)
    assert INITIALIZERS.canonical(function.rstrip("_")) == name
    assert abs(np.mean(values**2) - law.variance) < 5 * law.variance * math.sqrt(2 / values.size)
    if name.endswith("uniform"):
        # As above: 14/n of the bound; and PyTorch computes its bound by another order of operations.
        assert 1 - 14 / values.size < abs(values).max() / law.support[1] < 1 + 1e-12
    else:
        # The kurtosis of a Gaussian, 3, whose fourth power has the variance 96; a uniform law has 1.8.
        assert abs(np.mean(values**4) / law.variance**2 - 3) < 5 * math.sqrt(96 / values.size)
