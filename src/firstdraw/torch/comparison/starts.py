"""What a model begins with: a scheme of `initialize`, what its factory draws, or a function of one's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast

from firstdraw.errors import InputError
from firstdraw.initializers import Initializer
from firstdraw.torch.automatic import entry_of
from firstdraw.torch.failing import failing
from firstdraw.torch.initializing import initialize
from firstdraw.torch.library import Module
from firstdraw.torch.roles import roles_of
from firstdraw.torch.schemes import Scheme, choices

__all__ = ["AS_BUILT", "Schemes", "Start", "check_starts", "starts_of"]

AS_BUILT: Final = "as built"

CompareScheme: TypeAlias = Scheme | Callable[[Module, int], object]
"""What `initialize` takes, "as built", or a function of the model and the seed that writes the parameters."""

Schemes: TypeAlias = Sequence[CompareScheme] | Mapping[str, CompareScheme]


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """A scheme with its name.

    Args:
        label: the name.
        scheme: what writes the parameters.
    """

    label: str
    scheme: CompareScheme

    @property
    def function(self) -> Callable[[Module, int], object] | None:
        """The user's own function, where the scheme is one."""
        return self.scheme if callable(self.scheme) else None

    def write(self, model: Module, seed: int) -> None:
        """Give a model the parameters of a seed.

        Raises:
            InputError: if the scheme does not serve the model.
            FirstdrawError: if the user's function fails.
        """
        if self.function is not None:
            with failing("the function of the scheme"):
                self.function(model, seed)
        elif self.scheme != AS_BUILT:
            initialize(model, cast("Scheme", self.scheme), seed=seed)


def starts_of(schemes: Schemes) -> tuple[Start, ...]:
    """Return schemes with their names: those of a mapping, or what each is called.

    Raises:
        InputError: if there is none, or two are called the same.

    >>> [start.label for start in starts_of(["as built", "he_normal", {"*": 0.0}])]
    ['as built', 'he_normal', 'rules']
    """
    if isinstance(schemes, str) or not isinstance(cast("object", schemes), Mapping | Sequence):
        raise InputError("schemes", "must be a list of schemes, or a mapping from labels to them", schemes)
    if not schemes:
        raise InputError("schemes", "must have one scheme or more, and is empty")
    if isinstance(schemes, Mapping):
        return tuple(Start(str(label), scheme) for label, scheme in schemes.items())
    labels = [_name(scheme) for scheme in schemes]
    for i, label in enumerate(labels):
        if label in labels[:i]:
            raise InputError(
                f"schemes[{i}]",
                "must have a name of its own among the schemes",
                label,
                hint="a mapping from labels to schemes gives them names",
            )
    return tuple(map(Start, labels, schemes))


def _name(scheme: CompareScheme) -> str:
    if isinstance(scheme, str):
        return scheme
    if isinstance(scheme, Initializer):
        return entry_of(scheme)
    return "rules" if isinstance(scheme, Mapping) else str(getattr(scheme, "__name__", type(scheme).__name__))


def check_starts(starts: Sequence[Start], model: Module) -> None:
    """Refuse schemes that do not serve a model; nothing is written.

    Raises:
        InputError: if a name, an option or a pattern is unknown, or a law does not serve a parameter.
    """
    asked: list[Start] = [start for start in starts if start.function is None and start.scheme != AS_BUILT]
    roles: Any = roles_of(model) if asked else None
    for start in asked:
        try:
            choices(roles, cast("Scheme", start.scheme))
        except InputError as error:
            error.during(f"in the scheme {start.label!r}")
            raise
