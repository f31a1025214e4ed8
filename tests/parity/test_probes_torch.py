"""What the probes measure, against PyTorch: activations by its layers, gradients and Jacobians by its autograd."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from firstdraw.activations import ACTIVATIONS, Activation
from firstdraw.arrays import Floats
from firstdraw.draws import CounterDraws
from firstdraw.losses import SquaredError
from firstdraw.networks import Branch, MultilayerPerceptron
from firstdraw.probes import (
    NetworkState,
    jacobian,
    jacobian_mean_square,
    jacobian_singular_values,
    largest_jacobian_singular_value,
    probe,
    sharpness,
)

pytestmark = pytest.mark.parity
LAYOUTS = {
    "plain": ((4, 8, 7, 6, 3), ()),
    "residual": ((4, 5, 6, 5, 5, 3), (Branch(2, 3), Branch(4, 4, activated=True))),
    "from the inputs": ((4, 6, 4, 5, 3), (Branch(1, 2),)),
}
layouts = pytest.mark.parametrize("layout", LAYOUTS)
names = pytest.mark.parametrize("name", list(ACTIVATIONS))
EXACTLY = 1e-10


def in_torch(name: str, activation: Activation) -> Any:
    import torch

    other: dict[str, Any] = {
        "identity": lambda z: z,
        "leaky_relu": lambda z: torch.nn.functional.leaky_relu(z, activation.slope),  # type: ignore[attr-defined]
        "sin": torch.sin,
        "erf": torch.erf,
        "tanh": torch.tanh,
        "sigmoid": torch.sigmoid,
    }
    return other[name] if name in other else getattr(torch.nn.functional, name)


class Case:
    """A network with its data, in both."""

    def __init__(self, name: str, layout: str) -> None:
        import torch

        widths, branches = LAYOUTS[layout]
        self.network = MultilayerPerceptron(widths, ACTIVATIONS[name](), branches)
        self.phi = in_torch(name, self.network.activation)
        draws = CounterDraws(4)
        self.theta = draws.normal("theta", (self.network.parameter_count,), scale=0.6)
        self.X, self.Y = (draws.normal(letter, (widths[i], 11)) for letter, i in (("X", 0), ("Y", -1)))
        self.point = torch.tensor(self.theta, requires_grad=True)
        self.inputs = torch.tensor(self.X, requires_grad=True)

    def state(self) -> NetworkState:
        return probe(self.network, self.theta, SquaredError(), self.X, self.Y, None, pair=(2, 9))

    def forward(self, point: Any, inputs: Any) -> tuple[list[Any], list[Any], list[Any]]:
        """Return every Z and A, and the parameters, as PyTorch's own operations make them."""
        sizes = [math.prod(role.shape) for role in self.network.roles]
        parts = [p.reshape(r.shape) for p, r in zip(point.split(sizes), self.network.roles, strict=True)]
        rest, Zs, As = iter(parts), [], [inputs]
        for number, activation in enumerate(self.network.activations, start=1):
            Z = next(rest) @ As[-1] + next(rest)
            A = Z if activation is None else self.phi(Z)
            if number in self.network.skips:
                A = As[self.network.skips[number]] + next(rest) * A
            Zs.append(Z)
            As.append(A)
        return Zs, As, parts


def second_moment(tensor: Any) -> float:
    return (tensor.detach() ** 2).mean().item()


