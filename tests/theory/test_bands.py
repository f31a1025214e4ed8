"""The bands of finite widths hold as many drawn networks as they say, and their maps have the slopes that they take."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from scipy import special

from firstdraw.activations import ACTIVATIONS, GELU, Activation, Identity, ReLU, Tanh
from firstdraw.arrays import Floats
from firstdraw.errors import InputError
from firstdraw.moments import gaussian_mean, second_moment_slope
from firstdraw.theory import bands
from firstdraw.theory.bands import Band, correlation_band, gradient_factor_band, second_moment_band
from firstdraw.theory.expectations import pair_expectation
from firstdraw.theory.maps import WideLayer

LAYERS = [
    WideLayer(activation=ReLU(), weight_variance=2.0),
    WideLayer(activation=Tanh(), weight_variance=1.761, bias_variance=0.05),
    WideLayer(activation=Tanh(), weight_variance=3.0, bias_variance=0.05),
    WideLayer(activation=GELU(), weight_variance=2.2, bias_variance=0.1),
]
layers = pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: f"{layer.activation!r}-{layer.weight_variance}")
WIDTHS = (60, 40, 90, 50, 60)
# Two inputs of the second moment 1 and the cosine 0.6.
INPUTS = np.array([[1.0, 0.6 + 0.8 * math.sqrt(1.5)], [1.0, 0.6 - 0.8 * math.sqrt(1.5)], [1.0, 0.6]])


def _drawn(each: Sequence[WideLayer], networks: int) -> tuple[Floats, Floats, Floats]:
    """Return q_l of the first input and c_l of both, `[L, networks]`, and chi_l of the first, `[L - 1, networks]`."""
    stream = np.random.default_rng(11)
    h = np.broadcast_to(INPUTS, (networks, *INPUTS.shape))
    second: list[Floats] = []
    cosines: list[Floats] = []
    factors: list[Floats] = []
    z: Floats | None = None
    for layer, n in zip(each, WIDTHS, strict=True):
        W = stream.normal(size=(networks, n, h.shape[1])) * math.sqrt(layer.weight_variance / h.shape[1])
        if z is not None:
            factors.append(
                np.mean(np.sum((W * layer.activation.derivative(z[:, np.newaxis, :, 0])) ** 2, axis=2), axis=1)
            )
        z = W @ h + math.sqrt(layer.bias_variance) * stream.normal(size=(networks, n, 1))
        products = np.swapaxes(z, 1, 2) @ z / n
        second.append(products[:, 0, 0])
        cosines.append(products[:, 0, 1] / np.sqrt(products[:, 0, 0] * products[:, 1, 1]))
        h = layer.activation.value(z)
    return np.array(second), np.array(cosines), np.array(factors)


def _holds(band: Band, drawn: Floats) -> Floats:
    return np.mean((band.lower[:, np.newaxis] < drawn) & (drawn < band.upper[:, np.newaxis]), axis=1)


def _stack(layer: WideLayer, count: int) -> bands._Stack:
    v, s = np.full(count, layer.weight_variance), np.full(count, layer.bias_variance)
    return bands._Stack(layer.activation, v, s)


@layers
def test_the_bands_hold_as_many_networks_as_they_say(layer: WideLayer) -> None:
    _assert_the_bands_hold([layer] * len(WIDTHS))


def test_layers_may_have_variances_of_their_own() -> None:
    _assert_the_bands_hold(
        [
            WideLayer(activation=Tanh(), weight_variance=v, bias_variance=s)
            for v, s in ((1.0, 0.0), (2.0, 0.1), (0.7, 0.3), (3.0, 0.0), (1.5, 0.05))
        ]
    )


def _assert_the_bands_hold(each: Sequence[WideLayer]) -> None:
    second, cosines, factors = _drawn(each, 1500)
    pairs = (
        (np.log, second, second_moment_band(each, WIDTHS)),
        (np.log, factors, gradient_factor_band(each, WIDTHS)),
        (np.arctanh, cosines, correlation_band(each, WIDTHS, correlation=0.6)),
    )
    for scale, drawn, band in pairs:
        # Five standard errors of a share, 0.028, and the next order in 1/n.
        assert _holds(band, drawn) == pytest.approx(0.95, abs=0.045)
        # Five standard errors of a deviation, 0.09, and the next order.
        assert scale(drawn).std(axis=1) == pytest.approx(band.deviation, rel=0.15)
        # Five standard errors of a mean, 0.13 deviations, and the next order.
        assert np.all(abs(scale(drawn).mean(axis=1) - scale(band.center)) <= 0.4 * band.deviation)


@layers
def test_other_levels_hold_other_shares(layer: WideLayer) -> None:
    second, *_ = _drawn([layer] * len(WIDTHS), 1500)
    # Five standard errors, 0.065, and the next order.
    assert _holds(second_moment_band(layer, WIDTHS, level=0.5), second) == pytest.approx(0.5, abs=0.08)


@layers
def test_bands_narrow_as_the_square_root_of_the_width(layer: WideLayer) -> None:
    for band in (second_moment_band, gradient_factor_band, lambda *given: correlation_band(*given, correlation=0.3)):
        narrow, wide = (band(layer, (n,) * 6).deviation for n in (10**6, 10**4))
        assert wide == pytest.approx(10 * narrow, rel=1e-3)


@pytest.mark.parametrize(("phi", "k"), [(ReLU(), 5), (Identity(), 2)])
def test_activations_without_scale_add_their_known_fluctuation(phi: Activation, k: int) -> None:
    widths = np.array([30, 50, 20, 40])
    band = second_moment_band(WideLayer(activation=phi, weight_variance=1.3), tuple(widths.tolist()))
    before = np.cumsum(k / widths) - k / widths
    assert band.deviation**2 == pytest.approx(before + special.polygamma(1, widths / 2), rel=1e-11)
    drift = -before / 2 + special.digamma(widths / 2) - np.log(widths / 2)
    assert np.log(band.center / band.predicted) == pytest.approx(drift, abs=1e-11)


def test_the_first_layer_is_exact() -> None:
    layer = WideLayer(activation=Tanh(), weight_variance=1.5, bias_variance=0.2)
    band = second_moment_band(layer, (7,), input_second_moment=2.0)
    assert band.predicted.item() == pytest.approx(3.2, rel=1e-14)
    # n q/K is chi^2 of n degrees of freedom.
    assert band.deviation.item() ** 2 == pytest.approx(float(special.polygamma(1, 3.5)), rel=1e-14)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_map_of_logarithms_by_another_road(name: str) -> None:
    phi, v, q, h = ACTIVATIONS[name](), 1.4, np.array([0.3, 2.0]), 1e-4
    layer = WideLayer(activation=phi, weight_variance=v, bias_variance=0.1)
    slope, bend, noise = bands._logarithmic_map(_stack(layer, 2), q)

    def slope_at(log_q: float) -> float:
        at = math.exp(log_q)
        return v * at * second_moment_slope(phi, variance=at) / layer.next_variance(at).item()

    for i, variance in enumerate(q.tolist()):
        place = math.log(variance)
        assert slope[i] == pytest.approx(slope_at(place), rel=1e-11)
        # Truncation of the order h^2.
        assert bend[i] == pytest.approx((slope_at(place + h) - slope_at(place - h)) / (2 * h), abs=1e-7)
        fourth, second = (
            gaussian_mean(lambda x, k=k: phi.value(x) ** k, variance=variance, kinks=phi.kinks) for k in (4, 2)
        )
        exact = v**2 * (fourth - second**2) / layer.next_variance(variance).item() ** 2
        assert noise[i] == pytest.approx(exact, rel=1e-10)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_map_of_pairs_by_another_road(name: str) -> None:
    phi, v, q, c, h = ACTIVATIONS[name](), 1.4, 1.2, 0.55, 1e-4
    layer = WideLayer(activation=phi, weight_variance=v)
    T, noise = bands._pair_map(_stack(layer, 1), np.array([q]), np.array([c]))

    def mapped(K: Floats) -> Floats:
        across = pair_expectation(phi, variances=(K[0], K[1]), correlation=K[2] / math.sqrt(K[0] * K[1]))
        return np.array([*layer.next_variance(K[:2]), v * across])

    K = np.array([q, q, c * q])
    differences = np.array([mapped(K + step) - mapped(K - step) for step in h * np.eye(3)]).T / (2 * h)
    # Truncation of the order h^2.
    assert T[0] == pytest.approx(differences, abs=1e-6)
    m = 200_000
    z = np.random.default_rng(5).normal(size=(2, m)) * math.sqrt(q)
    a, b = phi.value(z[0]), phi.value(c * z[0] + math.sqrt(1 - c * c) * z[1])
    drawn = np.array([a * a, b * b, a * b])
    centered = drawn - drawn.mean(axis=1, keepdims=True)
    products = centered[:, np.newaxis] * centered
    # Five standard errors.
    assert np.all(abs(products.mean(axis=2) - noise[0] / v**2) <= 5 * products.std(axis=2) / math.sqrt(m))


def test_inputs_that_grow_equal_have_a_band_of_no_width() -> None:
    layer = WideLayer(activation=Tanh(), weight_variance=0.5, bias_variance=0.5)
    band = correlation_band(layer, (50,) * 60, correlation=0.0)
    assert np.all(band.lower <= band.predicted)
    assert np.all(band.predicted <= band.upper)
    assert (band.lower[-1], band.predicted[-1], band.upper[-1]) == pytest.approx((1, 1, 1), abs=1e-9)


def test_what_has_no_band_is_refused() -> None:
    layer = WideLayer(activation=ReLU(), weight_variance=2.0)
    with pytest.raises(InputError, match="`widths` must have an entry for each layer, one or more"):
        second_moment_band(layer, ())
    with pytest.raises(InputError) as caught:
        second_moment_band([layer], (3, 3))
    assert str(caught.value) == "`layers` must be one for each of the 2 widths, got 1"
    with pytest.raises(InputError, match=r"^`layers` must have one activation, got \[ReLU\(\), Tanh\(\)\]$"):
        second_moment_band([layer, WideLayer(activation=Tanh(), weight_variance=1.0)], (3, 3))
    with pytest.raises(InputError, match=r"^`widths` must have two layers or more, between which there is a Jacobian"):
        gradient_factor_band(layer, (3,))
    with pytest.raises(InputError) as caught:
        gradient_factor_band(layer, (3, 3), kurtosis=0.5)
    assert str(caught.value) == "`kurtosis` must be at least 1, the least of any law, got 0.5"
    with pytest.raises(InputError, match="`input_second_moment` must be a finite number above 0, got 0"):
        second_moment_band(layer, (3,), input_second_moment=0.0)
    with pytest.raises(InputError) as caught:
        second_moment_band(layer, (3,), level=1.0)
    assert str(caught.value) == "`level` must be above 0 and below 1, got 1.0"
    with pytest.raises(InputError) as caught:
        correlation_band(layer, (3,), correlation=1.0)
    assert str(caught.value) == "`correlation` must be above -1 and below 1, got 1.0"
    with pytest.raises(InputError) as caught:
        second_moment_band(WideLayer(activation=ReLU(), weight_variance=2e-200), (3,) * 3)
    assert str(caught.value) == "`widths` must end before the variance leaves float64, at layer 2, got 3"
