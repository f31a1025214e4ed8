"""What theory predicts of a network's layers, and what networks drawn from the same laws do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.distributions import Distribution
from firstdraw.draws import Draws
from firstdraw.errors import InputError
from firstdraw.networks import MultilayerPerceptron
from firstdraw.theory import Band, WideLayer, correlation_band, gradient_factor_band, second_moment_band

__all__ = ["LayerComparison", "PropagationComparison", "Quantity", "compare_propagation", "typical_pair"]

Quantity = Literal["second moment", "correlation", "gradient factor"]

# Of networks that follow the prediction, nineteen in twenty lie within the band. That fewer than half do is not chance:
# of five networks once in 900 layers, of ten once in 10,000.
AGREEING_SHARE: Final = 0.5
# Fisher's transformation has no value beyond.
NEAREST_CORRELATION: Final = 1 - 1e-12


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class LayerComparison:
    """One quantity of each layer, predicted and measured.

    Args:
        quantity: which.
        layers: the numbers of the layers, `[L]`.
        band: what theory predicts for infinite width, and where 95 % of networks of these widths should lie.
        measured: `[networks, L]`.
    """

    quantity: Quantity
    layers: tuple[int, ...]
    band: Band
    measured: Floats

    @property
    def within(self) -> Floats:
        """The share of the networks within the band, `[L]`."""
        return np.mean((self.band.lower <= self.measured) & (self.measured <= self.band.upper), axis=0)

    @property
    def parts_at(self) -> int | None:
        """The first layer with fewer than half of the networks within the band; None where there is none."""
        parted = np.less(self.within, AGREEING_SHARE)
        return self.layers[int(parted.argmax())] if parted.any() else None

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as JSON can hold it; what is not finite is None."""
        return {
            "layers": list(self.layers),
            "predicted": _finite(self.band.predicted),
            "lower": _finite(self.band.lower),
            "upper": _finite(self.band.upper),
            "measured": [_finite(row) for row in self.measured],
            "within": self.within.tolist(),
            "parts_at": self.parts_at,
        }


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PropagationComparison:
    """Prediction beside measurement, for one way to initialize one network.

    Args:
        label: the name of the initialization.
        network: its shape.
        layers: what theory is told of each layer.
        seeds: those of the networks that were drawn.
        input_second_moment: |x|^2/d of both inputs.
        input_correlation: the cosine between them.
        quantities: what is compared.
    """

    label: str
    network: MultilayerPerceptron
    layers: tuple[WideLayer, ...]
    seeds: tuple[int, ...]
    input_second_moment: float
    input_correlation: float
    quantities: tuple[LayerComparison, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as JSON can hold it."""
        return {
            "label": self.label,
            "widths": list(self.network.widths),
            "weight_variances": [layer.weight_variance for layer in self.layers],
            "bias_variances": [layer.bias_variance for layer in self.layers],
            "seeds": list(self.seeds),
            "input_second_moment": self.input_second_moment,
            "input_correlation": self.input_correlation,
            **{item.quantity.replace(" ", "_"): item.to_dict() for item in self.quantities},
        }


def compare_propagation(
    label: str,
    network: MultilayerPerceptron,
    laws: Sequence[Distribution],
    pair: Floats,
    draws: Sequence[tuple[int, Draws]],
    *,
    first: int = 1,
) -> PropagationComparison:
    """Return what the laws predict of two inputs layer by layer, beside networks that are drawn from them.

    Of layer l, with n_l units, inputs x and y and pre-activations z_l and z'_l,

        second moment    q_l = |z_l|^2/n_l
        correlation      c_l = z_l . z'_l/(|z_l| |z'_l|),  up to the first layer of a single unit
        gradient factor  chi_l = tr(J J^T)/n_(l+1),  J = W_(l+1) diag(phi'(z_l)),  l < L.

    Theory knows of the laws the variances n_(l-1) Var[w_l] and Var[b_l] alone; its bands hold for elements that are
    drawn independently.

    Args:
        label: the name of the initialization.
        network: its shape, without residual branches.
        laws: one a role, of mean 0.
        pair: x and y as columns, `[d, 2]`, of one norm above 0 and not parallel.
        draws: the seed and the source of each network.
        first: the number that the first layer is told by.

    Raises:
        InputError: if the network has branches, a law has a mean or no finite variance, the inputs are 0, of two norms
            or parallel, or a prediction leaves the range of float64.

    >>> from firstdraw.activations import ReLU
    >>> from firstdraw.draws import CounterDraws
    >>> from firstdraw.initializers.he import HeNormal
    >>> network = MultilayerPerceptron((2, 200, 200, 200, 1), ReLU())
    >>> laws = [HeNormal().law(role) for role in network.roles]
    >>> draws = [(seed, CounterDraws(seed)) for seed in range(20)]
    >>> found = compare_propagation("He", network, laws, np.array([[1.0, 0.6], [0.0, 0.8]]), draws)
    >>> second, correlation, gradient = found.quantities
    >>> second.band.predicted.round(3), second.parts_at
    (array([1., 1., 1., 1.]), None)
    """
    layers = _wide_layers(network, laws)
    second_moment, correlation = _of_pair(pair)
    widths, kurtosis = network.widths[1:], laws[0].kurtosis
    bands: dict[Quantity, Band] = {
        "second moment": second_moment_band(layers, widths, input_second_moment=second_moment),
        "correlation": correlation_band(layers, widths, input_second_moment=second_moment, correlation=correlation),
    }
    if len(widths) > 1:
        bands["gradient factor"] = gradient_factor_band(
            layers,
            widths,
            input_second_moment=second_moment,
            kurtosis=kurtosis if math.isfinite(kurtosis) else 3.0,
        )
    thetas = (network.draw(laws, source) for _, source in draws)
    measured = [_measure(network, theta, pair) for theta in thetas]
    several = widths.index(1) if 1 in widths else len(widths)
    return PropagationComparison(
        label=label,
        network=network,
        layers=layers,
        seeds=tuple(seed for seed, _ in draws),
        input_second_moment=second_moment,
        input_correlation=correlation,
        quantities=tuple(
            LayerComparison(
                quantity=quantity,
                layers=tuple(range(first, first + count)),
                band=_part(band, count),
                measured=np.array([of_network[quantity][:count] for of_network in measured]),
            )
            for quantity, band in bands.items()
            if (count := several if quantity == "correlation" else len(band.predicted))
        ),
    )


def _part(band: Band, count: int) -> Band:
    """Return the band of the first layers."""
    return Band(**{name: values[:count] for name, values in asdict(band).items()})


def typical_pair(X: Floats) -> Floats:
    """Return two of the examples, scaled to the root mean square norm of all, with a cosine near to the mean of all.

    The first is the example whose cosine to the mean direction is nearest to the mean one, the second the one whose
    cosine to the first is nearest to the mean of all pairs, of those that are not parallel to it.

    Args:
        X: inputs `[d, m]`, of two examples or more.

    Returns:
        The pair as columns, `[d, 2]`.

    Raises:
        InputError: if there are no two examples that are neither 0 nor parallel.
    """
    norms: Floats = np.sqrt((X * X).sum(axis=0))
    kept = np.flatnonzero(norms > 0)
    directions = X[:, kept] / norms[kept]
    m = len(kept)
    total = directions.sum(axis=1)
    mean = (float(total @ total) - m) / (m * (m - 1)) if m > 1 else 0.0
    toward = (total @ directions - 1) / max(m - 1, 1)
    first = int(np.argmin(abs(toward - mean))) if m else 0
    cosines = directions.T @ directions[:, first] if m else np.zeros(0)
    apart = np.flatnonzero(abs(cosines) < NEAREST_CORRELATION)
    if not apart.size:
        raise InputError("data", "must have two examples that are neither 0 nor parallel, for them to be compared")
    second = int(apart[np.argmin(abs(cosines[apart] - mean))])
    return directions[:, [first, second]] * math.sqrt(float(np.mean(norms**2)))


def _wide_layers(network: MultilayerPerceptron, laws: Sequence[Distribution]) -> tuple[WideLayer, ...]:
    """Return what theory is told of each layer."""
    if network.branches:
        raise InputError(
            "network", "must have no residual branches, of which this theory says nothing", len(network.branches)
        )
    for role, law in zip(network.roles, laws, strict=True):
        # Rounding leaves a trace of the mean of values that cancel.
        if not abs(law.mean) <= 1e-12 * law.standard_deviation or not math.isfinite(law.variance):
            raise InputError(role.name, "must have a law of mean 0 and finite variance for theory", str(law))
    weights, biases = laws[::2], laws[1::2]
    for role, weight, bias in zip(network.roles[::2], weights, biases, strict=True):
        if weight.variance == bias.variance == 0:
            raise InputError(
                role.name, "must have a variance, or its biases: the layer's pre-activations are all 0", str(weight)
            )
    return tuple(
        WideLayer(activation=network.activation, weight_variance=width * weight.variance, bias_variance=bias.variance)
        for width, weight, bias in zip(network.widths, weights, biases, strict=False)
    )


def _of_pair(pair: Floats) -> tuple[float, float]:
    """Return |x|^2/d and the cosine of two inputs."""
    x, y = (float(norm) for norm in np.sqrt((pair * pair).sum(axis=0)))
    if not (x > 0 and math.isclose(x, y, rel_tol=1e-9)):
        raise InputError("pair", "must be two inputs of one norm above 0", (x, y))
    cosine = float(pair[:, 0] @ pair[:, 1]) / (x * y)
    if abs(cosine) >= NEAREST_CORRELATION:
        raise InputError("pair", "must be two inputs that are not parallel", cosine)
    return x * x / len(pair), cosine


def _measure(network: MultilayerPerceptron, theta: Floats, pair: Floats) -> dict[Quantity, Floats]:
    """Return the quantities of one network, `[L]` each, the gradient factor's `[L - 1]`."""
    layers = network.layers(theta)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        Z = network.forward(layers, pair).Z
        products = np.array([z.T @ z / len(z) for z in Z])
        q = products[:, [0, 1], [0, 1]]
        slopes = (network.activation.derivative(z[:, 0]) ** 2 for z in Z[:-1])
        factors = [
            float(np.square(layer.W).sum(axis=0) @ slope) / len(layer.W)
            for layer, slope in zip(layers[1:], slopes, strict=True)
        ]
        return {
            "second moment": q[:, 0],
            "correlation": products[:, 0, 1] / np.sqrt(q[:, 0] * q[:, 1]),
            "gradient factor": np.array(factors),
        }


def _finite(values: Floats) -> list[float | None]:
    return [value if math.isfinite(value) else None for value in values.tolist()]