@layouts
@names
def test_signals_and_gradients_are_those_of_pytorch(name: str, layout: str) -> None:
    import torch

    case = Case(name, layout)
    Zs, As, parts = case.forward(case.point, case.inputs)
    cost = torch.nn.functional.mse_loss(Zs[-1], torch.tensor(case.Y))
    gZ = torch.autograd.grad(cost, Zs, retain_graph=True)
    gA = torch.autograd.grad(cost, As, retain_graph=True, allow_unused=True)
    g = torch.autograd.grad(cost, parts)
    state = case.state()
    assert state.cost == pytest.approx(cost.item(), rel=EXACTLY)
    weights = [i for i, role in enumerate(case.network.roles) if role.kind == "weight"]
    for layer, Z, A, dZ, i in zip(state.layers, Zs, As[1:], gZ, weights, strict=True):
        for found, tensor in ((layer.signal, Z), (layer.activation, A)):
            assert found.second_moment == pytest.approx(second_moment(tensor), rel=EXACTLY)
            assert found.mean == pytest.approx(tensor.mean().item(), rel=EXACTLY, abs=1e-13)
            assert found.variance == pytest.approx(tensor.var(correction=0).item(), rel=EXACTLY)
            assert found.example_variance == pytest.approx(tensor.var(dim=1, correction=0).mean().item(), rel=EXACTLY)
        cosine = torch.nn.functional.cosine_similarity(Z[:, 2], Z[:, 9], dim=0).item()
        assert layer.pair_correlation == pytest.approx(cosine, rel=EXACTLY, abs=1e-12)
        units = torch.nn.functional.normalize(Z, dim=0)
        pairs = (units.T @ units)[tuple(torch.triu_indices(11, 11, 1))]
        assert layer.correlation == pytest.approx(pairs.mean().item(), rel=EXACTLY, abs=1e-12)
        C = torch.cov(A, correction=0)
        ratio = (torch.trace(C) ** 2 / torch.trace(C @ C)).item()
        assert layer.participation_ratio == pytest.approx(ratio, rel=EXACTLY)
        assert layer.gradient_rms == pytest.approx(11 * math.sqrt(second_moment(dZ)), rel=EXACTLY)
        assert layer.weight_gradient_rms == pytest.approx(math.sqrt(second_moment(g[i])), rel=EXACTLY)
        assert layer.bias_gradient_rms == pytest.approx(math.sqrt(second_moment(g[i + 1])), rel=EXACTLY)
        if layer.backward_chi is not None:
            ratio = float((dZ**2).sum() / (gZ[layer.layer] ** 2).sum())
            assert layer.backward_chi == pytest.approx(ratio, rel=EXACTLY)
    for branch in state.branches:
        above, below = gA[branch.first - 1], gA[branch.last]
        assert branch.backward_chi == pytest.approx(float((above**2).sum() / (below**2).sum()), rel=EXACTLY)


@layouts
@names
def test_chi_is_that_of_pytorch_s_jacobian_from_layer_to_layer(name: str, layout: str) -> None:
    import torch

    case = Case(name, layout)
    Zs, _, parts = case.forward(case.point, case.inputs)
    weights = [part for part, role in zip(parts, case.network.roles, strict=True) if role.kind == "weight"]
    for layer in case.state().layers:
        if layer.chi is None:
            continue
        W = weights[layer.layer].detach()
        Js = [
            torch.autograd.functional.jacobian(lambda z, W=W: W @ case.phi(z), z.detach())
            for z in Zs[layer.layer - 1].T
        ]
        expected = np.mean([float((torch.linalg.svdvals(J) ** 2).sum()) / len(W) for J in Js])
        assert layer.chi == pytest.approx(expected, rel=EXACTLY)


@layouts
@names
def test_the_singular_values_of_the_whole_network_are_those_of_pytorch_s_jacobian(name: str, layout: str) -> None:
    import torch

    case = Case(name, layout)

    def outputs(x: Any) -> Any:
        return case.forward(case.point.detach(), x[:, None])[0][-1][:, 0]

    squares = []
    for x in case.X.T:
        J = torch.autograd.functional.jacobian(outputs, torch.tensor(x))
        expected: Floats = torch.linalg.svdvals(J).numpy()
        scale = expected[0]
        np.testing.assert_allclose(jacobian(case.network, case.theta, x), J.numpy(), rtol=EXACTLY, atol=1e-13 * scale)
        found = jacobian_singular_values(case.network, case.theta, x)
        np.testing.assert_allclose(found, expected, rtol=EXACTLY, atol=1e-13 * scale)
        largest = largest_jacobian_singular_value(case.network, case.theta, x, CounterDraws(0), tolerance=1e-12)
        assert largest.value == pytest.approx(expected[0], rel=EXACTLY)
        squares.append(float((J**2).sum()) / len(J))
    assert jacobian_mean_square(case.network, case.theta, case.X) == pytest.approx(np.mean(squares), rel=EXACTLY)


@layouts
def test_the_sharpness_is_the_largest_eigenvalue_of_pytorch_s_hessian(layout: str) -> None:
    import torch

    case = Case("tanh", layout)

    def cost(point: Any) -> Any:
        return torch.nn.functional.mse_loss(case.forward(point, case.inputs.detach())[0][-1], torch.tensor(case.Y))

    H = torch.autograd.functional.hessian(cost, case.point.detach())
    found = sharpness(case.network, case.theta, SquaredError(), case.X, case.Y, CounterDraws(0), tolerance=1e-10)
    assert found.largest_eigenvalue == pytest.approx(torch.linalg.eigvalsh(H)[-1].item(), rel=EXACTLY)
