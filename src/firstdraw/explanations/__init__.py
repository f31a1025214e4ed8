"""Floor 6. What a law does, with every number and where it comes from."""

from firstdraw.explanations.explain import explain
from firstdraw.explanations.explanation import Explanation
from firstdraw.explanations.value import Abroad, Effect, Facts, Spread

__all__ = ["Abroad", "Effect", "Explanation", "Facts", "Spread", "explain"]
