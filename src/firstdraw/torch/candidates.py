"""The laws that a parameter may have been drawn from: the catalogue's, and what PyTorch's layers hold themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields
from typing import Any, Final, cast

from firstdraw.distributions import Constant, Distribution, Normal, Uniform
from firstdraw.errors import InputError
from firstdraw.frameworks import LAYERS
from firstdraw.initializers import INITIALIZERS, Initializer
from firstdraw.roles import Role
from firstdraw.torch.roles import ParameterRole

__all__ = ["Candidate", "candidates_of", "default_of"]

# Options other than the defaults that people use: fans, the gains of `torch.nn.init.calculate_gain`, BERT's spread.
VARIANTS: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("he_normal", {"mode": "fan_out"}),
    ("he_uniform", {"mode": "fan_out"}),
    *((name, {"gain": gain}) for name in ("glorot_normal", "glorot_uniform") for gain in (2**0.5, 5 / 3, 0.5**0.5)),
    *(("normal", {"standard_deviation": s}) for s in (0.001, 0.01, 0.02, 0.05)),
    *(("uniform", {"bound": b}) for b in (0.01, 0.1, 1.0)),
    ("truncated_normal", {"scale": 0.01}),
    ("truncated_normal", {"scale": 1.0}),
    ("torch_truncated_normal", {"scale": 1.0}),
    ("constant", {"value": 1.0}),
)
# Layers of PyTorch that hold what another one does.
ALIKE: Final = {
    "NonDynamicallyQuantizableLinear": "Linear",
    "ConvTranspose1d": "ConvTranspose2d",
    "ConvTranspose3d": "ConvTranspose2d",
    "LSTMCell": "LSTM",
    "GRUCell": "GRU",
    "RNNCell": "RNN",
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A law, and who draws from it.

    Args:
        name: the initializer's name in the catalogue with the options that are not its defaults, or the layer's.
        law: the law.
    """

    name: str
    law: Distribution


# What parameters hold of whose role nothing is known: scales, shifts, learned vectors.
BARE: Final = (
    Candidate("zeros", Constant(0.0)),
    Candidate("constant(value=1)", Constant(1.0)),
    Candidate("normal", Normal(1.0)),
    Candidate("normal(standard_deviation=0.02)", Normal(0.02)),
)


def candidates_of(parameter: ParameterRole) -> Iterator[Candidate]:
    """Yield the laws that a parameter may have been drawn from, those of the catalogue in its order."""
    role = parameter.role
    if role is None:
        yield from BARE
        return
    default = default_of(parameter)
    if default is not None:
        yield Candidate(f"the default of torch.nn.{ALIKE.get(parameter.module, parameter.module)}", default)
    for name, options in (*((name, {}) for name in INITIALIZERS), *VARIANTS):
        law = _law(name, options, role)
        if law is not None:
            told = ", ".join(
                f"{key}={value:.6g}" if isinstance(value, float) else f"{key}={value!r}"
                for key, value in options.items()
            )
            yield Candidate(f"{name}({told})" if told else name, law)


def _law(name: str, options: dict[str, Any], role: Role) -> Distribution | None:
    """Return the law of an entry for a role; None where it does not serve it."""
    cls = INITIALIZERS[name]
    kind = "convolution" if role.operation == "depthwise_convolution" else role.operation
    if role.kind == "weight" and kind not in cls.kinds:
        return None
    required = [field for field in fields(cast("Any", cls)) if _is_required(field) and field.name not in options]
    if required:
        return None
    try:
        initializer = cls(**options)
        # A bias is tried with the laws that are made for biases, not with what entries for weights leave them.
        if role.kind == "bias" and "bias" not in cls.kinds and cls.bias_law is Initializer.bias_law:
            return None
        return initializer.law_alone(role)
    except InputError:
        return None


def _is_required(field: Any) -> bool:  # noqa: ANN401
    return field.default is MISSING and field.default_factory is MISSING


def default_of(parameter: ParameterRole) -> Distribution | None:
    """Return what PyTorch's own layer holds when nobody initializes it; None where the layer is none of PyTorch's."""
    role = parameter.role
    layer = LAYERS.get(f"torch.nn.{ALIKE.get(parameter.module, parameter.module)}")
    if layer is None or role is None:
        return None
    if parameter.module in {"LSTM", "GRU", "RNN", "LSTMCell", "GRUCell", "RNNCell"}:
        # All weights and biases of each gate have one bound, by the size of the state.
        size = role.layout.rows
        return Uniform(-(size**-0.5), size**-0.5)
    law = layer.weight if role.kind == "weight" else layer.bias
    return None if law is None else law(role)
