"""What every reproduced paper promises: experiments, claims, and a check of each claim."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from firstdraw.catalogue import Catalogue
from firstdraw.papers.claim import Checked, Claim, Records

if TYPE_CHECKING:
    from firstdraw.experiments import Prepared, Spec

__all__ = ["PAPERS", "Claims", "Paper", "further_training"]


class Paper(ABC):
    """A publication, as experiments to run and claims to check on them."""

    title: ClassVar[str]

    @abstractmethod
    def studies(self) -> Mapping[str, Spec]:
        """Return the experiments that the claims need, by name; the first is the one its report shows in full."""

    @abstractmethod
    def claims(self) -> tuple[Claim, ...]:
        """Return the claims, in the publication's order."""

    def main(self) -> Spec:
        """Return the experiment that the report shows in full."""
        return next(iter(self.studies().values()))

    def check(self, records: Records, known: Sequence[Checked] = ()) -> tuple[Checked, ...]:
        """Return every claim whose experiments are among the records, with what was found.

        Args:
            records: the experiments.
            known: claims that were checked on some of them already.
        """
        done = {item.claim.name: item for item in known}
        return tuple(
            done.get(claim.name) or Checked(claim, claim.check(records))
            for claim in self.claims()
            if set(claim.needs) <= records.keys()
        )


PAPERS: Catalogue[Paper] = Catalogue("paper")


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of a paper after a check.

    Args:
        paper: the paper's name on the command line.
        checked: what was measured.
        unchecked: what needs more experiments than were run.
        trained: a sentence on what was trained for them beside the main experiment, or "".
    """

    paper: str
    checked: tuple[Checked, ...] = ()
    unchecked: tuple[Claim, ...] = ()
    trained: str = ""

    @classmethod
    def of(cls, paper: Paper, checked: tuple[Checked, ...], trained: str = "") -> Claims:
        """Return the claims of a paper of which some were checked."""
        done = {item.claim.name for item in checked}
        left = tuple(claim for claim in paper.claims() if claim.name not in done)
        return cls(PAPERS.name_of(paper), checked, left, trained)


def further_training(experiments: Sequence[Prepared]) -> str:
    """Return a sentence on what was trained for a paper's claims beside its main experiment; "" for nothing."""
    # Imported here: the names of the papers are wanted before, and without, any experiment.
    from firstdraw.experiments import batches_of

    if not experiments:
        return ""
    runs = sum(len(batch.runs) for batch in batches_of(experiments))
    steps = sorted({prepared.problem.steps for prepared in experiments})
    formats = " and ".join(sorted({prepared.problem.precision for prepared in experiments}))
    lengths = " or ".join(f"{n:,}" for n in steps)
    return f"Those over many seeds and scales rest on {runs} further runs of {lengths} steps, in {formats}."
