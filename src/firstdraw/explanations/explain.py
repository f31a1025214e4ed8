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
from firstdraw.errors import located
from firstdraw.explanations.explanation import Explanation
from firstdraw.explanations.value import Abroad, Effect, Spread
from firstdraw.frameworks import COUNTERPARTS, Counterpart, LayerDefault, layer_named
from firstdraw.gains import gains
from firstdraw.initializers import INITIALIZERS, Initializer
from firstdraw.moments import gaussian_moments
from firstdraw.roles import Operation, Role, bias_role, weight_role

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
        explanation = _of_layer(layer, layer.example if shape is None else tuple(shape), phis)
        return replace(explanation, example=shape is None)
    if isinstance(subject, str):
        with located("name"):
            subject = INITIALIZERS[subject]()
    explanation = _of_initializer(subject, EXAMPLE if shape is None else tuple(shape), phis)
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
    role = weight_role(shape, operation=_operation(shape, initializer.kinds), activation=only)
    law = initializer.law(role)
    bias = initializer.law(bias_role(role))
    options = {field.name: getattr(initializer, field.name) for field in dataclasses.fields(initializer)}  # type: ignore[arg-type]  # members are dataclasses
    return _explanation(
        name,
        initializer.formula,
        role,
        law,
        bias,
        phis,
        options=options,
        abroad=tuple(_abroad(item, role, law) for item in COUNTERPARTS.get(name, ())),
        remarks=_told(type(initializer)),
        source="" if initializer.source is None else str(initializer.source),
        verified=initializer.verified,
    )


def _of_layer(layer: LayerDefault, shape: Shape, phis: Mapping[str, Activation]) -> Explanation:
    role = weight_role(shape, operation=layer.operation, parts=layer.parts)
    return _explanation(
        layer.name,
        layer.formula,
        role,
        layer.weight(role),
        None if layer.bias is None else layer.bias(bias_role(role)),
        {} if layer.operation in {"embedding", "recurrent"} else phis,
        options={},
        abroad=(),
        remarks=(layer.remark,),
        source=layer.link,
        verified=True,
    )


def _operation(shape: Shape, kinds: tuple[str, ...]) -> Operation:
    """Return what a layer does with a weight of this shape, where an initializer is for these kinds of layers."""
    if len(shape) > 2:
        return "convolution"
    flat: tuple[Operation, ...] = ("dense", "embedding", "recurrent")
    for operation in flat:
        if operation in kinds:
            return operation
    return "dense"


def _explanation(
    name: str,
    formula: str,
    role: Role,
    law: Distribution,
    bias: Distribution | None,
    phis: Mapping[str, Activation],
    *,
    options: Mapping[str, object],
    abroad: tuple[Abroad, ...],
    remarks: tuple[str, ...],
    source: str,
    verified: bool,
) -> Explanation:
    n, m = role.fan_in, role.fan_out
    # With a mean the terms of a unit's sum do not average out; an identity or another fixed matrix is no such sum.
    gained = not math.isnan(law.second_moment) and not (law.entrywise and law.mean)
    counted = m if options.get("mode") == "fan_out" else n
    return Explanation(
        name=name,
        formula=formula,
        inserted=_inserted(formula, {"n": counted, "m": m, **options}),
        shape=role.shape,
        example=False,
        operation=role.operation,
        fan_in=n,
        fan_in_counted="a row is looked up alone"
        if role.operation == "embedding"
        else _counted(role.layout.columns, role),
        fan_out=m,
        fan_out_counted=_counted(role.layout.rows, role),
        weight=Spread.of(law),
        bias=None if bias is None else Spread.of(bias),
        gain=math.sqrt(n * law.second_moment),
        effects=tuple(_effect(key, phi, n, m, law.second_moment) for key, phi in phis.items()) if gained else (),
        abroad=abroad,
        misread_fan_in=_misread_fan_in(role),
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


def _counted(channels: int, role: Role) -> str:
    """Write how a fan comes about: the channels of a block and the lengths of the kernel."""
    return " x ".join(map(str, (channels, *role.layout.window)))


def _misread_fan_in(role: Role) -> int | None:
    """Return the fan-in of a shape that is read in the order of Keras and JAX, (kernel..., in, out)."""
    misread = math.prod(role.shape[:-1])
    return None if role.operation == "embedding" or misread == role.fan_in else misread


def _told(member: type) -> tuple[str, ...]:
    """Return the paragraphs of a docstring below its formula, without those about arguments and examples."""
    text = inspect.cleandoc(member.__doc__ or "").partition("\nArgs:")[0].partition("\n>>>")[0]
    return tuple(" ".join(paragraph.split()) for paragraph in text.split("\n\n")[1:] if paragraph.strip())
