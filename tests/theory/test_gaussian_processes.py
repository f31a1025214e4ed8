"""The kernels of infinitely wide networks: printed numbers, drawn wide networks, gradients, and a regression."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from sklearn.datasets import load_digits

from firstdraw.activations import ACTIVATIONS, GELU, Activation, Identity, ReLU, Tanh
from firstdraw.arrays import Floats
from firstdraw.distributions import Normal
from firstdraw.draws import CounterDraws
from firstdraw.errors import InputError
from firstdraw.networks import MultilayerPerceptron
from firstdraw.theory.gaussian_processes import kernels, posterior_mean
from firstdraw.theory.maps import WideLayer

# Inputs of different norms, one of them 0.
X = np.array([[1.0, -0.5, 2.0, 0.0], [0.3, 1.2, -1.0, 0.0], [-0.7, 0.4, 0.1, 0.0]])
Y = np.array([[0.2, 1.0], [-1.5, 0.5], [0.5, 0.5]])


@pytest.mark.parametrize(
    ("depth", "printed"), [(2, 0.3183098862), (3, 0.4937310902), (4, 0.6048257201), (11, 0.8715355160)]
)
def test_the_correlations_of_rectifiers_are_the_printed_ones(depth: int, printed: float) -> None:
    layer = WideLayer(activation=ReLU(), weight_variance=2.0)
    nngp = kernels(layer, depth, math.sqrt(2) * np.eye(2)).nngp
    assert nngp[0, 1] / nngp[0, 0] == pytest.approx(printed, abs=1e-10)


def test_a_linear_network_has_kernels_in_closed_form() -> None:
    v, L = 0.8, 4
    told = kernels(WideLayer(activation=Identity(), weight_variance=v), L, X, Y)
    assert told.nngp == pytest.approx(v**L * X.T @ Y / 3, rel=1e-13)
    # Each layer's weights add as much.
    assert told.ntk == pytest.approx(L * told.nngp, rel=1e-13)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_kernels_are_symmetric_blocks_of_one_kernel(name: str) -> None:
    layer = WideLayer(activation=ACTIVATIONS[name](), weight_variance=1.5, bias_variance=0.1)
    whole, block = kernels(layer, 3, np.hstack([X, Y])), kernels(layer, 3, X, Y)
    for one, other in ((whole.nngp, block.nngp), (whole.ntk, block.ntk)):
        assert one == pytest.approx(one.T, rel=1e-12)
        assert one[:4, 4:] == pytest.approx(other, rel=1e-10, abs=1e-12)
        assert np.linalg.eigvalsh(one).min() > -1e-9
    # Of each input with itself it is the variance map; the series misses a little of kinks.
    q = layer.bias_variance + layer.weight_variance * np.mean(X**2, axis=0)
    for _ in range(2):
        q = layer.next_variance(q)
    assert kernels(layer, 3, X).nngp.diagonal() == pytest.approx(q, rel=1e-6)


def _outputs_and_gradients(
    layer: WideLayer, widths: tuple[int, ...], seed: int
) -> tuple[MultilayerPerceptron, Floats, Floats]:
    """Return a drawn network with its parameters and what scales each parameter's gradient, its standard deviation."""
    network = MultilayerPerceptron(widths, layer.activation)
    deviations = [
        math.sqrt(layer.weight_variance / fan_in) if kind == "weight" else math.sqrt(layer.bias_variance)
        for fan_in, _ in pairwise(widths)
        for kind in ("weight", "bias")
    ]
    theta = network.draw([Normal(scale=deviation) for deviation in deviations], CounterDraws(seed))
    sizes = [math.prod(role.shape) for role in network.roles]
    return network, theta, np.repeat(deviations, sizes)


@pytest.mark.parametrize("phi", [ReLU(), Tanh(), GELU()], ids=repr)
def test_wide_networks_have_outputs_of_the_predicted_covariance(phi: Activation) -> None:
    layer, k = WideLayer(activation=phi, weight_variance=1.8, bias_variance=0.2), 4000
    # Many outputs of one network are independent draws, given its hidden layers, whose width keeps them near the limit.
    network, theta, _ = _outputs_and_gradients(layer, (3, 1500, 1500, k), seed=1)
    Z = network.output(theta, X)
    told = kernels(layer, 3, X).nngp
    q = told.diagonal()
    # Five standard errors: of k products, and of the hidden layers' fluctuation, at most sqrt(2 * 5/1500) of q.
    errors = np.sqrt(np.outer(q, q)) * (math.sqrt(2 / k) + math.sqrt(10 / 1500))
    assert np.all(abs(Z.T @ Z / k - told) <= 5 * errors)


