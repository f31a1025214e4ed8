"""What every initializer promises: a role in, a law out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from firstdraw.catalogue import Catalogue, Source
from firstdraw.distributions import Constant, Distribution
from firstdraw.roles import Role

__all__ = ["INITIALIZERS", "Initializer"]


class Initializer(ABC):
    """A published way to choose a parameter's law from its role.

    A member is a frozen value: its fields are its options. Weights follow `weight_law`; biases are 0 unless the
    member says otherwise, and the multipliers of residual branches 1, which leaves a branch as it is.
    """

    formula: ClassVar[str]
    """The law of a weight, with n = fan-in and m = fan-out."""
    source: ClassVar[Source | None] = None
    deterministic: ClassVar[bool] = False
    """Whether the parameters do not depend on the draws."""
    breaks_symmetry: ClassVar[bool] = True
    """Whether the units of a layer start different from each other."""
    kinds: ClassVar[frozenset[str]] = frozenset({"dense", "convolution"})
    """The layers it is for."""
    activations: ClassVar[frozenset[str] | None] = None
    """The names of the activations it was made for; None where it was made for none in particular."""
    residual: ClassVar[bool] = False
    """Whether it is for networks with residual branches."""
    needs_architecture: ClassVar[bool] = False
    """Whether the law depends on more than the parameter's own layer: on the depth or the place in a branch."""
    verified: ClassVar[bool] = True
    """Whether the formula was confirmed against its source."""

    @abstractmethod
    def weight_law(self, role: Role) -> Distribution:
        """Return the law of a weight."""

    def bias_law(self, role: Role) -> Distribution:  # noqa: ARG002  # members that need the role override this
        """Return the law of a bias."""
        return Constant(0.0)

    def scalar_law(self, role: Role) -> Distribution:  # noqa: ARG002
        """Return the law of the multiplier of a residual branch."""
        return Constant(1.0)

    def law(self, role: Role) -> Distribution:
        """Return the law of the parameter with this role."""
        match role.kind:
            case "weight":
                return self.weight_law(role)
            case "bias":
                return self.bias_law(role)
            case "scalar":
                return self.scalar_law(role)


INITIALIZERS: Catalogue[Initializer] = Catalogue("initializer")
