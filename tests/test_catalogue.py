from __future__ import annotations

import pytest

from firstdraw.activations import ACTIVATIONS
from firstdraw.catalogue import Catalogue, Source
from firstdraw.datasets import DATASETS
from firstdraw.distributions import DISTRIBUTIONS
from firstdraw.draws import DRAWS
from firstdraw.engine import OPTIMIZERS
from firstdraw.errors import InputError
from firstdraw.initializers import INITIALIZERS
from firstdraw.losses import LOSSES

FAMILIES: list[Catalogue[object]] = [
    ACTIVATIONS,
    DATASETS,
    DISTRIBUTIONS,
    DRAWS,
    INITIALIZERS,
    LOSSES,
    OPTIMIZERS,
]


class Apple:
    pass


class Pear:
    pass


class SmallPear(Pear):
    pass


@pytest.fixture
def fruit() -> Catalogue[object]:
    fruit: Catalogue[object] = Catalogue("fruit")
    fruit.register("apple", aliases=("pomme", "malum"))(Apple)
    fruit.register("pear")(Pear)
    return fruit


def test_a_member_is_found_under_its_name_and_its_aliases(fruit: Catalogue[object]) -> None:
    assert fruit["apple"] is fruit["pomme"] is fruit["malum"] is Apple
    assert fruit.canonical("pomme") == fruit.canonical("apple") == "apple"
    assert fruit.aliases_of("apple") == ("pomme", "malum")
    assert fruit.aliases_of("pear") == ()


def test_the_list_has_each_member_once_in_the_order_of_entry(fruit: Catalogue[object]) -> None:
    assert list(fruit) == ["apple", "pear"]
    assert len(fruit) == 2
    assert dict(fruit) == {"apple": Apple, "pear": Pear}


def test_an_alias_is_in_the_catalogue_too(fruit: Catalogue[object]) -> None:
    assert "apple" in fruit
    assert "pomme" in fruit
    assert "plum" not in fruit


def test_register_returns_the_class_itself(fruit: Catalogue[object]) -> None:
    assert fruit.register("plum")(SmallPear) is SmallPear


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("aple", "must name a known fruit, got 'aple'; did you mean 'apple'?"),
        ("pome", "must name a known fruit, got 'pome'; did you mean 'pomme'?"),
        ("maple", "must name a known fruit, got 'maple'; did you mean 'apple' or 'malum'?"),
        ("ap", "must name a known fruit, got 'ap'; did you mean 'apple'?"),
        ("Pear", "must name a known fruit, got 'Pear'; did you mean 'pear'?"),
        ("xyz", "must name a known fruit, got 'xyz'; known: apple, pear"),
        ("", "must name a known fruit, got ''; known: apple, pear"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest_ones(fruit: Catalogue[object], name: str, sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        fruit[name]
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("name", "aliases", "taken"),
    [
        ("apple", (), "apple"),
        ("pomme", (), "pomme"),
        ("plum", ("pear",), "pear"),
        ("plum", ("malum",), "malum"),
    ],
)
def test_a_name_that_is_taken_is_refused(
    fruit: Catalogue[object], name: str, aliases: tuple[str, ...], taken: str
) -> None:
    with pytest.raises(ValueError, match=f"fruit '{taken}' is in the catalogue already"):
        fruit.register(name, aliases=aliases)
    assert list(fruit) == ["apple", "pear"]


def test_name_of_asks_for_the_very_class(fruit: Catalogue[object]) -> None:
    assert fruit.name_of(Pear()) == "pear"
    with pytest.raises(KeyError, match="SmallPear is no fruit of the catalogue"):
        fruit.name_of(SmallPear())


def test_a_source_is_written_as_one_line() -> None:
    source = Source("Glorot & Bengio", 2010, "Understanding", "https://example.org")
    assert str(source) == "Glorot & Bengio (2010), Understanding, https://example.org"


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.kind)
def test_every_family_has_members_and_every_member_knows_its_name(family: Catalogue[object]) -> None:
    assert len(family) > 0
    for name, cls in family.items():
        # Made without its options, as some data sets have options without a default.
        assert family.name_of(cls.__new__(cls)) == name


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.kind)
def test_names_are_written_as_toml_keys_are(family: Catalogue[object]) -> None:
    for name in family:
        assert all(called.replace("_", "").isalnum() for called in (name, *family.aliases_of(name)))
        assert name == name.lower()
