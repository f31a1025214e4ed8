"""What every parametrization promises: a role in; a multiplier, a law and a factor of the learning rate out."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Literal, TypeAlias

from firstdraw.catalogue import Catalogue
from firstdraw.distributions import Constant, Normal
from firstdraw.initializers.contract import Initializer, Kind
from firstdraw.roles import Role

__all__ = ["PARAMETRIZATIONS", "OptimizerFamily", "Parametrization", "feeds_hidden", "reads_hidden"]

OptimizerFamily: TypeAlias = Literal["sgd", "adam"]
"""Whether the steps of an optimizer are proportional to gradients, or do not depend on their size."""


class Parametrization(Initializer):
    """A layer computes with W = a w, where w is what is drawn and trained, at the learning rate c eta.

    With a the `multiplier`, c the `learning_rate_factor` and eta the optimizer's rate. The network cannot tell a w from
    a W that is drawn from the law of a w and trained by itself, with the learning rate

        a^2 c eta    where steps are proportional to gradients (SGD, momentum, Nesterov),
        a c eta      where their size does not depend on the gradients' (Adam, AdamW, RMSprop),

    since the cost's derivative by w is a times that by W. So `law` is the law of W, its *effective* law, which makes a
    parametrization an initializer, and `effective_learning_rate_factor` is what belongs to it. In the second case
    Adam's epsilon stands beside the derivative by W: the same as a epsilon beside that by w, which for w alone would be
    one epsilon a parameter. Weight decay that is a share of the rate, as AdamW's, is the same share of the effective
    one.

    Hidden widths are those that a parametrization speaks of; the numbers of features and outputs are given.

    Source: Yang & Hu (2021), Tensor Programs IV: Feature Learning in Infinite-Width Neural Networks,
    https://arxiv.org/abs/2011.14522
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("dense",)
    needs_architecture: ClassVar[bool] = True
    learning_rates: ClassVar[str]
    """The factors of the effective learning rate, in words."""

    @abstractmethod
    def multiplier(self, role: Role) -> float:
        """Return a, by which a parameter is multiplied wherever the network uses it."""

    @abstractmethod
    def trained_law(self, role: Role) -> Normal | Constant:
        """Return the law of w, which is drawn and trained."""

    @abstractmethod
    def learning_rate_factor(self, role: Role, family: OptimizerFamily) -> float:
        """Return c, by which the learning rate of w differs from the optimizer's."""

    def effective_learning_rate_factor(self, role: Role, family: OptimizerFamily) -> float:
        """Return the factor of the learning rate of W: a^2 c for "sgd", a c for "adam"."""
        a = self.multiplier(role)
        return self.learning_rate_factor(role, family) * (a * a if family == "sgd" else a)

    def weight_law(self, role: Role) -> Normal | Constant:
        return self._effective_law(role)

    def bias_law(self, role: Role) -> Normal | Constant:
        return self._effective_law(role)

    def scalar_law(self, role: Role) -> Normal | Constant:
        return self._effective_law(role)

    def _effective_law(self, role: Role) -> Normal | Constant:
        a = self.multiplier(role)
        match self.trained_law(role):
            case Normal(scale=s, center=mu):
                return Normal(a * s, a * mu)
            case Constant(value=value):
                return Constant(a * value)


PARAMETRIZATIONS: Catalogue[Parametrization] = Catalogue("parametrization")


def reads_hidden(role: Role) -> bool:
    """Whether a layer's inputs are hidden units, whose number is a width, and not the features."""
    return role.layer > 1


def feeds_hidden(role: Role) -> bool:
    """Whether a layer's outputs are hidden units, and not the network's outputs."""
    return role.layer < role.depth
