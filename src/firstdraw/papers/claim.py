"""Published claims, and what measuring them says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from firstdraw.experiments import ExperimentRecord

__all__ = ["Checked", "Claim", "Claims", "Judged", "Records", "Verdict"]

Records = Mapping[str, ExperimentRecord]
"""The experiments that claims are checked on, by name."""


class Verdict(StrEnum):
    """Whether a claim is so."""

    HOLDS = "holds"
    HALF_TRUE = "half true"
    DOES_NOT_HOLD = "does not hold"


@dataclass(frozen=True, slots=True)
class Judged:
    """What a check found.

    Args:
        verdict: whether the claim is so.
        sentence: what was measured, with its numbers.
        numbers: these numbers, by name.
    """

    verdict: Verdict
    sentence: str
    numbers: dict[str, float] = field(default_factory=dict[str, float])


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim as a small experiment.

    Args:
        name: a short name.
        section: where the paper says it.
        statement: what it says, in our words.
        needs: the names of the experiments it is checked on.
        check: from these to what was found.
    """

    name: str
    section: str
    statement: str
    needs: tuple[str, ...]
    check: Callable[[Records], Judged]


@dataclass(frozen=True, slots=True)
class Checked:
    """A claim with what was found."""

    claim: Claim
    judged: Judged

    @property
    def verdict(self) -> Verdict:
        """Whether the claim is so."""
        return self.judged.verdict

    @property
    def sentence(self) -> str:
        """What was measured."""
        return self.judged.sentence

    @property
    def numbers(self) -> dict[str, float]:
        """The numbers behind the verdict."""
        return self.judged.numbers


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of a paper after a check.

    Args:
        paper: the paper's name on the command line.
        checked: what was measured.
        unchecked: what needs more experiments than were run.
    """

    paper: str
    checked: tuple[Checked, ...] = ()
    unchecked: tuple[Claim, ...] = ()
