"""The Hessian times a vector: by finite differences of the gradient, by symmetry, and by PyTorch's double backward."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from firstdraw.activations import ACTIVATIONS, Activation, LeakyReLU, ReLU, Tanh
from firstdraw.arrays import Floats
from firstdraw.losses import LOSSES, Loss, SoftmaxCrossEntropy
from firstdraw.networks import Branch, MultilayerPerceptron
from firstdraw.probes import gradient, hessian_product

H = 1e-5
activations = pytest.mark.parametrize(
    "activation", [*(cls() for cls in ACTIVATIONS.values()), LeakyReLU(0.3)], ids=repr
)
losses = pytest.mark.parametrize("loss", [cls() for cls in LOSSES.values()], ids=repr)
LAYOUTS = [
    ((), (2, 4, 3)),
    ((Branch(2, 3),), (2, 3, 4, 3, 3)),
    ((Branch(1, 1, activated=True), Branch(2, 3), Branch(4, 4)), (2, 2, 3, 2, 2)),
]


def targets(loss: Loss, outputs: int, m: int, stream: np.random.Generator) -> Floats:
    classes = outputs if outputs > 1 else 2
    return loss.encode(stream.integers(0, classes, m), classes)


@activations
@losses
@pytest.mark.parametrize(("branches", "hidden"), LAYOUTS, ids=["plain", "residual", "all residual"])
@given(m=st.integers(1, 5), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=6)
def test_the_product_equals_central_finite_differences_of_the_gradient(
    *, activation: Activation, loss: Loss, branches: tuple[Branch, ...], hidden: tuple[int, ...], m: int, seed: int
) -> None:
    outputs = 1 if loss.outputs("classification", 3) is None else 3
    network = MultilayerPerceptron((*hidden, outputs), activation, branches)
    stream = np.random.default_rng(seed)
    theta, v = stream.normal(0, 0.7, (2, network.parameter_count))
    X, Y = stream.normal(size=(hidden[0], m)), targets(loss, outputs, m, stream)
    # Finite differences across a kink measure the jump of phi' that the product leaves out.
    taps = network.forward(network.layers(theta), X)
    assume(all(abs(Z - kink).min() > 1000 * H for Z in taps.Z[:-1] for kink in activation.kinks))
    product = hessian_product(network, theta, loss, X, Y, v)
    up, down = (gradient(network, theta + h * v, loss, X, Y) for h in (H, -H))
    measured = (up - down) / (2 * H)
    # Truncation: H^2 of third derivatives; where the product vanishes, rounding is left: 1e-16 of the gradient over H.
    assert np.linalg.norm(product - measured) <= 1e-6 * np.linalg.norm(measured) + 1e-9


@losses
@given(seed=st.integers(0, 2**32 - 1))
def test_the_hessian_is_symmetric(loss: Loss, seed: int) -> None:
    outputs = 1 if loss.outputs("classification", 3) is None else 3
    network = MultilayerPerceptron((2, 3, 4, 3, outputs), Tanh(), (Branch(2, 3, activated=True),))
    stream = np.random.default_rng(seed)
    theta, u, v = stream.normal(size=(3, network.parameter_count))
    X, Y = stream.normal(size=(2, 4)), targets(loss, outputs, 4, stream)
    one, other = (hessian_product(network, theta, loss, X, Y, w) for w in (u, v))
    np.testing.assert_allclose(v @ one, u @ other, rtol=1e-9, atol=1e-11)


@pytest.mark.parity
def test_the_product_is_pytorch_s() -> None:
    torch: Any = pytest.importorskip("torch")
    network, loss = MultilayerPerceptron((2, 4, 5, 4, 3), ReLU(), (Branch(2, 3),)), SoftmaxCrossEntropy()
    stream = np.random.default_rng(4)
    theta, v = stream.normal(size=(2, network.parameter_count))
    X, labels = stream.normal(size=(2, 6)), stream.integers(0, 3, 6)
    Y = loss.encode(labels, 3)

    def cost(vector: Any) -> Any:
        sizes = [int(np.prod(role.shape)) for role in network.roles]
        parts = [part.reshape(role.shape) for part, role in zip(vector.split(sizes), network.roles, strict=True)]
        W1, b1, W2, b2, W3, b3, alpha, W4, b4 = parts
        A1 = torch.relu(W1 @ torch.tensor(X) + b1)
        A3 = A1 + alpha * (W3 @ torch.relu(W2 @ A1 + b2) + b3)
        return torch.nn.functional.cross_entropy((W4 @ A3 + b4).T, torch.tensor(labels))

    point = torch.tensor(theta, requires_grad=True)
    (g,) = torch.autograd.grad(cost(point), point, create_graph=True)
    (expected,) = torch.autograd.grad(g @ torch.tensor(v), point)
    np.testing.assert_allclose(gradient(network, theta, loss, X, Y), g.detach().numpy(), rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(hessian_product(network, theta, loss, X, Y, v), expected.numpy(), rtol=1e-10, atol=1e-13)
