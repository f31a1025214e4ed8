"""From a scheme, as a user writes it, to what each parameter gets."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import fields, replace
from fnmatch import fnmatchcase
from typing import Any, TypeAlias, cast

from firstdraw.distributions import Constant, Distribution
from firstdraw.distributions.whole import WholeDistribution
from firstdraw.errors import InputError, either, located
from firstdraw.initializers import INITIALIZERS, Initializer
from firstdraw.roles import Role, bias_role, weight_role
from firstdraw.rules import check_finite
from firstdraw.torch.automatic import Choice, automatic, entry_of
from firstdraw.torch.roles import ModelRoles, ParameterRole

__all__ = ["Rule", "Scheme", "choices"]

Rule: TypeAlias = str | Mapping[str, Any] | Initializer | Distribution | float | None
Scheme: TypeAlias = str | Initializer | Mapping[str, Rule]


def choices(model: ModelRoles, scheme: Scheme) -> list[Choice]:
    """Return what each parameter of a model gets, in order.

    Args:
        model: its parameters.
        scheme: "auto"; an initializer of the catalogue or its name, for the weights that it serves and their biases; or
            a mapping from patterns of names to rules, of which the first that fits counts.

    Raises:
        InputError: if a name, an option or a pattern is unknown, or a law does not serve a parameter.
    """
    if isinstance(scheme, Mapping):
        return _by_rules(model, scheme)
    if scheme == "auto":
        return [automatic(parameter, model) for parameter in model.parameters]
    with located("scheme"):
        initializer = _initializer(scheme)
    served = [_serves(initializer, parameter) for parameter in model.parameters]
    if not any(served):
        raise InputError(
            "scheme",
            f"must serve some weight of the model: {entry_of(initializer)!r} is for {either(initializer.kinds)}",
        )
    return [
        _by_initializer(initializer, parameter, model) if serves else _beside(initializer, parameter, model)
        for parameter, serves in zip(model.parameters, served, strict=True)
    ]


def _initializer(given: object) -> Initializer:
    if isinstance(given, Initializer):
        return given
    if isinstance(given, str):
        return INITIALIZERS[given]()
    if not isinstance(given, Mapping):
        raise InputError(
            "", "must be 'auto', an initializer, the name of one, or a mapping from patterns of names", given
        )
    table = dict(cast("Mapping[str, Any]", given))
    name = table.pop("name", None)
    if not isinstance(name, str):
        raise InputError("name", "must name the initializer", name)
    member = INITIALIZERS[name]
    known = [field.name for field in fields(cast("Any", member))]
    for option in table:
        if option not in known:
            close = difflib.get_close_matches(option, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known) or 'none'}"
            raise InputError(option, f"is no option of {name!r}", hint=hint)
    return member(**table)


def _kind(role: Role) -> str:
    return "convolution" if role.operation == "depthwise_convolution" else role.operation


def _serves(initializer: Initializer, parameter: ParameterRole) -> bool:
    role = parameter.role
    return role is not None and role.kind == "weight" and _kind(role) in initializer.kinds


def _by_initializer(initializer: Initializer, parameter: ParameterRole, model: ModelRoles) -> Choice:
    role = parameter.role
    assert role is not None  # noqa: S101  # it serves the parameter
    following = parameter.following
    reason = f"a {role.operation.replace('_', ' ')} weight, as the scheme says"
    if following is not None and following.known and following.activation is not None:
        reason += f"; {type(following.activation).__name__} follows, by {following.way}"
    elif role.kind == "weight" and model.only_activation is not None and (following is None or not following.known):
        # Laws that ask for the activation get the model's only one where the place is not known.
        role = replace(role, activation=model.only_activation)
    with located(parameter.name):
        law = initializer.law(role)
    return Choice(law=law, entry=entry_of(initializer), reason=reason, source=initializer.source)


def _beside(initializer: Initializer, parameter: ParameterRole, model: ModelRoles) -> Choice:
    """Return what a parameter gets that a scheme does not serve as a weight."""
    role = parameter.role
    if role is not None and role.kind == "bias" and not parameter.gates and _kind(role) in initializer.kinds:
        with located(parameter.name):
            law = initializer.law(role)
        reason = "a bias of a layer that the scheme serves"
        return Choice(law=law, entry=entry_of(initializer), reason=reason, source=initializer.source)
    chosen = automatic(parameter, model)
    if role is None or role.kind != "weight":
        return chosen
    return replace(chosen, reason=f"{entry_of(initializer)!r} serves no {_kind(role)}; {chosen.reason}")


def _by_rules(model: ModelRoles, rules: Mapping[str, Rule]) -> list[Choice]:
    names = [name for parameter in model.parameters for name in parameter.names]
    for pattern in rules:
        if not any(fnmatchcase(name, pattern) for name in names):
            close = difflib.get_close_matches(pattern, names, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"the first is {names[0]!r}"
            raise InputError(f"scheme[{pattern!r}]", "must fit the name of some parameter", hint=hint)
    return [_by_rule(model, parameter, rules) for parameter in model.parameters]


def _by_rule(model: ModelRoles, parameter: ParameterRole, rules: Mapping[str, Rule]) -> Choice:
    for pattern, rule in rules.items():
        if any(fnmatchcase(name, pattern) for name in parameter.names):
            with located(f"scheme[{pattern!r}]"):
                chosen = _ruled(rule, parameter, model)
            return replace(chosen, reason=f"the rule {pattern!r}" + (f"; {chosen.reason}" if chosen.reason else ""))
    return automatic(parameter, model)


def _ruled(rule: Rule, parameter: ParameterRole, model: ModelRoles) -> Choice:
    if rule is None:
        return Choice(law=None, reason="left as it is")
    if rule == "auto":
        return automatic(parameter, model)
    if isinstance(rule, Distribution):
        if isinstance(rule, WholeDistribution) and rule.layout.shape != parameter.shape:
            raise InputError("", f"must be a law for the shape {parameter.shape}", rule.layout.shape)
        return Choice(law=rule, reason="")
    if isinstance(rule, int | float):
        return Choice(law=Constant(float(check_finite("", rule))), entry="constant", reason="")
    initializer = _initializer(rule)
    role = parameter.role or _assumed(parameter)
    with located(parameter.name):
        law = initializer.law_alone(role)
    return Choice(law=law, entry=entry_of(initializer), reason="", source=initializer.source)


def _assumed(parameter: ParameterRole) -> Role:
    """Return the role that a parameter of which nothing is known has by its shape: a bias, or (stacked..., out, in)."""
    shape = parameter.shape or (1,)
    if len(shape) == 1:
        return bias_role(weight_role((*shape, 1)), name=parameter.name)
    return weight_role(shape, stacked=len(shape) - 2, name=parameter.name)
