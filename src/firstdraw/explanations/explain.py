"""From a name, a shape and an activation to an explanation."""

from __future__ import annotations

import dataclasses
import inspect
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from firstdraw.activations import ACTIVATIONS, Activation, Identity
from firstdraw.arrays import Shape
from firstdraw.distributions import Distribution, SphereRows
from firstdraw.errors import InputError, located
from firstdraw.explanations.explanation import Explanation
from firstdraw.explanations.value import Abroad, Effect, Spread
from firstdraw.frameworks import COUNTERPARTS, Counterpart, LayerDefault, layer_named
from firstdraw.gains import gains
from firstdraw.initializers import INITIALIZERS, Initializer
from firstdraw.initializers.contract import BiasInitializer
from firstdraw.moments import gaussian_moments
from firstdraw.roles import Operation, Role, bias_role, weight_role

__all__ = ["explain"]

EXAMPLE: Final = (256, 256)
# The examples of operations with a kernel; the transposed one is of a length that enlarges by 2.
EXAMPLES: Final[Mapping[Operation, Shape]] = {
    "convolution": (256, 256, 3, 3),
    "transposed_convolution": (256, 256, 4, 4),
}
# A layer inside of a network: the first and the last one have laws of their own in some schemes.
LAYER, DEPTH = 2, 3
FLAT: Final[tuple[Operation, ...]] = ("dense", "embedding", "recurrent")
WITH_KERNEL: Final[tuple[Operation, ...]] = ("convolution", "transposed_convolution")
LAYERS_TOLD: Final = 10
# Second moments above this overflow within a layer.
LARGEST: Final = 1e300


def explain(
    subject: str | Initializer,
    *,
    shape: Sequence[int] | None = None,
    activation: str | Activation | None = None,
) -> Explanation:
    """Explain a law: its numbers and where each comes from, what it does under an activation, what others draw.

    Args:
        subject: an initializer or its name ("he_normal"), or the layer of a framework ("torch.nn.Linear"), which is
            explained as nobody initializes it.
        shape: the shape of the weight in PyTorch's order of axes, (out, in) or (out, in, kernel...), of 2 to 5 axes; by
            default (256, 256) for an initializer, with a kernel where it needs one, and for a layer one of its kind.
            An initializer for biases alone is explained on the bias of the layer with this weight.
        activation: the activation that feeds the layer; by default every one of the catalogue, each in a row.

    Raises:
        InputError: if a name is unknown, the shape is none of a weight or of a kind that the initializer does not
            serve, or the initializer refuses the activation.

    >>> explanation = explain("he_normal", shape=(256, 128, 3, 3), activation="gelu")
    >>> explanation.fan_in_counted, explanation.inserted
    ('128 x 3 x 3', 'N(0, 2/((1 + 0^2) x 1152))')
    >>> round(explanation.weight.standard_deviation, 6), round(explanation.effects[0].forward_factor, 4)
    (0.041667, 0.8504)
    >>> round(explain("torch.nn.Linear", activation="relu").effects[0].forward_factor * 6, 12)
    1.0
    """
    phis = _activations(activation)
    if isinstance(subject, str) and "." in subject:
        with located("name"):
            layer = layer_named(subject)
        explanation = _of_layer(layer, layer.example if shape is None else tuple(shape), phis)
        return replace(explanation, example=shape is None)
    if isinstance(subject, str):
        with located("name"):
            subject = INITIALIZERS[subject]()
    explanation = _of_initializer(subject, _example(subject) if shape is None else tuple(shape), phis)
    return replace(explanation, example=shape is None)


def _activations(activation: str | Activation | None) -> Mapping[str, Activation]:
    if activation is None:
        return {name: cls() for name, cls in ACTIVATIONS.items()}
    if isinstance(activation, Activation):
        return {repr(activation): activation}
    with located("activation"):
        return {ACTIVATIONS.canonical(activation): ACTIVATIONS[activation]()}


