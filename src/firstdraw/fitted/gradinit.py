"""GradInit: one scale for each parameter, such that the first step of training lowers the cost most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.catalogue import Source
from firstdraw.draws import Draws
from firstdraw.errors import InputError
from firstdraw.fitted.contract import FITTED, Adjustment, Batch, Fitted
from firstdraw.networks import MultilayerPerceptron
from firstdraw.probes.curvature import gradient, hessian_product
from firstdraw.rules import check_positive, check_positive_integer, check_share

__all__ = ["FirstStep", "GradInit"]

Update = Literal["gradient", "sign"]


@dataclass(frozen=True)
class FirstStep:
    """The first step of training as a function of where it starts.

    The batch lies in thirds: the step is made on the first and the second, B, and its cost taken on the first and the
    third, B', so that half of the examples are the same.

    Args:
        network: its shape.
        batch: the examples.
        update: A(g): g itself, as SGD steps, with p = 2; or its sign, as Adam's first step, with p = 1.
        rate: eta, the size of the step.
    """

    network: MultilayerPerceptron
    batch: Batch
    update: Update
    rate: float

    def gradient(self, theta: Floats) -> Floats:
        """Return g, the gradient of the cost on B."""
        X, Y = self._part(1)
        return gradient(self.network, theta, self.batch.loss, X, Y)

    def norm(self, g: Floats) -> float:
        """Return |g|_p."""
        return float(np.abs(g).sum() if self.update == "sign" else np.linalg.norm(g))

    def norm_slope(self, theta: Floats, g: Floats) -> Floats:
        """Return the derivative of |g|_p by theta: H times the sign of g, or times g/|g|."""
        X, Y = self._part(1)
        direction = np.sign(g) if self.update == "sign" else g / np.linalg.norm(g)
        return hessian_product(self.network, theta, self.batch.loss, X, Y, direction)

    def cost(self, theta: Floats, g: Floats) -> float:
        """Return the cost on B' after the step, C(theta - eta A(g); B')."""
        X, Y = self._part(2)
        return self.batch.loss.value(self.network.output(self._after(theta, g), X), Y)

    def cost_slope(self, theta: Floats, g: Floats) -> Floats:
        """Return the derivative of that cost by theta, with g following theta: u - eta H u, or u for the sign of g.

        u is the gradient on B' after the step.
        """
        first, second = self._part(1), self._part(2)
        u = gradient(self.network, self._after(theta, g), self.batch.loss, *second)
        if self.update == "sign":
            return u
        return u - self.rate * hessian_product(self.network, theta, self.batch.loss, *first, u)

    def _after(self, theta: Floats, g: Floats) -> Floats:
        return theta - self.rate * (np.sign(g) if self.update == "sign" else g)

    def _part(self, second: int) -> tuple[Floats, Floats]:
        """Return the first third of the batch with the second or with the last one."""
        m = self.batch.X.shape[1] // 3
        chosen = np.r_[0:m, second * m : (second + 1) * m]
        return self.batch.X[:, chosen], self.batch.Y[:, chosen]


@FITTED.register("gradinit")
@dataclass(frozen=True, slots=True)
class GradInit(Fitted):
    """Minimize C(theta_s - eta A(g_s); B') over scales s subject to |g_s|_p <= gamma, theta_s the parameters times s.

    Each weight, bias and multiplier has one scale. eta is `rate`, gamma `bound`, g_s the gradient at theta_s on a batch
    B that shares half of its examples with B'. A(g) is g, with p = 2, for SGD, or the sign of g, with p = 1, for Adam's
    first step (`update`). Where the constraint holds a step of Adam on s lowers the cost, elsewhere one lowers the norm
    instead, each with moments of its own; weights' scales stay above `smallest_scale`. The scales of the lowest cost
    among those that meet the constraint are returned; if none do, those of the lowest norm, and nothing converged. For
    any network.

    Known differences: the authors take new batches at every step and do not differentiate through g, which leaves out
    the term with the Hessian where A(g) = g; here the batch is one, and derivatives are exact.

    Args:
        update: "gradient" or "sign".
        rate: eta, above 0.
        bound: gamma, above 0.
        steps: how many.
        scale_rate: the learning rate of Adam on the scales, above 0.
        smallest_scale: at least 0 and below 1.

    Raises:
        InputError: if an option breaks its rule.
    """

    update: Update = "gradient"
    rate: float = 0.1
    bound: float = 1.0
    steps: int = 200
    scale_rate: float = 0.01
    smallest_scale: float = 0.01
    formula: ClassVar[str] = (
        "minimize the cost after a first step, over a scale for each parameter; |gradient| <= bound"
    )
    source: ClassVar[Source | None] = Source(
        "Zhu, Ni, Xu, Kong, Huang & Goldstein",
        2021,
        "GradInit: Learning to Initialize Neural Networks for Stable and Efficient Training",
        "https://arxiv.org/abs/2102.08098",
    )
    needs_targets: ClassVar[bool] = True
    smallest_batch: ClassVar[int] = 3

    def __post_init__(self) -> None:
        if self.update not in ("gradient", "sign"):
            raise InputError("update", "must be 'gradient' or 'sign'", self.update)
        for name in ("rate", "bound", "scale_rate"):
            check_positive(name, getattr(self, name))
        check_positive_integer("steps", self.steps)
        check_share("smallest_scale", self.smallest_scale)

    def adjust(self, network: MultilayerPerceptron, theta: Floats, batch: Batch, draws: Draws) -> Adjustment:  # noqa: ARG002
        step = FirstStep(network, batch, self.update, self.rate)
        drawn = network.parameters(theta)
        floors = np.array([self.smallest_scale if role.kind == "weight" else 0.0 for role in network.roles])
        scales = np.ones(len(drawn))
        moments = {True: _Adam(len(drawn), self.scale_rate), False: _Adam(len(drawn), self.scale_rate)}
        best, lowest, lowest_norm = theta, np.inf, np.inf
        record: list[float] = []
        for number in range(self.steps + 1):
            scaled = _scaled(drawn, scales)
            g = step.gradient(scaled)
            norm = step.norm(g)
            if number == 0 and not np.isfinite(norm):
                raise InputError(
                    "", "the gradient must be finite to be fitted, and the drawn parameters give the norm", norm
                )
            fits = norm <= self.bound
            cost = step.cost(scaled, g) if fits else np.inf
            if cost < lowest or (lowest == np.inf and norm < lowest_norm):
                best = scaled
            lowest, lowest_norm = min(lowest, cost), min(lowest_norm, norm)
            record.append(lowest)
            slope = step.cost_slope(scaled, g) if fits else step.norm_slope(scaled, g)
            products = [float(np.sum(a * b)) for a, b in zip(network.parameters(slope), drawn, strict=True)]
            scales = np.maximum(scales - moments[fits].step(np.array(products)), floors)
        converged = bool(np.isfinite(lowest))
        return Adjustment(best, (self.steps,) * network.depth, (converged,) * network.depth, tuple(record))


def _scaled(drawn: list[Floats], scales: Floats) -> Floats:
    return np.concatenate([scale * part.ravel() for scale, part in zip(scales, drawn, strict=True)])


class _Adam:
    """Adam's steps on a few numbers, with its usual constants; a slope that is not finite moves nothing."""

    def __init__(self, count: int, rate: float) -> None:
        self.rate, self.steps = rate, 0
        self.mean, self.square = np.zeros(count), np.zeros(count)

    def step(self, slope: Floats) -> Floats:
        """Return by how much to lower each number."""
        slope = np.where(np.isfinite(slope), slope, 0.0)
        self.steps += 1
        self.mean = 0.9 * self.mean + 0.1 * slope
        self.square = 0.999 * self.square + 0.001 * slope**2
        mean, square = self.mean / (1 - 0.9**self.steps), self.square / (1 - 0.999**self.steps)
        return self.rate * mean / (np.sqrt(square) + 1e-8)
