"""A spec survives being written down: as a dictionary and as TOML."""

from __future__ import annotations

import tomllib
from dataclasses import MISSING, Field, fields, replace
from importlib.resources import as_file, files
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstdraw.activations import ACTIVATIONS
from firstdraw.catalogue import Catalogue
from firstdraw.datasets import DATASETS
from firstdraw.draws import DRAWS
from firstdraw.engine import OPTIMIZERS, Batches, Recording
from firstdraw.experiments import Initialization, Spec, Training, as_table, as_toml, read_file, read_table
from firstdraw.experiments.choices import choose, describe
from firstdraw.fitted import FITTED
from firstdraw.initializers import INITIALIZERS
from firstdraw.initializers.parametrizations import PARAMETRIZATIONS
from firstdraw.losses import LOSSES
from firstdraw.networks import Branch, MultilayerPerceptron

# Options without a default, and options of a kind that a number would not fit.
GIVEN = {"path": "some folder/täble.csv", "target": "y"}
CATALOGUES = {
    "activation": ACTIVATIONS,
    "loss": LOSSES,
    "optimizer": OPTIMIZERS,
    "initializer": INITIALIZERS,
    "parametrization": PARAMETRIZATIONS,
    "fitted initializer": FITTED,
    "data set": DATASETS,
}
MEMBERS = [(catalogue, name) for catalogue in CATALOGUES.values() for name in catalogue]


def _option(field: Field[Any]) -> st.SearchStrategy[Any]:
    """Values near the default, so that no rule is broken whatever it is."""
    default = field.default
    if isinstance(default, bool):
        return st.booleans()
    if isinstance(default, int):
        return st.integers(max(default, 1), max(default, 1) + 100)
    if isinstance(default, float) and default > 0:
        return st.floats(default / 2, default)
    return st.just(default)


@st.composite
def _members(draw: st.DrawFn, catalogue: Catalogue[Any]) -> Any:
    member = catalogue[draw(st.sampled_from(list(catalogue)))]
    options: dict[str, Any] = {}
    for field in fields(member):
        if field.default is MISSING:
            options[field.name] = GIVEN[field.name]
        elif draw(st.booleans()):
            options[field.name] = draw(_option(field))
    return member(**options)


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)
LABELS = TEXTS.filter(lambda text: bool(text.strip()) and text.isprintable())


@st.composite
def _networks(draw: st.DrawFn) -> MultilayerPerceptron:
    widths = draw(st.lists(st.integers(1, 50), min_size=2, max_size=4))
    branches: list[Branch] = []
    for length in draw(st.lists(st.integers(1, 3), max_size=3)):
        first = len(widths)
        # Past the branch the width is again that which entered it; the last entry is kept for the last layer.
        widths += [*draw(st.lists(st.integers(1, 50), min_size=length - 1, max_size=length - 1)), widths[-1]]
        branches.append(Branch(first, first + length - 1, draw(st.booleans())))
    return MultilayerPerceptron((*widths, draw(st.integers(1, 50))), draw(_members(ACTIVATIONS)), tuple(branches))


@st.composite
def _starts(draw: st.DrawFn, label: str) -> Initialization:
    parametrization = draw(st.none() | _members(PARAMETRIZATIONS))
    weights = _members(INITIALIZERS)
    return Initialization(
        label,
        draw(weights if parametrization is None else st.just(parametrization) | weights),
        draw(st.none() | _members(INITIALIZERS)),
        draw(st.none() | _members(INITIALIZERS)),
        draw(st.none() | _members(FITTED)),
        parametrization,
    )


@st.composite
def _specs(draw: st.DrawFn) -> Spec:
    starts = [draw(_starts(label)) for label in draw(st.lists(LABELS, min_size=1, max_size=4, unique=True))]
    return Spec(
        title=draw(TEXTS),
        data=draw(_members(DATASETS)),
        network=draw(_networks()),
        training=Training(
            draw(_members(LOSSES)),
            draw(_members(OPTIMIZERS)),
            draw(st.integers(0, 10**6)),
            Batches(draw(st.none() | st.integers(1, 1000))),
            draw(st.sampled_from(["float64", "float32"])),
        ),
        initializations=tuple(starts),
        seeds=tuple(draw(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=4, unique=True))),
        draws=draw(st.sampled_from(list(DRAWS))),
        recording=Recording(draw(st.integers(1, 1000)), tuple(draw(st.lists(st.integers(0, 1000), max_size=4)))),
    )


@given(_specs())
def test_a_spec_comes_back_from_its_dictionary(spec: Spec) -> None:
    assert read_table(as_table(spec)) == spec


