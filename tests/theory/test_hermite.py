"""The series over Hermite's polynomials is the integral over two Gaussians."""

from __future__ import annotations

import math

import numpy as np
import pytest

from firstdraw.activations import ACTIVATIONS, ELU, GELU, SELU, Activation, ReLU, Sin, Tanh
from firstdraw.theory import hermite
from firstdraw.theory.expectations import pair_expectations
from firstdraw.theory.hermite import pair_matrices

# What the docstring states, of values and of slopes.
STATED = {"tanh": (1e-7, 1e-7), "elu": (1e-5, 1e-3), "selu": (1e-5, 1e-3)}
Q1, Q2 = np.array([0.05, 10.0]), np.array([1.0, 10.0, 0.05])


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("c", [-1.0, -0.3, 0.9, 1.0])
def test_pairs_are_within_the_stated_error(name: str, c: float) -> None:
    phi = ACTIVATIONS[name]()
    correlations = np.full((2, 3), c)
    told = pair_matrices(phi, Q1, Q2, correlations)
    for order, error in enumerate(STATED.get(name, (1e-11, 1e-11))):
        exact = pair_expectations(
            phi, first_variance=Q1[:, np.newaxis], second_variance=Q2, correlation=correlations, orders=(order, order)
        )
        assert told[order] == pytest.approx(exact, abs=error)


@pytest.mark.parametrize("phi", [ELU(), SELU(), ELU(0.3)], ids=repr)
def test_the_error_of_kinks_is_at_the_ends(phi: Activation) -> None:
    q, c = np.array([2.0]), np.array([[0.9]])
    told = pair_matrices(phi, q, q, c)
    for order in (0, 1):
        exact = pair_expectations(phi, first_variance=2.0, second_variance=2.0, correlation=0.9, orders=(order, order))
        assert told[order] == pytest.approx(exact.item(), abs=1e-11)


@pytest.mark.parametrize("phi", [ReLU(), Sin()], ids=repr)
def test_the_series_is_the_closed_form(phi: Activation, monkeypatch: pytest.MonkeyPatch) -> None:
    c = np.array([[-1.0, -0.4, 0.0], [0.3, 0.8, 1.0]])
    closed = pair_matrices(phi, Q1, Q2, c)
    monkeypatch.setattr(hermite, "closed_form", lambda *_: None)
    for series, exact in zip(pair_matrices(phi, Q1, Q2, c), closed, strict=True):
        assert series == pytest.approx(exact, abs=1e-11)


@pytest.mark.parametrize("phi", [Tanh(), SELU(), GELU()], ids=repr)
def test_a_variance_of_nothing_leaves_a_constant(phi: Activation) -> None:
    nothing, one = np.zeros(1), np.ones(1)
    values, slopes = pair_matrices(phi, nothing, one, np.zeros((1, 1)))
    for found, order in ((values, 0), (slopes, 1)):
        exact = pair_expectations(phi, first_variance=0.0, second_variance=1.0, correlation=0.0, orders=(order, order))
        # The middle of a kink's two slopes, there, and the left one, here, are both slopes at 0.
        if order == 0 or phi != SELU():
            assert found.item() == pytest.approx(exact.item(), abs=1e-12)
        assert math.isfinite(found.item())
