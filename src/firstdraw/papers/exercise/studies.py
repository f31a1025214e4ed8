"""The experiments behind the exercise's claims."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from firstdraw.engine import Recording
from firstdraw.experiments import Initialization, Spec, read_file
from firstdraw.initializers.constant import ConstantValue
from firstdraw.initializers.he import HeNormal
from firstdraw.initializers.unscaled import PlainNormal

__all__ = ["EXERCISE_FILE", "LONG_STEPS", "SCALES", "SEEDS", "studies"]

EXERCISE_FILE: Final = Path(__file__).with_name("spec.toml")
SEEDS: Final = tuple(range(40))
"""Enough that a paired difference of half a standard deviation shows; the exercise itself looks at one."""
SCALES: Final = (0.01, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
"""Standard deviations from far too small to far too large."""
LONG_STEPS: Final = 60_000
"""Four times the exercise's steps."""
RECORDED_EVERY: Final = 500
"""Close enough for a median over seeds of the step that reaches an accuracy."""
FEW_SEEDS: Final = SEEDS[:5]
SOME_SEEDS: Final = SEEDS[:10]


def studies() -> Mapping[str, Spec]:
    """Return the experiments by name, the exercise itself first."""
    exercise = read_file(EXERCISE_FILE)
    started = {start.label: start for start in exercise.initializations}

    # Distributions over seeds are compared, not digits: float32 shows the same ones in half the time.
    coarse = replace(
        exercise,
        training=replace(exercise.training, precision="float32"),
        recording=Recording(every=RECORDED_EVERY),
    )

    def varied(seeds: tuple[int, ...], *starts: Initialization) -> Spec:
        return replace(coarse, seeds=seeds, initializations=starts)

    large = started["normal x10"]
    return {
        "exercise": exercise,
        "symmetric": varied(exercise.seeds, Initialization("constant 0.5", ConstantValue(0.5))),
        "longer": replace(varied(SOME_SEEDS, large), training=replace(coarse.training, steps=LONG_STEPS)),
        "scales": varied(FEW_SEEDS, *(Initialization(f"{scale:g}", PlainNormal(scale)) for scale in SCALES)),
        "seeds": varied(SEEDS, large, Initialization("normal x1", PlainNormal(1.0)), started["He"]),
        "biases": varied(SEEDS, Initialization("He, random biases", HeNormal(), PlainNormal(0.1))),
    }
