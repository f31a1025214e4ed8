"""Floor 3. What wide networks do at the start: predicted from laws and activations alone, never from a measurement."""

from firstdraw.theory.expectations import Order, pair_expectation, pair_expectations

__all__ = ["Order", "pair_expectation", "pair_expectations"]
