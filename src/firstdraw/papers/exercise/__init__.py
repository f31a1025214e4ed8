"""The exercise firstdraw began with: zeros, large random values and He on two circles, claim by claim."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from firstdraw.papers.claim import Claim
from firstdraw.papers.contract import PAPERS, Paper

if TYPE_CHECKING:
    from firstdraw.experiments import Spec

__all__ = ["Exercise"]


@PAPERS.register("exercise")
class Exercise(Paper):
    """A course's exercise on initialization: a 2-10-5-1 network, two circles, 15,000 steps."""

    title: ClassVar[str] = "Neural Networks Weight Initialization: the exercise firstdraw began with"

    def studies(self) -> Mapping[str, Spec]:
        from firstdraw.papers.exercise.studies import studies

        return studies()

    def claims(self) -> tuple[Claim, ...]:
        from firstdraw.papers.exercise import conclusion, he, introduction, large, zeros

        return introduction.CLAIMS + zeros.CLAIMS + large.CLAIMS + he.CLAIMS + conclusion.CLAIMS
