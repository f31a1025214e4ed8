"""What every initializer promises: a role in, a law out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Literal, TypeAlias

from firstdraw.catalogue import Catalogue, Source
from firstdraw.distributions import Constant, Distribution
from firstdraw.errors import InputError
from firstdraw.roles import Role

__all__ = ["INITIALIZERS", "BiasInitializer", "Initializer", "Kind", "Preserves"]

Kind: TypeAlias = Literal["dense", "recurrent", "convolution", "transposed_convolution", "embedding", "bias", "head"]
Preserves: TypeAlias = Literal["forward second moment", "gradient"]


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
    kinds: ClassVar[tuple[Kind, ...]] = ("dense", "recurrent", "convolution", "transposed_convolution")
    """Which parameters it serves; a depthwise convolution counts as a convolution."""
    activations: ClassVar[tuple[str, ...] | None] = None
    """The activations it is made for, by their names in the catalogue; None where it is for none in particular."""
    residual: ClassVar[bool] = False
    """Whether it is made for residual branches."""
    preserves: ClassVar[Preserves | None] = None
    """What stays the same on the average, with the default options, from one wide layer to the next of equal width: the
    second moment of pre-activations, or that of gradients, where one of its activations stands between the layers."""
    needs_architecture: ClassVar[bool] = False
    """Whether the law depends on the layer's place in the network."""
    verified: ClassVar[bool] = True
    """Whether the formula was derived again, or read in its source or in implementations that cite it."""

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

    def law_alone(self, role: Role) -> Distribution:
        """Return the law of a parameter for which this member was chosen alone, another one being that of the weights.

        A bias follows the law of biases that the member states, and where it states none, that of its weights; a
        multiplier likewise.
        """
        own = {"bias": "bias_law", "scalar": "scalar_law"}.get(role.kind)
        states = own is not None and getattr(type(self), own) is not getattr(Initializer, own)
        return self.law(role) if states else self.weight_law(role)


class BiasInitializer(Initializer):
    """A way to choose the law of a bias alone; a weight is refused."""

    kinds: ClassVar[tuple[Kind, ...]] = ("bias",)
    parts: ClassVar[int] = 1
    """How many parts the bias has; that of an LSTM has 4."""

    @property
    def outputs(self) -> int | None:
        """How many outputs the layer of the bias has; None where any number is served."""
        return None

    @abstractmethod
    def bias_law(self, role: Role) -> Distribution:
        """Return the law of a bias."""

    def weight_law(self, role: Role) -> Distribution:
        if role.kind != "bias":
            raise InputError(
                role.name,
                f"must be a bias for {INITIALIZERS.name_of(self)!r}",
                role.kind,
                hint="choose another entry for the weights",
            )
        return self.bias_law(role)


INITIALIZERS: Catalogue[Initializer] = Catalogue("initializer")
