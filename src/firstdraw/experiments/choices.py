"""Members of a catalogue as a spec writes them: a name, or a table of a name and options."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any, TypeVar, cast

import msgspec

from firstdraw.catalogue import Catalogue
from firstdraw.errors import InputError
from firstdraw.experiments.sentences import as_input_error

__all__ = ["Choice", "check_known", "choose", "describe"]

Member = TypeVar("Member")
Choice = str | dict[str, Any]


def choose(catalogue: Catalogue[Member], choice: Choice) -> Member:
    """Return the member that a spec names.

    Args:
        catalogue: the family it is from.
        choice: `"sgd"`, or `{"name": "sgd", "learning_rate": 0.1}`.

    Raises:
        InputError: if the name or an option is unknown, or an option breaks its rule.

    >>> from firstdraw.activations import ACTIVATIONS
    >>> choose(ACTIVATIONS, {"name": "leaky_relu", "slope": 0.2})
    LeakyReLU(slope=0.2)
    """
    table = {"name": choice} if isinstance(choice, str) else dict(choice)
    name = table.pop("name", None)
    if not isinstance(name, str):
        rule = f"must name the {catalogue.kind}"
        raise InputError("name", rule) if name is None else InputError("name", rule, name)
    member = catalogue[name]
    check_known(table, [field.name for field in fields(cast("Any", member))], f"option of {name!r}")
    try:
        return msgspec.convert(table, member)
    except msgspec.ValidationError as error:
        raise as_input_error(error, table, member) from None


def check_known(table: Mapping[str, object], known: Iterable[str], kind: str) -> None:
    """Refuse a key that is not among the known ones, with the nearest of them."""
    names = list(known)
    for key in map(str, table):
        if key not in names:
            close = difflib.get_close_matches(key, names, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(names) or 'none'}"
            raise InputError(key, f"is no {kind}", hint=hint)


def describe(catalogue: Catalogue[Member], member: Member) -> dict[str, Any]:
    """Return a member as the table that `choose` turns into it, with every option; options that are None are left out.

    >>> from firstdraw.activations import ACTIVATIONS, LeakyReLU
    >>> describe(ACTIVATIONS, LeakyReLU(0.2))
    {'name': 'leaky_relu', 'slope': 0.2}
    """
    options = {field.name: getattr(member, field.name) for field in fields(cast("Any", member))}
    return {"name": catalogue.name_of(member)} | {key: value for key, value in options.items() if value is not None}
