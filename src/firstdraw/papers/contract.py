"""What every reproduced paper promises: experiments, claims, and a check of each claim."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from firstdraw.catalogue import Catalogue
from firstdraw.experiments import Spec
from firstdraw.papers.claim import Checked, Claim, Records

__all__ = ["PAPERS", "Paper"]


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

    def check(self, records: Records) -> tuple[Checked, ...]:
        """Return every claim whose experiments are among the records, with what was found."""
        return tuple(
            Checked(claim, claim.check(records)) for claim in self.claims() if set(claim.needs) <= records.keys()
        )


PAPERS: Catalogue[Paper] = Catalogue("paper")
