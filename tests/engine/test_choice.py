"""Which engine trains when nobody asks, and what is said of one that is not there."""

from __future__ import annotations

import pytest

from firstdraw import compiled
from firstdraw.engine import engine_named, native, reference
from firstdraw.errors import InputError


def test_the_native_engine_is_the_default_where_it_was_compiled() -> None:
    assert engine_named().name == ("native" if native.is_built() else "reference")


def test_each_engine_is_found_by_its_name() -> None:
    assert engine_named("reference").train is reference.train
    if native.is_built():
        assert engine_named("native").train is native.train


def test_an_engine_says_how_many_networks_it_trains_at_once() -> None:
    assert engine_named("reference").at_once == 1
    if native.is_built():
        assert engine_named("native").at_once == compiled.cores()


def test_an_engine_that_does_not_exist_is_refused() -> None:
    with pytest.raises(InputError, match=r"^`engine` must be 'native' or 'reference', got 'cuda'$"):
        engine_named("cuda")


def test_without_a_compiled_engine_the_reference_engine_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "module", None)
    assert not native.is_built()
    assert native.targets() == ()
    assert engine_named().name == "reference"
    sentence = r"^`engine` must be 'reference' here, where no C\+\+ compiler was found at installation, got 'native'$"
    with pytest.raises(InputError, match=sentence):
        engine_named("native")