def _of_initializer(initializer: Initializer, shape: Shape, phis: Mapping[str, Activation]) -> Explanation:
    known = (name for name, cls in INITIALIZERS.items() if type(initializer) is cls)
    name = next(known, type(initializer).__name__)
    only = next(iter(phis.values())) if len(phis) == 1 else None
    role = _role(name, initializer, shape, only)
    bias = initializer.law(bias_role(role))
    law = None if isinstance(initializer, BiasInitializer) else initializer.law(role)
    fed: Mapping[str, Activation] = {} if law is None or role.operation == "embedding" else phis
    laws = {key: _law_under(initializer, role, phi) for key, phi in fed.items()}
    return _explanation(
        name,
        initializer.formula,
        role,
        law,
        bias,
        {key: (phis[key], found) for key, found in laws.items() if found is not None},
        options={field.name: getattr(initializer, field.name) for field in dataclasses.fields(initializer)},  # type: ignore[arg-type]  # members are dataclasses
        abroad=() if law is None else tuple(_abroad(item, role, law) for item in COUNTERPARTS.get(name, ())),
        remarks=_told(type(initializer)),
        source="" if initializer.source is None else str(initializer.source),
        verified=initializer.verified,
    )


def _law_under(initializer: Initializer, role: Role, phi: Activation) -> Distribution | None:
    """Return the law of a weight that an activation follows; None where the initializer refuses this activation."""
    try:
        return initializer.law(replace(role, activation=phi))
    except InputError:
        return None


def _example(initializer: Initializer) -> Shape:
    """Return the shape of a weight that an initializer serves, or of one whose bias it serves."""
    if isinstance(initializer, BiasInitializer):
        return (initializer.outputs or EXAMPLE[0], EXAMPLE[1])
    if not set(initializer.kinds).isdisjoint(FLAT):
        return EXAMPLE
    return next((shape for operation, shape in EXAMPLES.items() if operation in initializer.kinds), EXAMPLE)


def _role(name: str, initializer: Initializer, shape: Shape, activation: Activation | None) -> Role:
    """Return the role of a weight of this shape, or of the one whose bias an initializer for biases alone serves."""
    if isinstance(initializer, BiasInitializer):
        operation: Operation = "convolution" if len(shape) > 2 else "recurrent" if initializer.parts > 1 else "dense"
        return weight_role(
            shape, operation=operation, parts=initializer.parts, layer=LAYER, depth=DEPTH, activation=activation
        )
    operations = WITH_KERNEL if len(shape) > 2 else FLAT
    served: list[Operation] = [operation for kind in initializer.kinds for operation in operations if operation == kind]
    role = weight_role(shape, operation=(served or operations)[0], layer=LAYER, depth=DEPTH, activation=activation)
    if not served:
        kinds = " or ".join(kind.replace("_", " ") for kind in initializer.kinds if kind not in ("bias", "head"))
        raise InputError("shape", f"must be that of a weight of the kind {kinds} for {name!r}", shape)
    return role


def _of_layer(layer: LayerDefault, shape: Shape, phis: Mapping[str, Activation]) -> Explanation:
    role = weight_role(shape, operation=layer.operation, parts=layer.parts)
    law = layer.weight(role)
    return _explanation(
        layer.name,
        layer.formula,
        role,
        law,
        None if layer.bias is None else layer.bias(bias_role(role)),
        {} if layer.operation in {"embedding", "recurrent"} else {key: (phi, law) for key, phi in phis.items()},
        options={},
        abroad=(),
        remarks=(layer.remark,),
        source=layer.link,
        verified=True,
    )


def _explanation(
    name: str,
    formula: str,
    role: Role,
    law: Distribution | None,
    bias: Distribution | None,
    laws: Mapping[str, tuple[Activation, Distribution]],
    *,
    options: Mapping[str, object],
    abroad: tuple[Abroad, ...],
    remarks: tuple[str, ...],
    source: str,
    verified: bool,
) -> Explanation:
    n, m = role.fan_in, role.fan_out
    letters = {"n": _counted_fan(options, n, m), "m": m, **options}
    if role.operation in {"embedding", "recurrent"}:
        # The length of a vector, the units of a gate.
        letters["d"] = role.layout.rows
    return Explanation(
        name=name,
        formula=formula,
        inserted=_inserted(formula, letters, role.activation or Identity()),
        shape=role.shape,
        example=False,
        operation=role.operation,
        fan_in=n,
        fan_in_counted="a row is looked up alone"
        if role.operation == "embedding"
        else _counted(role.layout.columns, role),
        fan_out=m,
        fan_out_counted=_counted(role.layout.rows, role),
        weight=None if law is None else Spread.of(law),
        bias=None if bias is None else Spread.of(bias),
        gain=None if law is None else math.sqrt(n * law.second_moment),
        effects=tuple(
            _effect(key, phi, n, m, found.second_moment) for key, (phi, found) in laws.items() if _gained(found)
        ),
        abroad=abroad,
        misread_fan_in=None if law is None else _misread_fan_in(role),
        remarks=remarks,
        source=source,
        verified=verified,
    )


