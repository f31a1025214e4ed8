"""The figures of the theory draw every phase, on the axes they are given."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from firstdraw.activations import GELU, Activation, Hardtanh, Identity, ReLU, Softplus, Tanh
from firstdraw.errors import InputError
from firstdraw.figures import plot_phase_plane, plot_propagation
from firstdraw.theory import WideLayer, edge_of_chaos, phase_plane, propagate

QUANTITIES = ["variance", "correlation", "gradient"]


def _svg(ax: Axes) -> str:
    buffer = BytesIO()
    ax.figure.savefig(buffer, format="svg")
    return buffer.getvalue().decode()


def _names(ax: Axes) -> list[str]:
    legend = ax.get_legend()
    return [] if legend is None else [text.get_text() for text in legend.get_texts()]


@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize(
    ("phi", "v", "s"), [(Tanh(), 1.8, 0.05), (ReLU(), 2.0, 0.0), (ReLU(), 40.0, 0.1), (Tanh(), 0.0, 0.0)]
)
def test_every_phase_is_drawn(quantity: str, phi: Activation, v: float, s: float) -> None:
    predicted = propagate(WideLayer(activation=phi, weight_variance=v, bias_variance=s), depth=40)
    ax = Figure().add_subplot()
    assert plot_propagation(predicted, quantity=quantity, ax=ax) is ax  # type: ignore[arg-type]
    assert "<svg" in _svg(ax)
    assert ax.get_yscale() == ("linear" if quantity == "correlation" else "log")


def test_the_line_is_the_prediction_over_what_was_measured() -> None:
    predicted = propagate(WideLayer(activation=Tanh(), weight_variance=1.5, bias_variance=0.05), depth=8)
    measured = predicted.variance * np.linspace(0.9, 1.1, 21)[:, np.newaxis]
    ax = plot_propagation(predicted, measured=measured)
    lines = {line.get_label(): line for line in ax.lines}
    assert (lines["theory of wide networks"].get_ydata() == predicted.variance).all()
    assert lines["measured, median"].get_ydata() == pytest.approx(predicted.variance)
    assert lines["fixed point"].get_ydata()[0] == predicted.limit.variance
    assert _names(ax) == ["measured, middle 90 %", "measured, median", "theory of wide networks", "fixed point"]


@pytest.mark.parametrize(
    ("phi", "regions"),
    [
        (Tanh(), ["ordered: gradients vanish", "chaotic: gradients explode", "edge of chaos"]),
        # Where the slopes are 1 to the last digit, the edge is no less stable.
        (Hardtanh(), ["ordered: gradients vanish", "chaotic: gradients explode", "edge of chaos"]),
        (
            GELU(),
            [
                "ordered: gradients vanish",
                "chaotic: gradients explode",
                "no fixed point: signals explode",
                "edge of chaos",
                "edge of chaos, unstable",
            ],
        ),
        (ReLU(), ["ordered: gradients vanish", "no fixed point: signals explode", "edge of chaos, a point"]),
        (Identity(), ["ordered: gradients vanish", "no fixed point: signals explode", "edge of chaos, a point"]),
        (Softplus(), ["ordered: gradients vanish", "no fixed point: signals explode"]),
    ],
    ids=repr,
)
def test_the_phases_that_are_there_are_drawn(phi: Activation, regions: list[str]) -> None:
    plane = phase_plane(phi, weight_variances=np.linspace(0, 4, 200), bias_variances=np.linspace(0, 1, 50))
    ax = Figure().add_subplot()
    assert plot_phase_plane(plane, edge=edge_of_chaos(phi), ax=ax) is ax
    assert "<svg" in _svg(ax)
    assert _names(ax) == regions


def test_a_plane_without_its_edge() -> None:
    plane = phase_plane(Tanh(), weight_variances=np.array([0.5, 0.6]), bias_variances=np.array([0.5, 1.0]))
    assert _names(plot_phase_plane(plane)) == ["ordered: gradients vanish"]


def test_what_cannot_be_drawn_is_refused() -> None:
    predicted = propagate(WideLayer(activation=Tanh(), weight_variance=1.0), depth=3)
    with pytest.raises(InputError) as caught:
        plot_propagation(predicted, quantity="weight")  # type: ignore[arg-type]
    assert str(caught.value) == "`quantity` must be 'variance', 'correlation' or 'gradient', got 'weight'"
    with pytest.raises(InputError) as caught:
        plot_propagation(predicted, measured=np.ones((2, 3)))
    assert str(caught.value) == (
        "`measured` must have a row a network, with 4 numbers: one before the first layer and one after each, "
        "got (2, 3)"
    )
    line = phase_plane(Tanh(), weight_variances=np.ones(1), bias_variances=np.ones(3))
    with pytest.raises(InputError) as caught:
        plot_phase_plane(line)
    assert str(caught.value) == ("`plane` must have at least two weight and two bias variances to be drawn, got (3, 1)")
