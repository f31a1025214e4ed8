"""The three trainings of the exercise as a student would write them: NumPy, a loop, and nothing else.

What `bench/command.py` holds the whole command against: the same network, data, steps and learning rate, the first cost
and each thousandth printed, no measurement, no test examples, no picture.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from sklearn.datasets import make_circles

WIDTHS = (2, 10, 5, 1)
STEPS, RATE = 15_000, 0.01


def start(scale: float | None) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return weights of this scale, or of He's if there is none, and biases of 0."""
    np.random.seed(3)  # noqa: NPY002  # the stream that the exercise draws from
    layers = []
    for inputs, outputs in pairwise(WIDTHS):
        factor = np.sqrt(2 / inputs) if scale is None else scale
        layers.append((np.random.randn(outputs, inputs) * factor, np.zeros((outputs, 1))))  # noqa: NPY002
    return layers


def train(layers: list[tuple[np.ndarray, np.ndarray]], X: np.ndarray, Y: np.ndarray) -> list[float]:
    """Descend the gradient of the cross-entropy, and return the costs."""
    (W1, b1), (W2, b2), (W3, b3) = layers
    m = X.shape[1]
    costs = []
    for step in range(STEPS):
        A1 = np.maximum(0, W1 @ X + b1)
        A2 = np.maximum(0, W2 @ A1 + b2)
        P = 1 / (1 + np.exp(-(W3 @ A2 + b3)))
        with np.errstate(divide="ignore", invalid="ignore"):
            cost = np.nansum(-np.log(P) * Y - np.log(1 - P) * (1 - Y)) / m
        dZ3 = (P - Y) / m
        dZ2 = (W3.T @ dZ3) * (A2 > 0)
        dZ1 = (W2.T @ dZ2) * (A1 > 0)
        W3 -= RATE * (dZ3 @ A2.T)
        b3 -= RATE * dZ3.sum(axis=1, keepdims=True)
        W2 -= RATE * (dZ2 @ A1.T)
        b2 -= RATE * dZ2.sum(axis=1, keepdims=True)
        W1 -= RATE * (dZ1 @ X.T)
        b1 -= RATE * dZ1.sum(axis=1, keepdims=True)
        if step % 1000 == 0:
            costs.append(float(cost))
    return costs


def main() -> None:
    """Train from zeros, from large values and from He's, and print where each ends."""
    np.random.seed(1)  # noqa: NPY002
    inputs, labels = make_circles(n_samples=300, noise=0.05)
    for scale in (0.0, 10.0, None):
        print(train(start(scale), inputs.T, labels[np.newaxis])[-1])


if __name__ == "__main__":
    main()
