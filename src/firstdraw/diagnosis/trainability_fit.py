"""The numbers of `trainability`, as `studies/trainability/fit.py --numbers` prints them."""

from __future__ import annotations

from typing import Final

TRAINED_SHARE: Final = 2 / 3
"""A run has trained that ends at or below this share of the best constant prediction's cost: between one half and 0.8
end the fewest runs of the sweep, most having learned more, or nothing."""

CONSTANT: Final = -2.548
"""The log-odds of gradient descent where every feature adds what it does on the average, in nats."""

ADAPTIVE: Final = 1.116
"""What Adam adds to it, in nats."""

RANGES: Final[dict[str, tuple[float, float]]] = {
    "depth": (1, 100),
    "steps": (100, 400),
    "mean fan-in": (2, 222.5),
    "residual branches": (0, 0),
}
"""What the runs lay between."""

POINTS: Final[dict[str, tuple[tuple[float, float], ...]]] = {
    "pace": (
        (-3, -2.557),
        (-2, -0.245),
        (-1, 1.723),
        (0, 1.893),
        (1, 0.687),
        (2, -2.326),
        (3, -4.526),
    ),
    "speed": (
        (-1, 1.632),
        (0, 0.720),
        (1, -0.073),
        (2, -0.544),
        (3, -2.416),
    ),
    "learned": (
        (-6, -4.922),
        (-3, -2.737),
        (-2, -2.103),
        (-1, -1.180),
        (-0.5, -0.072),
        (-0.2, 1.452),
        (0, 2.186),
        (0.2, 2.443),
        (0.6, 3.034),
    ),
    "alignment": (
        (-2, -0.623),
        (-1, 0.825),
    ),
    "start": (
        (-0.01, 0.634),
        (0.01, 0.197),
        (0.05, 0.078),
        (0.5, 0.078),
        (1, -0.161),
        (3, -1.595),
    ),
    "first step": (
        (0, 0.594),
        (0.05, -1.045),
        (0.3, -1.045),
        (1, -1.170),
        (2, -3.406),
    ),
    "lowest": (
        (-0.5, 1.399),
        (-0.2, 0.553),
        (-0.05, -0.116),
        (0, -0.116),
        (0.1, -0.376),
    ),
    "room": (
        (-3, 0.919),
        (-2, 0.185),
        (-1, 0.185),
        (0, -1.107),
    ),
    "movement": (
        (-2, -1.614),
        (-1, -0.356),
        (0, 0.184),
        (1, 0.442),
    ),
}
"""By feature where its function bends, and how much it adds to the log-odds there, in nats."""
