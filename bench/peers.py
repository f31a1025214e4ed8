"""The same training in other libraries, each as its users would write it fast, compiled where it can be.

A network is a list of (W, b) with W `[out, in]`; inputs are `[m, d]`, one row an example; ReLU between the layers.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import numpy as np

Layers = list[tuple[np.ndarray, np.ndarray]]
Run = Callable[[int], float]
"""Trains for so many steps and returns the last cost, so that nothing can be left out."""


def torch_eager(layers: Layers, X: np.ndarray, Y: np.ndarray, loss: str, rate: float) -> Run:
    """Eager PyTorch: autograd, an SGD step written in place."""
    import torch

    torch.set_num_threads(1)
    parameters = [torch.tensor(part, requires_grad=True) for layer in layers for part in (layer[0], layer[1].ravel())]
    x, y = torch.tensor(X), torch.tensor(Y)
    measure: Any = (
        torch.nn.functional.binary_cross_entropy_with_logits if loss == "bce" else torch.nn.functional.mse_loss
    )

    def run(steps: int) -> float:
        cost = torch.zeros(())
        for _ in range(steps):
            a = x
            for number in range(0, len(parameters), 2):
                a = torch.nn.functional.linear(a, parameters[number], parameters[number + 1])
                a = torch.relu(a) if number + 2 < len(parameters) else a
            cost = measure(a, y)
            gradients = torch.autograd.grad(cost, parameters)
            with torch.no_grad():
                for parameter, gradient in zip(parameters, gradients, strict=True):
                    parameter.sub_(gradient, alpha=rate)
        return float(cost.detach())

    return run


def torch_modules(layers: Layers, X: np.ndarray, Y: np.ndarray, rate: float) -> Run:
    """PyTorch as its tutorials write it: `nn.Sequential`, `backward`, `optim.SGD`; sigmoid cross-entropy."""
    import torch

    torch.set_num_threads(1)
    modules: list[Any] = []
    for W, b in layers:
        linear = torch.nn.Linear(W.shape[1], W.shape[0], dtype=torch.tensor(W).dtype)
        linear.load_state_dict({"weight": torch.tensor(W), "bias": torch.tensor(b.ravel())})
        modules += [linear, torch.nn.ReLU()]
    network = torch.nn.Sequential(*modules[:-1])
    optimizer = torch.optim.SGD(network.parameters(), lr=rate)
    measure = torch.nn.BCEWithLogitsLoss()
    x, y = torch.tensor(X), torch.tensor(Y)

    def run(steps: int) -> float:
        cost = torch.zeros(())
        for _ in range(steps):
            optimizer.zero_grad()
            cost = measure(network(x), y)
            cost.backward()
            optimizer.step()
        return float(cost.detach())

    return run


def jax_scan(layers: Layers, X: np.ndarray, Y: np.ndarray, loss: str, rate: float, *, stacked: bool = False) -> Run:
    """JAX: the whole training one compiled scan; `stacked` maps it over networks stacked along the first axis."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", X.dtype == np.float64)
    x, y = jnp.asarray(X), jnp.asarray(Y)
    start = [(jnp.asarray(W), jnp.asarray(b)) for W, b in layers]

    def cost(parameters: Any) -> Any:
        a = x
        for number, (W, b) in enumerate(parameters):
            a = a @ W.T + b.ravel()
            a = jnp.maximum(a, 0) if number + 1 < len(parameters) else a
        if loss == "bce":
            return jnp.mean(jnp.maximum(a, 0) - a * y + jnp.log1p(jnp.exp(-jnp.abs(a))))
        return jnp.mean((a - y) ** 2)

    def train(parameters: Any, steps: int) -> Any:
        def step(now: Any, _: Any) -> Any:
            value, gradient = jax.value_and_grad(cost)(now)
            return jax.tree.map(lambda p, g: p - rate * g, now, gradient), value

        return jax.lax.scan(step, parameters, None, length=steps)[1][-1]

    compiled: dict[int, Any] = {}

    def run(steps: int) -> float:
        if steps not in compiled:
            one = lambda parameters: train(parameters, steps)
            compiled[steps] = jax.jit(jax.vmap(one) if stacked else one).lower(start).compile()
        return float(np.sum(np.asarray(compiled[steps](start))))

    return run


def torch_stacked(layers: Layers, X: np.ndarray, Y: np.ndarray, rate: float) -> Run:
    """PyTorch over networks stacked along the first axis: batched matrix products, autograd through all at once."""
    import torch

    torch.set_num_threads(1)
    parameters = [torch.tensor(part, requires_grad=True) for W, b in layers for part in (W, b.reshape(len(b), 1, -1))]
    n = len(layers[0][0])
    x, y = torch.tensor(X).expand(n, *X.shape), torch.tensor(Y).expand(n, *Y.shape)

    def run(steps: int) -> float:
        cost = torch.zeros(())
        for _ in range(steps):
            a = x
            for number in range(0, len(parameters), 2):
                a = torch.baddbmm(parameters[number + 1], a, parameters[number].transpose(1, 2))
                a = torch.relu(a) if number + 2 < len(parameters) else a
            cost = torch.nn.functional.binary_cross_entropy_with_logits(a, y, reduction="none").mean(dim=(1, 2)).sum()
            gradients = torch.autograd.grad(cost, parameters)
            with torch.no_grad():
                for parameter, gradient in zip(parameters, gradients, strict=True):
                    parameter.sub_(gradient, alpha=rate)
        return float(cost.detach())

    return run


def scikit_learn(layers: Layers, X: np.ndarray, Y: np.ndarray, rate: float) -> Run:
    """scikit-learn's MLPClassifier, full batch, plain gradient descent."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    hidden = tuple(len(W) for W, _ in layers[:-1])

    def run(steps: int) -> float:
        model = MLPClassifier(
            hidden, solver="sgd", momentum=0, nesterovs_momentum=False, alpha=0, batch_size=len(X), shuffle=False,
            learning_rate_init=rate, max_iter=steps, tol=0, n_iter_no_change=steps,
        )  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(X, Y.ravel().astype(int))
        return float(model.loss_)

    return run
