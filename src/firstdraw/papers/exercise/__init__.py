"""The exercise firstdraw began with: zeros, large random values and He on two circles, claim by claim."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from firstdraw.experiments import Spec
from firstdraw.papers.claim import Claim
from firstdraw.papers.contract import PAPERS, Paper
from firstdraw.papers.exercise import conclusion, he, introduction, large, zeros
from firstdraw.papers.exercise.studies import studies

__all__ = ["Exercise"]


@PAPERS.register("exercise")
class Exercise(Paper):
    """A course's exercise on initialization: a 2-10-5-1 network, two circles, 15,000 steps."""

    title: ClassVar[str] = "Neural Networks Weight Initialization: the exercise firstdraw began with"

    def studies(self) -> Mapping[str, Spec]:
        return studies()

    def claims(self) -> tuple[Claim, ...]:
        return introduction.CLAIMS + zeros.CLAIMS + large.CLAIMS + he.CLAIMS + conclusion.CLAIMS