@given(_specs())
def test_a_spec_comes_back_from_its_toml(spec: Spec) -> None:
    assert read_table(tomllib.loads(as_toml(spec))) == spec


@pytest.mark.parametrize(("catalogue", "name"), MEMBERS, ids=[name for _, name in MEMBERS])
def test_every_member_comes_back_from_its_description(catalogue: Catalogue[Any], name: str) -> None:
    needed = {field.name: GIVEN[field.name] for field in fields(catalogue[name]) if field.default is MISSING}
    member = catalogue[name](**needed)
    assert choose(catalogue, describe(catalogue, member)) == member
    assert choose(catalogue, {"name": name} | needed) == member


@pytest.mark.parametrize(
    ("catalogue", "name", "alias"),
    [
        (catalogue, name, alias)
        for catalogue in CATALOGUES.values()
        for name in catalogue
        for alias in catalogue.aliases_of(name)
    ],
)
def test_an_alias_is_written_down_as_the_name_it_stands_for(catalogue: Catalogue[Any], name: str, alias: str) -> None:
    assert describe(catalogue, choose(catalogue, alias))["name"] == name


@given(_specs())
def test_what_is_written_down_holds_no_none(spec: Spec) -> None:
    def values(part: Any) -> list[Any]:
        if isinstance(part, dict):
            return [leaf for item in part.values() for leaf in values(item)]
        return [leaf for item in part for leaf in values(item)] if isinstance(part, list) else [part]

    assert None not in values(as_table(spec))


def test_what_has_no_value_is_left_out(small_table: dict[str, Any]) -> None:
    full = read_table(small_table)
    assert "batch_size" not in as_table(full)["training"]
    assert all(start.keys() == {"label", "weights"} for start in as_table(full)["initializations"])
    batched = read_table(small_table, ["training.batch_size=8", "initializations[1].biases=normal"])
    assert as_table(batched)["training"]["batch_size"] == 8
    assert [start.get("biases", {}).get("name") for start in as_table(batched)["initializations"]] == [
        None,
        "normal",
        None,
    ]


def test_a_parametrization_stands_for_weights_that_are_not_given(small_table: dict[str, Any]) -> None:
    mup = {"name": "mup", "base_width": 4}
    starts = [
        {"label": "muP", "parametrization": mup},
        {"label": "He with the rates of muP", "parametrization": mup, "weights": "he_normal"},
        {"label": "the laws of muP", "weights": mup},
    ]
    spec = read_table(small_table | {"initializations": starts})
    first, second, third = spec.initializations
    assert first.weights == first.parametrization == second.parametrization == third.weights
    assert (second.weights, third.parametrization) == (INITIALIZERS["he_normal"](), None)
    assert [sorted(start) for start in as_table(spec)["initializations"]] == [
        ["label", "parametrization"],
        ["label", "parametrization", "weights"],
        ["label", "weights"],
    ]


def test_repeated_branches_are_written_down_one_by_one(small_table: dict[str, Any]) -> None:
    network = {"widths": [2, 4, 4, 4, 1], "branches": {"length": 1, "activated": True}}
    spec = read_table(small_table | {"network": network})
    assert spec.network.branches == (Branch(2, 2, activated=True), Branch(3, 3, activated=True))
    assert as_table(spec)["network"]["branches"] == [
        {"first": 2, "last": 2, "activated": True},
        {"first": 3, "last": 3, "activated": True},
    ]
    assert read_table(small_table | {"network": network | {"branches": [{"first": 2, "last": 3}]}}) == replace(
        spec, network=replace(spec.network, branches=(Branch(2, 3),))
    )
    assert read_table(
        small_table, ["network.widths=[2, 4, 4, 4, 1]", "network.branches.length=2"]
    ).network.branches == (Branch(2, 3),)


def test_the_shipped_exercise_is_what_the_write_up_describes() -> None:
    with as_file(files("firstdraw") / "papers" / "exercise" / "spec.toml") as path:
        spec = read_file(path)
    assert spec.network.widths == (2, 10, 5, 1)
    assert (spec.training.steps, spec.seeds, spec.draws) == (15_000, (3,), "numpy_legacy")
    assert [start.label for start in spec.initializations] == ["zeros", "normal x10", "Xavier", "He"]
    assert as_table(spec)["data"] == {
        "name": "circles",
        "train_size": 300,
        "test_size": 100,
        "noise": 0.05,
        "factor": 0.8,
        "train_seed": 1,
        "test_seed": 2,
    }
    assert as_table(spec)["training"]["optimizer"] == {"name": "sgd", "learning_rate": 0.01}
    assert read_table(tomllib.loads(as_toml(spec))) == spec
