"""`assert_well_initialized`: silent on a healthy start, and readable on others."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from firstdraw.diagnosis import Finding, Severity
from firstdraw.errors import InputError
from firstdraw.torch import assert_well_initialized
from firstdraw.torch.accepting import CAUSES, Acceptance, counted
from firstdraw.torch.faults import FaultCause

pytestmark = pytest.mark.parity
torch: Any = pytest.importorskip("torch")
nn: Any = torch.nn

pytest_plugins = ["pytester"]


def deep(layers: int, gain: float = 1.0) -> Any:
    torch.manual_seed(0)
    model = nn.Sequential()
    for number in range(layers):
        linear = nn.Linear(32, 32)
        nn.init.kaiming_normal_(linear.weight)
        nn.init.zeros_(linear.bias)
        linear.weight.data.mul_(gain)
        model.add_module(f"linear_{number}", linear)
        model.add_module(f"relu_{number}", nn.ReLU())
    return model.append(nn.Linear(32, 4))


@pytest.fixture
def x() -> Any:
    torch.manual_seed(1)
    return torch.randn(64, 32)


def test_a_healthy_start_passes_and_returns_the_check(x: Any) -> None:
    checked = assert_well_initialized(deep(3), x)
    assert checked.healthy
    assert checked.state.kind == "Sequential"


def test_the_message_has_the_finding_its_remedy_and_its_layers(x: Any) -> None:
    with pytest.raises(AssertionError) as caught:
        assert_well_initialized(deep(20, gain=0.4), x)
    lines = str(caught.value).splitlines()
    assert lines[0] == "Sequential does not start well: 1 warning"
    assert lines[2] == "warning: wrong law for the activation at `linear_1`"
    assert lines[3].startswith("    The weights are too small for ReLU: ")
    assert lines[4].startswith("    Multiply the weights' standard deviation by ")
    assert lines[6].split()[:2] == ["layer", "kind"]
    assert [line.split()[:2] for line in lines[7:]] == [["1", "linear_0"], ["3", "linear_1"], ["41", "40"]]
    assert max(map(len, lines[6:])) <= 100


def test_notes_fail_where_they_are_to(x: Any) -> None:
    with pytest.raises(AssertionError, match=r"Sequential does not start well: 1 warning, [2-4] notes"):
        assert_well_initialized(deep(20, gain=0.4), x, severity="note")
    assert_well_initialized(deep(20, gain=0.4), x, severity="broken")


def test_what_is_allowed_passes(x: Any) -> None:
    checked = assert_well_initialized(deep(20, gain=0.4), x, allow=("wrong law for the activation",))
    assert not checked.healthy


def test_zeros_are_broken(x: Any) -> None:
    model = deep(2, gain=0.0)
    with pytest.raises(AssertionError, match="Sequential does not start well: 2 broken"):
        assert_well_initialized(model, x, severity="broken")


def test_the_loss_the_targets_and_arguments_by_name_are_those_of_check(x: Any) -> None:
    checked = assert_well_initialized(
        deep(2), input=x, loss=nn.functional.cross_entropy, targets=torch.zeros(64, dtype=torch.int64), seed=3
    )
    assert checked.state.loss_name == "cross_entropy"
    assert checked.state.constant_loss is not None


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"severity": "bad"}, "`severity` must be 'note', 'warning' or 'broken', got 'bad'"),
        ({"severity": "good"}, "`severity` must be 'note', 'warning' or 'broken', got 'good'"),
        ({"allow": "dead units"}, "`allow` must be several causes, as in a tuple, got 'dead units'"),
        (
            {"allow": ("dead unit",)},
            "`allow` must name causes that findings have, got 'dead unit'; did you mean 'dead units'?",
        ),
        ({"allow": ["xyz"]}, "`allow` must name causes that findings have, got 'xyz'"),
    ],
)
def test_what_is_unknown_is_refused(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        assert_well_initialized(nn.Linear(2, 2), torch.ones(1, 2), **options)
    assert str(caught.value) == sentence


def test_every_cause_can_be_allowed() -> None:
    accepted = Acceptance.of("note", CAUSES)
    assert set(get_args(FaultCause)) < set(CAUSES)
    for cause in CAUSES:
        found = Finding(cause=cause, severity=Severity.BROKEN, place="", sentence="", evidence={}, remedy="")  # type: ignore[arg-type]
        assert accepted.refused([found]) == ()
        assert Acceptance.of("broken", ()).refused([found]) == (found,)


def test_findings_are_counted_the_worst_first() -> None:
    def found(severity: Severity) -> Finding:
        return Finding(cause="plateau", severity=severity, place="", sentence="", evidence={}, remedy="")

    severities = [Severity.NOTE, Severity.WARNING, Severity.BROKEN, Severity.NOTE, Severity.BROKEN, Severity.GOOD]
    assert counted(map(found, severities)) == "2 broken, 1 warning, 2 notes"
    assert counted([found(Severity.GOOD)]) == ""


def test_pytest_shows_the_test_and_the_message_and_nothing_of_the_helper(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import torch
        from firstdraw.torch import assert_well_initialized

        def test_the_start():
            model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Linear(4, 2))
            for parameter in model.parameters():
                torch.nn.init.zeros_(parameter)
            assert_well_initialized(model, torch.randn(8, 4))
        """
    )
    done = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    assert done.ret == 1
    text = done.stdout.str()
    assert "AssertionError: Sequential does not start well: " in text
    assert "def assert_well_initialized" not in text
