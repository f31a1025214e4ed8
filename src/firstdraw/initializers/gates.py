"""Biases of gates: how long a recurrence remembers from the start."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from firstdraw.catalogue import Source
from firstdraw.distributions import Constant, Distribution, LogitOfUniform, LogOfUniform, Packed, StepBias, Uniform
from firstdraw.errors import InputError
from firstdraw.initializers.contract import INITIALIZERS, BiasInitializer, Initializer, Kind
from firstdraw.roles import Role
from firstdraw.rules import check_finite, check_positive

__all__ = ["ChronoGates", "ForgetBias", "MambaStep", "UniformGates"]

INPUT, FORGET, GATES = 0, 1, 4


def _check_gates(role: Role, entry: str) -> None:
    if role.layout.parts != GATES:
        raise InputError(
            role.name,
            f"must have the parts of an LSTM's bias, 4, for {entry!r}",
            role.layout.parts,
            hint="make its role from a weight with `parts` 4",
        )


@INITIALIZERS.register("lstm_forget_bias")
@dataclass(frozen=True, slots=True)
class ForgetBias(BiasInitializer):
    """b = v for the forget gate, 0 for the others, with v = `value`; the order is input, forget, cell, output.

    An LSTM then starts by remembering: the gate is sigmoid(1) = 0.73 open with v = 1. Known confusion: PyTorch adds two
    biases, `bias_ih` and `bias_hh`; draw one from here and leave the other 0, or the gate gets 2 v.

    Args:
        value: v, any finite number; 1 in most papers, up to 5.

    >>> from firstdraw.roles import bias_role, weight_role
    >>> bias = bias_role(weight_role((8, 3), operation="recurrent", parts=4))
    >>> print(ForgetBias().law(bias))
    parts: 0; 1; 0; 0
    """

    value: float = 1.0
    deterministic: ClassVar[bool] = True
    breaks_symmetry: ClassVar[bool] = False
    parts: ClassVar[int] = GATES
    formula: ClassVar[str] = "value for the forget gate, 0 for the others"
    source: ClassVar[Source | None] = Source(
        "Jozefowicz, Zaremba & Sutskever",
        2015,
        "An Empirical Exploration of Recurrent Network Architectures",
        "https://proceedings.mlr.press/v37/jozefowicz15.html",
    )

    def __post_init__(self) -> None:
        check_finite("value", self.value)

    def bias_law(self, role: Role) -> Distribution:
        _check_gates(role, "lstm_forget_bias")
        zero = Constant(0.0)
        return Packed(role.layout, (zero, Constant(self.value), zero, zero))


@INITIALIZERS.register("chrono")
@dataclass(frozen=True, slots=True)
class ChronoGates(BiasInitializer):
    """b_f = ln u with u ~ U[1, T - 1), b_i = -b_f, 0 for the others, with T = `longest`, in steps.

    A forget gate sigmoid(ln u) = u/(u + 1) forgets over about u + 1 steps: the units start with memories of all lengths
    up to T, the longest dependence expected.

    Args:
        longest: T, above 2.

    >>> from firstdraw.roles import bias_role, weight_role
    >>> bias = bias_role(weight_role((8, 3), operation="recurrent", parts=4))
    >>> print(ChronoGates(100).law(bias))
    parts: minus part 2; ln U[1, 99); 0; 0
    """

    longest: float = 100.0
    parts: ClassVar[int] = GATES
    formula: ClassVar[str] = "b_f = ln U[1, longest - 1), b_i = -b_f"
    source: ClassVar[Source | None] = Source(
        "Tallec & Ollivier", 2018, "Can recurrent neural networks warp time?", "https://arxiv.org/abs/1804.11188"
    )

    def __post_init__(self) -> None:
        if check_finite("longest", self.longest) <= 2:
            raise InputError("longest", "must be above 2, for there to be steps to remember", self.longest)

    def bias_law(self, role: Role) -> Distribution:
        _check_gates(role, "chrono")
        memory, zero = LogOfUniform(1.0, self.longest - 1), Constant(0.0)
        return Packed(role.layout, (memory, memory, zero, zero), ((INPUT, FORGET),))


@INITIALIZERS.register("uniform_gate", aliases=("ur_lstm",))
@dataclass(frozen=True, slots=True)
class UniformGates(BiasInitializer):
    """b_f = -ln(1/u - 1) with u ~ U[1/d, 1 - 1/d), b_i = -b_f, 0 for the others; d the number of units.

    The forget gates sigmoid(b_f) = u then start uniformly spread, without a longest dependence to be chosen. Made
    together with a "refine" gate, which is a matter of the cell. Unverified: that a sigmoid of this b_f is uniform
    follows from the formula, but the ends of the range, 1/d and 1 - 1/d, were not read in the paper.

    >>> from firstdraw.roles import bias_role, weight_role
    >>> bias = bias_role(weight_role((40, 3), operation="recurrent", parts=4))
    >>> print(UniformGates().law(bias))
    parts: minus part 2; logit U[0.1, 0.9); 0; 0
    """

    verified: ClassVar[bool] = False
    parts: ClassVar[int] = GATES
    formula: ClassVar[str] = "b_f = -ln(1/u - 1), u ~ U[1/d, 1 - 1/d), b_i = -b_f"
    source: ClassVar[Source | None] = Source(
        "Gu, Gulcehre, Paine, Hoffman & Pascanu",
        2020,
        "Improving the Gating Mechanism of Recurrent Neural Networks",
        "https://arxiv.org/abs/1910.09890",
    )

    def bias_law(self, role: Role) -> Distribution:
        _check_gates(role, "uniform_gate")
        d = role.layout.rows
        if d <= 2:
            raise InputError(
                role.name, "must be of more than 2 units for 'uniform_gate'", d, hint="'chrono' serves fewer"
            )
        gate, zero = LogitOfUniform(1 / d, 1 - 1 / d), Constant(0.0)
        return Packed(role.layout, (gate, gate, zero, zero), ((INPUT, FORGET),))


@INITIALIZERS.register("mamba_step", aliases=("ssm_step",))
@dataclass(frozen=True, slots=True)
class MambaStep(Initializer):
    """b = ln(exp(d) - 1) with ln d ~ U[ln a, ln b), W ~ U[-1/sqrt(R), 1/sqrt(R)); a = `shortest`, b = `longest`.

    The projection of a state space model's step, softplus(W x + b): the bias alone gives d. R is the fan-in, the
    rank of the projection. The authors' code also raises d to 1e-4 at least, which nothing is below with the defaults.

    Args:
        shortest: a, above 0.
        longest: b, above a.

    >>> from firstdraw.roles import bias_role, weight_role
    >>> print(MambaStep().law(bias_role(weight_role((8, 3)))))
    inverse softplus of exp U[ln 0.001, ln 0.1)
    """

    shortest: float = 0.001
    longest: float = 0.1
    kinds: ClassVar[tuple[Kind, ...]] = ("dense", "bias")
    formula: ClassVar[str] = "U[-1/sqrt(n), 1/sqrt(n)); biases ln(exp d - 1), ln d ~ U[ln shortest, ln longest)"
    source: ClassVar[Source | None] = Source(
        "Gu & Dao",
        2023,
        "Mamba: Linear-Time Sequence Modeling with Selective State Spaces",
        "https://arxiv.org/abs/2312.00752",
    )

    def __post_init__(self) -> None:
        check_positive("shortest", self.shortest)
        check_positive("longest", self.longest)
        if self.shortest >= self.longest:
            raise InputError("shortest", f"must be below `longest`, which is {self.longest}", self.shortest)

    def weight_law(self, role: Role) -> Distribution:
        if role.kind == "bias":
            return self.bias_law(role)
        bound = 1 / math.sqrt(role.fan_in)
        return Uniform(-bound, bound)

    def bias_law(self, role: Role) -> Distribution:  # noqa: ARG002
        return StepBias(self.shortest, self.longest)