@pytest.mark.parametrize("phi", [ReLU(), Tanh(), GELU()], ids=repr)
def test_wide_networks_have_gradients_of_the_predicted_products(phi: Activation) -> None:
    layer, n = WideLayer(activation=phi, weight_variance=1.8, bias_variance=0.2), 2000
    network, theta, deviations = _outputs_and_gradients(layer, (3, n, n, 1), seed=2)
    layers, rows = network.layers(theta), []
    for x in X.T:
        g = np.empty_like(theta)
        taps = network.forward(layers, x[:, np.newaxis])
        network.backward(layers, taps, np.ones((1, 1)), network.layers(g))
        # By the chain rule, W = deviation w.
        rows.append(g * deviations)
    G = np.array(rows)
    told = kernels(layer, 3, X).ntk
    q = told.diagonal()
    # Fluctuations of two layers of 2000 units: five times sqrt(2 * 5/2000).
    assert np.all(abs(G @ G.T - told) <= 5 * math.sqrt(10 / n) * np.sqrt(np.outer(q, q)))


@pytest.mark.parity
@pytest.mark.parametrize("phi", [ReLU(), Tanh(), GELU()], ids=repr)
def test_gradients_of_torch_have_the_predicted_products(phi: Activation) -> None:
    import torch

    v, s, n = 1.8, 0.2, 2048
    functions = {ReLU(): torch.relu, Tanh(): torch.tanh, GELU(): torch.nn.functional.gelu}
    generator = torch.Generator().manual_seed(0)
    shapes = [(n, 3), (n,), (n, n), (n,), (1, n), (1,)]
    parameters = [torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True) for shape in shapes]
    rows = []
    for x in torch.tensor(X.T):
        h = x
        for i in range(3):
            if i:
                h = functions[phi](h)
            W, b = parameters[2 * i : 2 * i + 2]
            h = math.sqrt(v / W.shape[1]) * W @ h + math.sqrt(s) * b
        rows.append(torch.cat([g.ravel() for g in torch.autograd.grad(h.sum(), parameters)]))
    G = torch.stack(rows)
    told = kernels(WideLayer(activation=phi, weight_variance=v, bias_variance=s), 3, X).ntk
    q = told.diagonal()
    assert np.all(abs((G @ G.T).numpy() - told) <= 5 * math.sqrt(10 / n) * np.sqrt(np.outer(q, q)))


def test_the_posterior_mean_is_that_of_conditioning_a_gaussian() -> None:
    stream = np.random.default_rng(0)
    A, sigma = stream.normal(size=(5, 5)), 0.3
    K, targets = A @ A.T, stream.normal(size=(2, 3))
    # The precision matrix's blocks give the conditional mean without solving for it.
    precision = np.linalg.inv(K + np.diag([sigma, sigma, sigma, 0, 0]))
    mean = -np.linalg.inv(precision[3:, 3:]) @ precision[3:, :3] @ targets.T
    assert posterior_mean(K[:3, :3], K[:3, 3:], targets, noise=sigma) == pytest.approx(mean.T, rel=1e-9)


def test_infinitely_wide_networks_read_digits() -> None:
    """Lee et al. find 93 % on 1000 digits of MNIST; these are as many, and smaller and easier."""
    digits = load_digits()
    data = digits.data.T / 16
    data = (data - data.mean()) / data.std()
    targets = np.where(np.arange(10)[:, np.newaxis] == digits.target, 0.9, -0.1)
    seen, unseen = slice(0, 1000), slice(1000, None)
    layer = WideLayer(activation=ReLU(), weight_variance=1.45, bias_variance=0.28)
    within, across = kernels(layer, 4, data[:, seen]), kernels(layer, 4, data[:, seen], data[:, unseen])
    for name in ("nngp", "ntk"):
        predicted = posterior_mean(getattr(within, name), getattr(across, name), targets[:, seen], noise=1e-3)
        assert np.mean(predicted.argmax(axis=0) == digits.target[unseen]) > 0.96


def test_what_is_no_batch_of_inputs_is_refused() -> None:
    layer = WideLayer(activation=ReLU(), weight_variance=2.0)
    with pytest.raises(InputError, match="`depth` must be a positive integer, got 0"):
        kernels(layer, 0, X)
    with pytest.raises(InputError, match=r"`X` must be finite numbers `\[d, m\]`, an input a column"):
        kernels(layer, 2, np.ones(3))
    with pytest.raises(InputError, match=r"`others` must be finite numbers `\[d, m\]`, an input a column"):
        kernels(layer, 2, X, np.full((3, 1), math.nan))
    with pytest.raises(InputError) as caught:
        kernels(layer, 2, X, np.ones((2, 5)))
    assert str(caught.value) == "`others` must have as many features as `X`, 3, got 2"
    with pytest.raises(InputError, match="`noise` must be a finite number above 0, got 0"):
        posterior_mean(np.eye(1), np.eye(1), np.eye(1), noise=0.0)
