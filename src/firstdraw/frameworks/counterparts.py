"""What PyTorch, Keras and JAX draw under the names of the catalogue's initializers.

Facts of PyTorch 2.13, Keras 3.15 and JAX 0.10, held against the installed frameworks by tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from firstdraw.frameworks.laws import (
    RoleLaw,
    average_fan,
    constant,
    normal,
    scaled_normal,
    scaled_truncated_normal,
    scaled_uniform,
    truncated_normal,
    uniform,
)

__all__ = ["COUNTERPARTS", "Counterpart"]

Framework: TypeAlias = Literal["PyTorch", "Keras", "JAX", "Flax", "Caffe"]


@dataclass(frozen=True, slots=True)
class Counterpart:
    """What another framework draws under the same name.

    Args:
        framework: whose it is.
        call: how it is asked for, with its defaults; `w` is the tensor, `n` and `m` the fans.
        law: what it draws; None where there is nothing of this name.
        remark: what to know about it.
    """

    framework: Framework
    call: str
    law: RoleLaw | None
    remark: str = ""


_CUT = "widened before the cut, so that the variance is right after it"
_NOT_WIDENED = "not widened before the cut: the drawn standard deviation is 0.88 of the one given"
# Of four Gaussian numbers the first inside of the cut is taken; (1 - 0.9545)^4 of the time none is.
_UNCUT = "with PyTorch for its backend one number in 233,000 is not cut"

COUNTERPARTS: Final[Mapping[str, tuple[Counterpart, ...]]] = {
    "zeros": (
        Counterpart("PyTorch", "torch.nn.init.zeros_(w)", constant(0.0)),
        Counterpart("Keras", "keras.initializers.Zeros()", constant(0.0)),
        Counterpart("JAX", "jax.nn.initializers.zeros", constant(0.0)),
    ),
    "constant": (
        Counterpart("PyTorch", "torch.nn.init.constant_(w, 0.5)", constant(0.5), "has no default value"),
        Counterpart("Keras", "keras.initializers.Constant()", constant(0.0), "its default value is 0"),
        Counterpart("JAX", "jax.nn.initializers.constant(0.5)", constant(0.5), "has no default value"),
    ),
    "normal": (
        Counterpart("PyTorch", "torch.nn.init.normal_(w)", normal(1.0)),
        Counterpart("Keras", "keras.initializers.RandomNormal()", normal(0.05)),
        Counterpart("JAX", "jax.nn.initializers.normal()", normal(0.01)),
    ),
    "uniform": (
        Counterpart("PyTorch", "torch.nn.init.uniform_(w)", uniform(0.0, 1.0), "its mean is not 0"),
        Counterpart("Keras", "keras.initializers.RandomUniform()", uniform(-0.05, 0.05)),
        Counterpart("JAX", "jax.nn.initializers.uniform()", uniform(0.0, 0.01), "its mean is not 0"),
    ),
    "truncated_normal": (
        Counterpart(
            "PyTorch",
            "torch.nn.init.trunc_normal_(w)",
            truncated_normal(1.0),
            "its bounds, -2 and 2, are values and no standard deviations: with std=0.02 nothing is cut",
        ),
        Counterpart(
            "Keras", "keras.initializers.TruncatedNormal()", truncated_normal(0.05), f"{_NOT_WIDENED}; {_UNCUT}"
        ),
        Counterpart("JAX", "jax.nn.initializers.truncated_normal()", truncated_normal(0.01), _NOT_WIDENED),
    ),
    "lecun_normal": (
        Counterpart("PyTorch", "", None, "torch.nn.init has none; kaiming_normal_ with nonlinearity='linear' is it"),
        Counterpart("Keras", "keras.initializers.LecunNormal()", scaled_truncated_normal(1.0), f"{_CUT}; {_UNCUT}"),
        Counterpart("JAX", "jax.nn.initializers.lecun_normal()", scaled_truncated_normal(1.0), _CUT),
    ),
    "lecun_uniform": (
        Counterpart("PyTorch", "", None, "torch.nn.init has none; kaiming_uniform_ with nonlinearity='linear' is it"),
        Counterpart("Keras", "keras.initializers.LecunUniform()", scaled_uniform(1.0)),
        Counterpart("JAX", "jax.nn.initializers.lecun_uniform()", scaled_uniform(1.0)),
    ),
    "glorot_normal": (
        Counterpart("PyTorch", "torch.nn.init.xavier_normal_(w)", scaled_normal(1.0, average_fan)),
        Counterpart(
            "Keras", "keras.initializers.GlorotNormal()", scaled_truncated_normal(1.0, average_fan), f"{_CUT}; {_UNCUT}"
        ),
        Counterpart("JAX", "jax.nn.initializers.glorot_normal()", scaled_truncated_normal(1.0, average_fan), _CUT),
    ),
    "glorot_uniform": (
        Counterpart("PyTorch", "torch.nn.init.xavier_uniform_(w)", scaled_uniform(1.0, average_fan)),
        Counterpart("Keras", "keras.initializers.GlorotUniform()", scaled_uniform(1.0, average_fan)),
        Counterpart("JAX", "jax.nn.initializers.glorot_uniform()", scaled_uniform(1.0, average_fan)),
    ),
    "xavier_fan_in": (
        Counterpart(
            "PyTorch",
            "torch.nn.init.xavier_normal_(w)",
            scaled_normal(1.0, average_fan),
            "Glorot's variance, 2/(n + m)",
        ),
        Counterpart("Caffe", 'weight_filler { type: "xavier" }', scaled_uniform(1.0), "the fan-in alone, and uniform"),
    ),
    "he_normal": (
        Counterpart("PyTorch", "torch.nn.init.kaiming_normal_(w)", scaled_normal(2.0)),
        Counterpart("Keras", "keras.initializers.HeNormal()", scaled_truncated_normal(2.0), f"{_CUT}; {_UNCUT}"),
        Counterpart("JAX", "jax.nn.initializers.he_normal()", scaled_truncated_normal(2.0), _CUT),
    ),
    "he_uniform": (
        Counterpart(
            "PyTorch",
            "torch.nn.init.kaiming_uniform_(w)",
            scaled_uniform(2.0),
            "torch.nn.Linear calls it with a=sqrt(5), which leaves 1/6 of this variance",
        ),
        Counterpart("Keras", "keras.initializers.HeUniform()", scaled_uniform(2.0)),
        Counterpart("JAX", "jax.nn.initializers.he_uniform()", scaled_uniform(2.0)),
    ),
    "torch_default": (
        Counterpart("PyTorch", "torch.nn.Linear(n, m)", scaled_uniform(1 / 3)),
        Counterpart("Keras", "keras.layers.Dense(m)", scaled_uniform(1.0, average_fan), "Glorot's rule; biases are 0"),
        Counterpart("Flax", "flax.linen.Dense(m)", scaled_truncated_normal(1.0), "LeCun's rule; biases are 0"),
    ),
}
"""By the name of the initializer."""
