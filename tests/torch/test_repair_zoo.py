"""The models of the zoo under repair: the sick ones are mended, and nothing else is touched."""

from __future__ import annotations

import re
from typing import Any

import pytest

from firstdraw.torch import check, repair
from firstdraw.torch.remedies.patient import OF_DATA

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore:.*nested_tensor.*:UserWarning")]
torch: Any = pytest.importorskip("torch")


def made(specimen: Any) -> Any:
    torch.manual_seed(0)
    return specimen.make()


def bits(model: Any) -> dict[str, bytes]:
    """All numbers of a model."""
    return {
        name: tensor.detach().reshape(-1).view(torch.uint8).numpy().tobytes()
        for name, tensor in model.state_dict().items()
        if tensor.numel()
    }


def repaired(model: Any, specimen: Any) -> Any:
    args, kwargs = specimen.call()
    return repair(model, *args, **kwargs, **specimen.options)


def test_a_healthy_model_is_not_changed_by_one_bit(healthy_specimen: Any) -> None:
    model = made(healthy_specimen)
    before = bits(model)
    found = repaired(model, healthy_specimen)
    assert bits(model) == before
    assert found.healthy
    assert found.changes == ()
    assert str(found).startswith("Nothing to repair: the start is healthy.")
    assert found.code == "# Nothing to repair: the start is healthy\n"


def test_what_a_better_start_heals_is_healed_by_code_that_gives_a_copy_the_same_bits(trainable_specimen: Any) -> None:
    model, copy = made(trainable_specimen), made(trainable_specimen)
    before = bits(model)
    assert bits(copy) == before
    found = repaired(model, trainable_specimen)
    after, told = bits(model), [change.name for change in found.changes]
    assert not found.before.healthy
    assert found.healthy, found
    # The proof is of the model as it is now.
    args, kwargs = trainable_specimen.call()
    assert check(model, *args, **kwargs, **trainable_specimen.options).to_json() == found.after.to_json()
    # What is told is changed, each once, and nothing else.
    assert {whole(name) for name in parameters(model) if after[name] != before[name]} == set(told)
    assert len(told) == len(set(told))
    exec(found.code, {"torch": torch, "model": copy})  # noqa: S102  # it is pasted by its reader
    assert bits(copy) == after
    assert "firstdraw" not in found.code


def parameters(model: Any) -> set[str]:
    return {name for name, parameter in model.named_parameters() if parameter.numel()}


def whole(name: str) -> str:
    """The name of the parameter that one is a part of, as of a weight normalization's."""
    return re.sub(r"parametrizations\.(\w+)\.original\d*", r"\1", name)


def test_data_and_architecture_are_told_and_not_mended(zoo: dict[str, Any]) -> None:
    incurable = {name: one for name, one in zoo.items() if one.twin is None and one.answer in OF_DATA}
    assert len(incurable) >= 3
    for specimen in incurable.values():
        model = made(specimen)
        before = bits(model)
        found = repaired(model, specimen)
        assert bits(model) == before
        assert (found.changes, found.healthy) == ((), False)
        assert found.verdict.startswith(
            f'Nothing was changed: no initialization mends "{specimen.answer}" of args[0]; '
        )
