"""From a name, a shape and an activation to an explanation."""

from __future__ import annotations

import dataclasses
import inspect
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from firstdraw.activations import ACTIVATIONS, Activation
from firstdraw.arrays import Shape
from firstdraw.distributions import Distribution
from firstdraw.errors import InputError, located
from firstdraw.explanations.value import Abroad, Effect, Explanation, Spread
from firstdraw.frameworks import COUNTERPARTS, Counterpart, LayerDefault, Operation, layer_named
from firstdraw.gains import gains
from firstdraw.initializers import INITIALIZERS, Initializer
from firstdraw.moments import gaussian_moments
from firstdraw.roles import Role, dense_roles
from firstdraw.rules import check_positive_integer

__all__ = ["explain"]

EXAMPLE: Final = (256, 256)
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
            default (256, 256) for an initializer, and for a layer one of its kind.
        activation: the activation that feeds the layer; by default every one of the catalogue, each in a row.

    Raises:
        InputError: if a name is unknown or the shape is none of a weight.

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
        explanation = _of_layer(layer, _checked(layer.example if shape is None else shape), phis)
        return replace(explanation, example=shape is None)
    if isinstance(subject, str):
        with located("name"):
            subject = INITIALIZERS[subject]()
    explanation = _of_initializer(subject, _checked(EXAMPLE if shape is None else shape), phis)
    return replace(explanation, example=shape is None)


def _activations(activation: str | Activation | None) -> Mapping[str, Activation]:
    if activation is None:
        return {name: cls() for name, cls in ACTIVATIONS.items()}
    if isinstance(activation, Activation):
        return {repr(activation): activation}
    with located("activation"):
        return {ACTIVATIONS.canonical(activation): ACTIVATIONS[activation]()}


def _checked(shape: Sequence[int]) -> Shape:
    if not 2 <= len(shape) <= 5:
        rule = "must have 2 to 5 axes: outputs, inputs, and up to three of a kernel"
        hint = "a bias has no fan of its own: `zeros` serves it" if len(shape) == 1 else ""
        raise InputError("shape", rule, tuple(shape), hint)
    return tuple(check_positive_integer(f"shape[{axis}]", length) for axis, length in enumerate(shape))


def _of_initializer(initializer: Initializer, shape: Shape, phis: Mapping[str, Activation]) -> Explanation:
    known = (name for name, cls in INITIALIZERS.items() if type(initializer) is cls)
    name = next(known, type(initializer).__name__)
    only = next(iter(phis.values())) if len(phis) == 1 else None
    role = _weight_role(shape, "dense" if len(shape) == 2 else "convolution", only)
    law = initializer.law(role)
    bias = initializer.law(replace(role, kind="bias"))
    options = {field.name: getattr(initializer, field.name) for field in dataclasses.fields(initializer)}  # type: ignore[arg-type]  # members are dataclasses
    return _explanation(
        name,
        initializer.formula,
        role,
        law,
        bias,
        phis,
        options=options,
        operation=_operation(shape),
        abroad=tuple(_abroad(item, role, law) for item in COUNTERPARTS.get(name, ())),
        remarks=_told(type(initializer)),
        source="" if initializer.source is None else str(initializer.source),
        verified=initializer.verified,
    )


def _of_layer(layer: LayerDefault, shape: Shape, phis: Mapping[str, Activation]) -> Explanation:
    role = _weight_role(shape, layer.operation, None)
    return _explanation(
        layer.name,
        layer.formula,
        role,
        layer.weight(role),
        None if layer.bias is None else layer.bias(role),
        {} if layer.operation in {"embedding", "recurrent"} else phis,
        options={},
        operation=layer.operation,
        abroad=(),
        remarks=(layer.remark,),
        source=layer.link,
        verified=True,
    )


def _operation(shape: Shape) -> Operation:
    return "dense" if len(shape) == 2 else "convolution"


def _weight_role(shape: Shape, operation: Operation, activation: Activation | None) -> Role:
    """Return the role of a weight of this shape, in PyTorch's order of axes."""
    taps = math.prod(shape[2:])
    outputs, inputs = (shape[1], shape[0]) if operation == "transposed_convolution" else shape[:2]
    fan_in, fan_out = inputs * taps, outputs * taps
    if operation == "embedding":
        # A row is looked up alone.
        fan_in, fan_out = 1, shape[1]
    return replace(dense_roles(fan_in, fan_out, layer=1, depth=1, activation=activation)[0], shape=shape)


def _explanation(
    name: str,
    formula: str,
    role: Role,
    law: Distribution,
    bias: Distribution | None,
    phis: Mapping[str, Activation],
    *,
    options: Mapping[str, object],
    operation: Operation,
    abroad: tuple[Abroad, ...],
    remarks: tuple[str, ...],
    source: str,
    verified: bool,
) -> Explanation:
    n, m = role.fan_in, role.fan_out
    counted = m if options.get("mode") == "fan_out" else n
    return Explanation(
        name=name,
        formula=formula,
        inserted=_inserted(formula, {"n": counted, "m": m, **options}),
        shape=role.shape,
        example=False,
        operation=operation,
        fan_in=n,
        fan_in_counted=_counted(role, operation, inputs=True),
        fan_out=m,
        fan_out_counted=_counted(role, operation, inputs=False),
        weight=Spread.of(law),
        bias=None if bias is None else Spread.of(bias),
        gain=math.sqrt(n * law.second_moment),
        # With a mean the terms of a unit's sum do not average out, and no gain describes it.
        effects=tuple(_effect(key, phi, n, m, law.second_moment) for key, phi in phis.items() if not law.mean),
        abroad=abroad,
        misread_fan_in=_misread_fan_in(role.shape, n, operation),
        remarks=remarks,
        source=source,
        verified=verified,
    )


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


def _inserted(formula: str, numbers: Mapping[str, object]) -> str:
    """Write a formula with the numbers in the places of the letters; what explains the letters is left out.

    >>> _inserted("N(0, 2/((1 + slope^2) n)), n = fan-in", {"n": 1152, "slope": 0.2})
    'N(0, 2/((1 + 0.2^2) x 1152))'
    """
    law = re.split(r", (?=[a-z] = (?:fan|the))", formula)[0]
    names = "|".join(map(re.escape, numbers))
    placed = re.sub(rf"\b({names})\b", lambda found: _number(numbers[found[1]]), law)
    # Two factors side by side are a product.
    return re.sub(r"(?<=[\d)]) (?=[\d(]|sqrt)", " x ", placed)


def _number(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _counted(role: Role, operation: Operation, *, inputs: bool) -> str:
    """Write how a fan comes about."""
    if operation == "embedding":
        return "a row is looked up alone" if inputs else str(role.shape[1])
    first = inputs == (operation == "transposed_convolution")
    return " x ".join(map(str, (role.shape[0 if first else 1], *role.shape[2:])))


def _misread_fan_in(shape: Shape, fan_in: float, operation: Operation) -> int | None:
    """Return the fan-in of a shape that is read in the order of Keras and JAX, (kernel..., in, out)."""
    misread = math.prod(shape[:-1])
    return None if operation == "embedding" or misread == fan_in else misread


def _told(member: type) -> tuple[str, ...]:
    """Return the paragraphs of a docstring below its formula, without those about arguments and examples."""
    text = inspect.cleandoc(member.__doc__ or "").partition("\nArgs:")[0].partition("\n>>>")[0]
    return tuple(" ".join(paragraph.split()) for paragraph in text.split("\n\n")[1:] if paragraph.strip())
