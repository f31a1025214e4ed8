"""The numbers of `trainability`, as `studies/trainability/fit.py --numbers` prints them."""

from __future__ import annotations

from typing import Final

TRAINED_SHARE: Final = 2 / 3
"""A run has trained that ends at or below this share of the best constant prediction's cost: between one half and 0.8
end the fewest runs of the sweep, most having learned more, or nothing."""

CONSTANTS: Final[dict[str, float]] = {
    "progress": -0.439,
    "stability": 1.460,
}
"""By condition the log-odds of gradient descent where every feature adds what it does on the average, in nats."""

ADAPTIVE: Final = 1.851
"""What Adam adds to those of progress, in nats."""

RANGES: Final[dict[str, tuple[float, float]]] = {
    "depth": (1, 100),
    "steps": (100, 400),
    "mean fan-in": (2, 222.5),
    "residual branches": (0, 0),
}
"""What the runs lay between."""

POINTS: Final[dict[str, dict[str, tuple[tuple[float, float], ...]]]] = {
    "progress": {
        "pace": (
            (-3, -3.185),
            (-2, -1.707),
            (-1, 0.139),
            (0, 0.471),
        ),
        "speed": (
            (-1, 1.824),
            (0, 0.145),
            (1, -0.097),
            (2, -0.746),
            (3, -2.414),
        ),
        "learned": (
            (-6, -7.239),
            (-3, -4.281),
            (-2, -3.789),
            (-1, -1.940),
            (-0.5, -0.725),
            (-0.2, 1.924),
            (0, 3.286),
            (0.2, 3.567),
            (0.6, 4.920),
        ),
        "start": (
            (-0.01, 0.937),
            (0.01, 0.730),
            (0.05, 0.035),
            (0.5, -0.128),
            (1, -0.901),
            (3, -2.460),
        ),
        "first step": (
            (0, 0.857),
            (0.05, -0.805),
            (0.3, -1.535),
            (1, -2.079),
            (2, -5.090),
        ),
        "lowest": (
            (-0.5, 10.218),
            (-0.2, 0.982),
            (-0.05, -0.817),
            (0, -1.247),
            (0.1, -1.360),
        ),
        "room": (
            (-3, 1.326),
            (-2, 0.177),
            (-1, 0.177),
            (0, -1.468),
        ),
        "movement": (
            (-1, -2.844),
            (0, -2.348),
            (1, -0.044),
            (2, 0.786),
        ),
    },
    "stability": {
        "pace": (
            (0, 1.866),
            (1, -0.379),
            (2, -3.328),
            (3, -5.730),
        ),
        "alignment": (
            (-2, -0.611),
            (-1, 0.808),
        ),
        "bend": (
            (-2, 0.498),
            (-1, -0.001),
            (0, -1.269),
        ),
        "growth": (
            (0, 0.390),
            (6, -3.980),
        ),
        "batch": (
            (1.2, -0.616),
            (2.4, 1.210),
        ),
    },
}
"""By condition and feature where its function bends, and how much it adds to the log-odds there, in nats."""
