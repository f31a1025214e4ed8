"""Kernels over the angle between two inputs are the integrals over two Gaussians, up to both ends."""

from __future__ import annotations

import importlib
import math
import pkgutil

import numpy as np
import pytest

from firstdraw import probes, theory
from firstdraw.activations import ACTIVATIONS, ELU, GELU, SELU, Activation, Erf, ReLU, Sin, Tanh
from firstdraw.theory import correlations
from firstdraw.theory.correlations import pair_matrices
from firstdraw.theory.expectations import pair_expectations
from firstdraw.theory.polar import means_by_angle, pair_means

MEMBERS = [*(cls() for cls in ACTIVATIONS.values()), ELU(0.3)]
every = pytest.mark.parametrize("phi", MEMBERS, ids=repr)
Q1, Q2 = np.array([0.05, 10.0]), np.array([1.0, 10.0, 0.05])


@every
@pytest.mark.parametrize("c", [-0.999999, -0.3, 0.9, 0.999999])
def test_matrices_are_the_single_expectations(phi: Activation, c: float) -> None:
    told = pair_matrices(phi, Q1, Q2, np.full((2, 3), c))
    for order in (0, 1):
        exact = pair_expectations(
            phi, first_variance=Q1[:, np.newaxis], second_variance=Q2, correlation=c, orders=(order, order)
        )
        assert told[order] == pytest.approx(exact, abs=1e-9)


@pytest.mark.parametrize("phi", [ReLU(), Sin(), Erf()], ids=repr)
def test_polynomials_in_the_angle_are_the_closed_form(phi: Activation, monkeypatch: pytest.MonkeyPatch) -> None:
    c = np.array([[-1.0, -0.4, 0.0], [0.3, 0.8, 1.0]])
    closed = pair_matrices(phi, Q1, Q2, c)
    monkeypatch.setattr(correlations, "known_form", lambda *_: None)
    for told, exact in zip(pair_matrices(phi, Q1, Q2, c), closed, strict=True):
        assert told == pytest.approx(exact, abs=1e-9)


@pytest.mark.parametrize("phi", [Tanh(), SELU(), GELU()], ids=repr)
def test_many_variances_are_interpolated_as_each_is_integrated(phi: Activation) -> None:
    stream = np.random.default_rng(4)
    # Near each other, and one of nothing.
    q = np.append(10 ** stream.uniform(-0.1, 0.1, 30), 0.0)
    c = stream.uniform(-1, 1, (31, 31))
    c[-1], c[:, -1] = 0.0, 0.0
    whole = pair_matrices(phi, q, q, c)
    rows = [0, 17, 29, 30]
    block = pair_matrices(phi, q[rows], q[rows], c[np.ix_(rows, rows)])
    for order in (0, 1):
        root = np.sqrt(np.maximum(1e-30, block[order].diagonal() if order else q[rows]))
        sizes = np.ones((4, 4)) if order else np.outer(root, root) + 1e-15
        assert np.all(abs(whole[order][np.ix_(rows, rows)] - block[order]) <= 1e-9 * sizes)


@pytest.mark.parametrize(
    ("phi", "q"), [(Erf(), 1e-8), (Erf(), 1.0), (Erf(), 1e4), (Sin(), 1e-8), (Sin(), 1.0), (ReLU(), 1e4)], ids=repr
)
def test_polar_coordinates_resolve_every_scale(phi: Activation, q: float) -> None:
    variance, angles = np.array([q]), math.pi * np.array([0.0, 1e-3, 0.5, 1 - 1e-3, 1.0])
    for order, f in ((0, phi.value), (1, phi.derivative)):
        exact = pair_expectations(
            phi, first_variance=q, second_variance=q, correlation=np.cos(angles), orders=(order, order)
        )
        assert means_by_angle(f, f, variance, variance, angles).ravel() == pytest.approx(exact, rel=1e-11, abs=1e-9)


def test_the_two_functions_may_differ() -> None:
    # E[u^2 v] = 0 and E[u^3 v] = 3 q1 c sqrt(q1 q2).
    q1, q2, angle = np.array([0.5, 2.0]), np.array([3.0]), 0.7
    assert pair_means(np.square, lambda x: x, q1, q2, angle) == pytest.approx(np.zeros((2, 1)), abs=1e-10)
    exact = 3 * q1**1.5 * math.sqrt(3) * math.cos(angle)
    assert pair_means(lambda x: x**3, lambda x: x, q1, q2, angle)[:, 0] == pytest.approx(exact, rel=1e-10)


@pytest.mark.parametrize("phi", [Tanh(), SELU(), GELU()], ids=repr)
def test_a_variance_of_nothing_leaves_a_constant(phi: Activation) -> None:
    told = pair_matrices(phi, np.zeros(1), np.ones(1), np.zeros((1, 1)))
    for order in (0, 1):
        exact = pair_expectations(phi, first_variance=0.0, second_variance=1.0, correlation=0.0, orders=(order, order))
        assert told[order].item() == pytest.approx(exact.item(), abs=1e-11)


@pytest.mark.parametrize("package", [theory, probes], ids=lambda package: package.__name__)
def test_no_function_hides_a_module(package: object) -> None:
    for module in pkgutil.iter_modules(package.__path__):  # type: ignore[attr-defined]
        name = f"{package.__name__}.{module.name}"  # type: ignore[attr-defined]
        assert getattr(package, module.name, None) in (None, importlib.import_module(name))
