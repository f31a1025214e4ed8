"""Floor 6. What a law does, with every number and where it comes from."""

from firstdraw.explanations.explain import explain
from firstdraw.explanations.value import Abroad, Effect, Explanation, Spread

__all__ = ["Abroad", "Effect", "Explanation", "Spread", "explain"]
