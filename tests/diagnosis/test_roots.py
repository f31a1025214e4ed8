"""Of faults that bring each other about the one to repair stands first."""

from __future__ import annotations

from itertools import product
from typing import get_args

import pytest

from firstdraw.diagnosis import Cause, Finding, Severity
from firstdraw.diagnosis.roots import CONSEQUENCES, roots_first

FAULTS: tuple[Cause, ...] = tuple(cause for cause in get_args(Cause) if cause not in ("healthy", "still improving"))


def _finding(cause: Cause, severity: Severity, place: str = "layer 1") -> Finding:
    return Finding(cause, severity, place, "Something is so", {"number": 1}, "Repair it")


def _told(findings: list[Finding]) -> list[tuple[str, Severity]]:
    return [(finding.cause, finding.severity) for finding in findings]


def test_a_root_is_as_bad_as_what_it_brings_about_and_that_is_less_bad() -> None:
    law = _finding("wrong law for the activation", Severity.WARNING, "layers 2 to 9")
    nothing = _finding("nothing learned", Severity.BROKEN, "")
    root, following = roots_first([law, _finding("vanishing signal", Severity.WARNING), nothing])[:2]
    assert _told([root, following]) == [
        ("wrong law for the activation", Severity.BROKEN),
        ("nothing learned", Severity.WARNING),
    ]
    assert root.remedy == "Repair it"
    assert following.remedy == (
        'Repair what brings it about first, the finding "wrong law for the activation" of layers 2 to 9'
    )


def test_what_is_brought_about_is_no_root_of_its_own() -> None:
    first, second, third = (
        _finding("unscaled inputs", Severity.WARNING, ""),
        _finding("exploding gradient", Severity.WARNING),
        _finding("divergence", Severity.BROKEN),
    )
    told = roots_first([first, second, third])
    assert _told(told) == [
        ("unscaled inputs", Severity.BROKEN),
        ("divergence", Severity.WARNING),
        ("exploding gradient", Severity.NOTE),
    ]
    assert all(finding.remedy.endswith('the finding "unscaled inputs"') for finding in told[1:])


def test_equal_causes_in_several_layers_do_not_explain_each_other() -> None:
    layers = [_finding("saturated hidden units", Severity.WARNING, f"layer {number}") for number in (1, 2)]
    assert roots_first(layers) == layers


@pytest.mark.parametrize(("root", "other"), list(product(FAULTS, FAULTS)))
def test_only_what_is_bad_brings_about_and_only_what_comes_later(root: Cause, other: Cause) -> None:
    note, warning = _finding(root, Severity.NOTE), _finding(other, Severity.WARNING)
    assert _told(roots_first([note, warning])) == [(other, Severity.WARNING), (root, Severity.NOTE)]
    told = roots_first([_finding(root, Severity.WARNING), warning])
    explained = root != other and other in CONSEQUENCES[root] if root in CONSEQUENCES else False
    assert told[1].severity == (Severity.NOTE if explained else Severity.WARNING)


def test_success_is_neither_brought_about_nor_a_root() -> None:
    assert not {"healthy", "still improving"} & set(CONSEQUENCES)
    assert not any({"healthy", "still improving"} & set(following) for following in CONSEQUENCES.values())


def test_of_two_causes_at_most_the_signal_and_its_saturation_bring_each_other_about() -> None:
    """Which of these two is the root depends on the depth, and the order of the rules says so."""
    mutual = {
        frozenset((one, other))
        for one, other in product(CONSEQUENCES, CONSEQUENCES)
        if one != other and other in CONSEQUENCES[one] and one in CONSEQUENCES[other]
    }
    assert mutual == {frozenset(("exploding signal", "saturated hidden units"))}