def _gained(law: Distribution) -> bool:
    """Whether a gain describes a law.

    With a mean the terms of a unit's sum do not average out; an identity or another fixed matrix is no such sum. Where
    the weights of a unit sum to 0, they take the mean of phi away, and its second moment is not what they carry on.
    """
    centered = isinstance(law, SphereRows) and law.centered
    return not math.isnan(law.second_moment) and not (law.entrywise and law.mean) and not centered


def _counted_fan(options: Mapping[str, object], n: float, m: float) -> float:
    """Return the fan that the options of an initializer ask for, the fan-in where they are silent."""
    match options.get("mode", options.get("variance_norm")):
        case "fan_out":
            return m
        case "fan_avg" | "average":
            return (n + m) / 2
        case "fan_geo_avg":
            return math.sqrt(n * m)
        case _:
            return n


def _effect(name: str, phi: Activation, n: float, m: float, second_moment: float) -> Effect:
    moments = gaussian_moments(phi)
    q = 1.0
    for _ in range(LAYERS_TOLD):
        if q > LARGEST:
            q = math.inf
            break
        q = n * second_moment * gaussian_moments(phi, variance=q).second_moment
    return Effect(
        activation=name,
        weight_second_moment=second_moment,
        second_moment=moments.second_moment,
        slope_second_moment=moments.slope_second_moment,
        gains=gains(phi),
        forward_factor=n * second_moment * moments.second_moment,
        backward_factor=m * second_moment * moments.slope_second_moment,
        after_ten_layers=q,
    )


def _abroad(counterpart: Counterpart, role: Role, law: Distribution) -> Abroad:
    other = None if counterpart.law is None else counterpart.law(role)
    return Abroad(
        framework=counterpart.framework,
        call=counterpart.call,
        spread=None if other is None else Spread.of(other),
        same=other is not None and str(other) == str(law),
        remark=counterpart.remark,
    )


def _inserted(formula: str, numbers: Mapping[str, object], phi: Activation) -> str:
    """Write a formula with the numbers in the places of the letters; what explains the letters is left out.

    >>> _inserted("N(0, 2/((1 + slope^2) n)), n = fan-in", {"n": 1152, "slope": 0.2}, Identity())
    'N(0, 2/((1 + 0.2^2) x 1152))'
    >>> _inserted("N(0, 1/(n E phi(z)^2)), z ~ N(0, 1)", {"n": 8}, Identity())
    'N(0, 1/(8 x 1))'
    """
    law = re.split(r", (?=[a-z] = (?:fan|the)|z ~|d the )", formula)[0]
    for term, value in PHI.items():
        if term in law:
            law = law.replace(term, _number(value(phi)))
    names = "|".join(map(re.escape, numbers))
    placed = re.sub(rf"\b({names})\b", lambda found: _number(numbers[found[1]]), law)
    # Two factors side by side are a product.
    return re.sub(r"(?<=[\d)]) (?=[\d(]|sqrt|exp)", " x ", placed)


# What formulas say of the activation; without one they are those of the identity.
PHI: Final[Mapping[str, Callable[[Activation], float]]] = {
    "E phi(z)^2": lambda phi: gaussian_moments(phi).second_moment,
    "phi'(0)": lambda phi: float(phi.derivative(np.zeros(1))[0]),
    "phi(0)": lambda phi: float(phi.value(np.zeros(1))[0]),
}


def _number(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _counted(channels: int, role: Role) -> str:
    """Write how a fan comes about: the channels of a block and the lengths of the kernel."""
    return " x ".join(map(str, (channels, *role.layout.window)))


def _misread_fan_in(role: Role) -> int | None:
    """Return the fan-in of a shape that is read in the order of Keras and JAX, (kernel..., in, out)."""
    misread = math.prod(role.shape[:-1])
    return None if role.operation == "embedding" or misread == role.fan_in else misread


def _told(member: type) -> tuple[str, ...]:
    """Return the paragraphs of a docstring below its formula, without those about arguments and examples."""
    text = inspect.cleandoc(member.__doc__ or "")
    text = re.split(r"\n(?:Args:|Raises:|>>>)", text)[0]
    return tuple(" ".join(paragraph.split()) for paragraph in text.split("\n\n")[1:] if paragraph.strip())
