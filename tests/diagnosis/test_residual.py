"""Residual networks start with zeros on purpose: which of them a diagnosis must not mistake for a fault."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import pytest

from firstdraw.diagnosis import Severity, diagnose
from firstdraw.diagnosis.branches import waiting_layers
from firstdraw.distributions import Constant, Distribution
from firstdraw.experiments import Initialization, RunRecord, Spec, prepare, read_table, run
from firstdraw.initializers import Initializer
from firstdraw.initializers.constant import ConstantValue, Zeros
from firstdraw.initializers.he import HeNormal
from firstdraw.networks import Branch
from firstdraw.roles import Role

SPEC = read_table(
    {
        "data": {"name": "circles", "train_size": 60, "test_size": 20},
        "network": {"widths": [2, *[20] * 9, 1], "branches": {"length": 2}},
        "training": {"loss": "bce", "optimizer": {"name": "sgd", "learning_rate": 0.3}, "steps": 300},
        "recording": {"every": 15},
        "initializations": [{"label": "He", "weights": "he_normal"}],
    }
)


@dataclass(frozen=True, slots=True)
class ZeroLastWeights(Initializer):
    """He's law, but 0 in the last layer of every branch, and in the network's where `head` is set, as Fixup has it."""

    head: bool = False
    formula: ClassVar[str] = "0 at the end of a branch"

    def weight_law(self, role: Role) -> Distribution:
        zero = self.head and role.layer == role.depth if role.branch is None else role.branch.is_last
        return Constant(0.0) if zero else HeNormal().weight_law(role)


def trained(weights: Initializer, multipliers: Initializer | None = None, spec: Spec = SPEC) -> RunRecord:
    start = Initialization("only", weights, multipliers=multipliers)
    (only,) = run(prepare(replace(spec, initializations=(start,)))).runs
    return only


def causes(record: RunRecord) -> set[str]:
    return {finding.cause for finding in record.findings if finding.severity >= Severity.WARNING}


@pytest.mark.parametrize("steps", [0, 600])
@pytest.mark.parametrize(
    ("weights", "multipliers", "waiting"),
    [
        # ReZero and SkipInit: the multipliers hold back all layers of the branches.
        (HeNormal(), Zeros(), {2, 3, 4, 5, 6, 7, 8, 9}),
        # A multiplier that is small is no zero.
        (HeNormal(), ConstantValue(0.1), set[int]()),
        # Zero last weights hold back the layers before them in their branch.
        (ZeroLastWeights(), None, {2, 4, 6, 8}),
        # Fixup: the network's last weights hold back everything.
        (ZeroLastWeights(head=True), None, {1, 2, 3, 4, 5, 6, 7, 8, 9}),
    ],
)
def test_zeros_that_only_wait_are_healthy_and_train(
    weights: Initializer, multipliers: Initializer | None, waiting: set[int], steps: int
) -> None:
    record = trained(weights, multipliers, replace(SPEC, training=replace(SPEC.training, steps=steps)))
    assert causes(record) == set()
    assert record.findings[0].cause == "healthy"
    assert waiting_layers(record.measured.start) == waiting
    assert (f"{len(waiting)} of 10 as soon as" in record.findings[0].sentence) == bool(waiting)
    if steps:
        assert record.measured.end.cost < 0.6 * record.measured.start.constant_cost
        assert waiting_layers(record.measured.end) == set()
        assert all(layer.weight_gradient_rms > 0 for layer in record.measured.end.layers)
        start, end = record.measured.start.branches, record.measured.end.branches
        assert all(first.multiplier != last.multiplier for first, last in zip(start, end, strict=True))


def test_both_factors_zero_are_a_dead_branch_that_stays_so() -> None:
    record = trained(ZeroLastWeights(), Zeros())
    assert record.findings[0].cause == "dead branch"
    assert record.findings[0].severity is Severity.BROKEN
    assert record.findings[0].sentence == (
        "Residual branch 1, layers 2 to 3, is dead: it is zero times zero, its multiplier and its output, so that "
        "neither receives a gradient; 3 other branches are found so too"
    )
    network, trajectory = SPEC.network, record.trajectory
    for role, start, end in zip(
        network.roles, network.parameters(trajectory.initial[0]), network.parameters(trajectory.final[0]), strict=True
    ):
        assert (start == end).all() == (role.branch is not None)


def test_a_dead_branch_among_living_ones_is_told_by_its_place() -> None:
    @dataclass(frozen=True, slots=True)
    class OneDead(Initializer):
        formula: ClassVar[str] = "0 at the end of branch 2"

        def weight_law(self, role: Role) -> Distribution:
            place = role.branch
            dead = place is not None and place.number == 2 and (place.is_last or role.kind == "scalar")
            return Constant(0.0) if dead else HeNormal().weight_law(role)

        def scalar_law(self, role: Role) -> Distribution:
            return Constant(0.0) if self.weight_law(role) == Constant(0.0) else Constant(0.3)

    record = trained(OneDead())
    (finding,) = [finding for finding in record.findings if finding.cause == "dead branch"]
    assert finding.place == "layers 4 to 5"
    assert {finding.place for finding in record.findings if finding.cause == "no gradient at the start"} == {
        "layers 4, 5"
    }


def test_equal_last_rows_of_a_branch_make_no_equal_units() -> None:
    record = trained(ZeroLastWeights())
    assert [layer.distinct_units for layer in record.measured.start.hidden] == [20] * 9


def test_equal_units_of_a_whole_stream_are_found() -> None:
    record = trained(ConstantValue(0.1), ConstantValue(0.1))
    assert "unbroken symmetry" in causes(record)
    assert [layer.distinct_units for layer in record.measured.end.hidden] == [1] * 9


def test_a_branch_from_the_inputs_on_has_units_as_different_as_the_features() -> None:
    network = replace(SPEC.network, widths=(2, 5, 2, 6, 1), branches=(Branch(1, 2),))
    record = trained(ZeroLastWeights(), spec=replace(SPEC, network=network))
    assert [layer.distinct_units for layer in record.measured.start.layers] == [5, 2, 6, 1]
    assert "unbroken symmetry" not in causes(record)


def test_a_branch_without_living_units_is_a_warning_as_the_skip_goes_on() -> None:
    record = trained(HeNormal(), Zeros())
    start = record.measured.start
    layers = tuple(replace(layer, dead_units=layer.units) if layer.layer == 2 else layer for layer in start.layers)
    dead = replace(start, layers=layers)
    (finding,) = [
        finding
        for finding in diagnose(replace(record.measured, start=dead, end=dead))
        if finding.cause == "dead units" and finding.place == "layer 2"
    ]
    assert finding.severity is Severity.WARNING


def test_no_more_is_expected_of_the_zeros_of_a_plain_network() -> None:
    """A zero last layer that receives a gradient moves at the first step, in a network without branches as well."""
    plain = replace(SPEC, network=replace(SPEC.network, widths=(2, 20, 20, 1), branches=()))

    @dataclass(frozen=True, slots=True)
    class ZeroHead(Initializer):
        formula: ClassVar[str] = "0 in the last layer"

        def weight_law(self, role: Role) -> Distribution:
            return Constant(0.0) if role.layer == role.depth else HeNormal().weight_law(role)

    record = trained(ZeroHead(), spec=plain)
    assert causes(record) == set()
    assert waiting_layers(record.measured.start) == {1, 2}
    assert record.measured.end.cost < record.measured.start.cost / 2
