"""Models with a known answer: the sick ones are found to be so, the healthy ones are left in peace."""

from __future__ import annotations

from typing import Any

import pytest

from firstdraw.diagnosis import Severity
from firstdraw.torch import check, identify

# What other libraries warn of when they make their models.
pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore")]
torch: Any = pytest.importorskip("torch")


def test_the_answer_is_known(specimen: Any) -> None:
    torch.manual_seed(0)
    model = specimen.make()
    args, kwargs = specimen.call()
    found = check(model, *args, **kwargs, **specimen.options)
    causes = [finding.cause for finding in found.findings]
    assert causes[0] == specimen.answer, found
    assert found.healthy == (specimen.answer == "healthy")
    assert specimen.also <= set(causes)
    assert all(finding.sentence and finding.remedy for finding in found.findings)


def test_a_better_start_heals(trainable_specimen: Any) -> None:
    torch.manual_seed(0)
    model = trainable_specimen.twin()
    args, kwargs = trainable_specimen.call()
    found = check(model, *args, **kwargs, **trainable_specimen.options)
    assert found.healthy, found


def test_the_named_faults_are_known(specimen: Any) -> None:
    torch.manual_seed(0)
    found = identify(specimen.make())
    assert {fault.cause for fault in found.faults if fault.severity >= Severity.WARNING} == specimen.faults, found


def test_a_twin_has_the_architecture_of_a_sick_model_and_is_trained(zoo: dict[str, Any]) -> None:
    for name, specimen in zoo.items():
        assert (specimen.twin is None) == (specimen.objective is None), name
        assert specimen.twin is None or specimen.answer != "healthy", name


def test_a_twin_learns(trainable_specimen: Any) -> None:
    """A fifth of the steps that it is given takes a fifth of the loss, and more."""
    torch.manual_seed(0)
    model = trainable_specimen.twin()
    args, kwargs = trainable_specimen.call()
    optimizer = trainable_specimen.optimizer([item for item in model.parameters() if item.requires_grad])
    losses: list[float] = []
    for _ in range(40):
        optimizer.zero_grad()
        loss = trainable_specimen.objective(model(*args, **kwargs))
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.8 * losses[0]


def test_the_shapes_of_a_twin_are_those_of_its_sick_model(trainable_specimen: Any) -> None:
    sick, twin = trainable_specimen.make(), trainable_specimen.twin()
    shapes = [{name: value.shape for name, value in model.state_dict().items()} for model in (sick, twin)]
    assert shapes[0] == shapes[1]


def test_the_zoo_is_large_and_has_both(zoo: dict[str, Any]) -> None:
    healthy = sum(specimen.answer == "healthy" for specimen in zoo.values())
    assert healthy >= len(zoo) / 2
    assert len(zoo) - healthy >= 25
    assert len(zoo) >= 64
