"""A table from names to the members of one family, with "did you mean" for an unknown name.

It is the only list: the spec parser, the command line's choices, the documentation and the conformance tests all
read it, so a new member is known everywhere by existing.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Generic, TypeVar, cast

from firstdraw.errors import UnknownNameError, either

__all__ = ["Catalogue", "Source", "import_members"]

# More suggestions than this are no help; the whole list is.
MOST_NAMES: Final = 3

Member = TypeVar("Member")
Registered = TypeVar("Registered", bound=type)


@dataclass(frozen=True, slots=True)
class Source:
    """Where an idea was published.

    >>> print(Source("He, Zhang, Ren & Sun", 2015, "Delving Deep into Rectifiers", "https://arxiv.org/abs/1502.01852"))
    He, Zhang, Ren & Sun (2015), Delving Deep into Rectifiers, https://arxiv.org/abs/1502.01852
    """

    authors: str
    year: int
    title: str
    link: str

    def __str__(self) -> str:
        return f"{self.authors} ({self.year}), {self.title}, {self.link}"


class Catalogue(Mapping[str, type[Member]], Generic[Member]):
    """Names and the classes they stand for; a member is an instance of its class, the class's fields its options.

    Args:
        kind: what the members are, in the singular, for error sentences ("activation").

    Raises:
        UnknownNameError: on looking up a name that is not in the catalogue.

    >>> fruit = Catalogue[object]("fruit")
    >>> @fruit.register("apple", aliases=("pomme",))
    ... class Apple: pass
    >>> fruit["pomme"] is Apple, list(fruit), fruit.name_of(Apple())
    (True, ['apple'], 'apple')
    >>> fruit["aple"]
    Traceback (most recent call last):
    ...
    firstdraw.errors.UnknownNameError: must name a known fruit, got 'aple'; did you mean 'apple'?
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._classes: dict[str, type[Member]] = {}
        self._aliases: dict[str, str] = {}

    def register(self, name: str, *, aliases: tuple[str, ...] = ()) -> Callable[[Registered], Registered]:
        """Return a class decorator that enters the class under `name` and its `aliases`."""
        for taken in (name, *aliases):
            if taken in self._classes or taken in self._aliases:
                raise ValueError(f"{self.kind} {taken!r} is in the catalogue already")

        def enter(cls: Registered) -> Registered:
            self._classes[name] = cast("type[Member]", cls)
            self._aliases.update(dict.fromkeys(aliases, name))
            return cls

        return enter

    def canonical(self, name: str) -> str:
        """Return the one name that `name`, perhaps an alias, stands for."""
        known = self._aliases.get(name, name)
        if known not in self._classes:
            raise UnknownNameError("", f"must name a known {self.kind}", name, hint=self._suggestion(name))
        return known

    def aliases_of(self, name: str) -> tuple[str, ...]:
        """Return the other names of the member called `name`."""
        return tuple(alias for alias, canonical in self._aliases.items() if canonical == name)

    def name_of(self, member: Member) -> str:
        """Return the name under which the class of `member` is entered."""
        for name, cls in self._classes.items():
            if type(member) is cls:
                return name
        raise KeyError(f"{type(member).__name__} is no {self.kind} of the catalogue")

    def _suggestion(self, name: str) -> str:
        close = difflib.get_close_matches(name, [*self._classes, *self._aliases], n=MOST_NAMES, cutoff=0.6)
        # A family's name alone ("he") is too short to be near to its members' names.
        begun = [known for known in self._classes if name and known.startswith(name)]
        if close or 0 < len(begun) <= MOST_NAMES:
            return f"did you mean {either(close or begun)}?"
        return f"known: {', '.join(sorted(self._classes))}"

    def __getitem__(self, name: str) -> type[Member]:
        return self._classes[self.canonical(name)]

    def __contains__(self, name: object) -> bool:
        return name in self._classes or name in self._aliases

    def __iter__(self) -> Iterator[str]:
        return iter(self._classes)

    def __len__(self) -> int:
        return len(self._classes)


def import_members(package: str, path: Iterable[str]) -> None:
    """Import every module of a package, so that its members enter their catalogue by existing as a file."""
    for module in sorted(pkgutil.iter_modules(path), key=lambda module: module.name):
        importlib.import_module(f"{package}.{module.name}")
