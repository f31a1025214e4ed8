"""Published claims, and what measuring them says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from firstdraw.experiments import ExperimentRecord

__all__ = ["Checked", "Claim", "Judged", "Records", "Verdict", "tally"]

Records: TypeAlias = "Mapping[str, ExperimentRecord]"
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


def tally(checked: Sequence[Checked]) -> str:
    """Return how many claims were measured and what came of them, without a full stop."""
    counts = {verdict: sum(item.verdict is verdict for item in checked) for verdict in Verdict}
    plural = {Verdict.HOLDS: "hold", Verdict.HALF_TRUE: "are half true", Verdict.DOES_NOT_HOLD: "do not hold"}
    singular = {Verdict.HOLDS: "holds", Verdict.HALF_TRUE: "is half true", Verdict.DOES_NOT_HOLD: "does not hold"}
    told = ", ".join(
        f"{count} {(singular if count == 1 else plural)[verdict]}" for verdict, count in counts.items() if count
    )
    return f"{len(checked)} claim{' was' if len(checked) == 1 else 's were'} measured: {told}"
