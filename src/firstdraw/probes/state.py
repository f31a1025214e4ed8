"""What is measured of a network on a batch: values, without a judgment.

The letters are those of the forward pass: Z_l = W_l A_(l-1) + b_l, A_l = phi(Z_l), A_L = Z_L, for layers l from 1 to L
on m examples, which are columns; layer l has N_l units. A layer that ends a residual branch hands on
A_l = A_(first-1) + alpha F. Sums are made in float64; what is not finite in a layer makes the values nan or infinite
that are computed from it. Where a value is None nothing was to be measured; nan says that there was, in vain: of no
two examples, of zeros alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = [
    "FLAT",
    "SIMILAR",
    "BranchState",
    "InputState",
    "LayerState",
    "Moments",
    "NetworkState",
    "OutputState",
]

FLAT: Final = 0.01
"""A function is flat where its derivative is below this share of its largest: for tanh beyond |z| = 2.99."""
SIMILAR: Final = 0.01
"""Units are similar whose weights and biases are this near to each other, relative to the larger of the two."""


@dataclass(frozen=True, slots=True)
class Moments:
    """Moments of the values x_ji of N units j on m examples i.

    Args:
        mean: the mean over units and examples.
        second_moment: the mean of x^2 over units and examples.
        variance: second_moment - mean^2.
        example_variance: the variance over the examples, unit by unit, in the mean over the units: what still depends
            on the input. The rest of the variance is that of the units' own means.
    """

    mean: float
    second_moment: float
    variance: float
    example_variance: float

    @property
    def varying_share(self) -> float:
        """example_variance / second_moment: 0 where all examples give the same; nan where all values are 0."""
        return self.example_variance / self.second_moment if self.second_moment else float("nan")


@dataclass(frozen=True, slots=True)
class InputState:
    """What a network is given.

    Args:
        features: d.
        examples: m.
        rms: root mean square over features and examples.
        mean: the mean over features and examples.
        smallest: the smallest element.
        largest: the largest.
        nonfinite: how many elements are not finite.
        feature_means: the mean of each feature.
        feature_ranges: the largest less the smallest value of each feature.
    """

    features: int
    examples: int
    rms: float
    mean: float
    smallest: float
    largest: float
    nonfinite: int
    feature_means: tuple[float, ...]
    feature_ranges: tuple[float, ...]

    @property
    def constant_features(self) -> int:
        """How many features have one value on all examples."""
        return sum(extent == 0 for extent in self.feature_ranges)

    @property
    def constant(self) -> bool:
        """Whether all examples are equal."""
        return self.constant_features == self.features


@dataclass(frozen=True, slots=True)
class LayerState:
    """What one layer does on a batch.

    Args:
        layer: its place, from 1.
        hidden: whether another layer follows.
        branch: the number of the residual branch that it belongs to, from 1, if it does.
        fan_in: how many units feed each of its units.
        units: its width N_l.
        signal_rms: root mean square of Z_l over units and examples.
        signal: the moments of Z_l.
        activation: the moments of A_l.
        nonfinite: how many elements of Z_l are not finite.
        correlation: the cosine between the columns of Z_l of two examples, in the mean over all pairs of distinct
            examples whose columns are not 0; nan where there is no such pair.
        pair_correlation: the cosine between the columns of Z_l of the pair that was asked for, or None; nan where one
            of them is 0.
        participation_ratio: (tr C)^2 / tr C^2, C the covariance of the units' A_l over the examples: how many
            directions their variance is spread over, from 1 to min(N_l, m - 1); nan where nothing varies.
        effective_rank: the effective rank of Roy and Vetterli of A_l, centered (see `probes.effective_rank`), if it
            was asked for.
        unit_correlation: the largest absolute correlation over the examples between the A_l of two units; nan where
            less than two units vary. 1 where one is a multiple of the other but for a constant.
        weight_cosine: the largest absolute cosine between the (weights in, bias) of two units; nan where less than two
            are not 0.
        similar_units: how many units have another one whose (weights in, bias) u is within `SIMILAR`:
            |u_j - u_k| <= SIMILAR max(|u_j|, |u_k|).
        mirrored_units: how many have another one within `SIMILAR` of their negative: |u_j + u_k| in its place.
        gradient_rms: root mean square of m dC/dZ_l over units and examples: the gradient an example sends back.
        weight_rms: root mean square of W_l over its elements; fan_in weight_rms^2 is the sigma_w^2 of the theory.
        bias_rms: root mean square of b_l.
        weight_gradient_rms: root mean square of dC/dW_l over its elements.
        bias_gradient_rms: root mean square of dC/db_l.
        update_ratio: root mean square of the change of W_l in the first step of the optimizer that was given, over
            weight_rms; infinite or nan where W_l is 0. None without an optimizer.
        chi: the mean squared singular value of the Jacobian J = dZ_(l+1)/dZ_l = W_(l+1) diag(phi'(Z_l)),
            tr(J J^T)/N_(l+1), in the mean over the examples. None for the last layer, and where a skip begins after
            this layer or ends with it (see `BranchState.backward_chi`).
        backward_chi: the same by the backward pass: the sum of squares of dC/dZ_l over that of dC/dZ_(l+1), which is
            chi for a gradient without a preferred direction. None where chi is.
        dead_units: how many units have derivative 0 on every example, so that they cannot learn from any; 0 where no
            activation follows.
        dead_inputs: on how many examples every unit has derivative 0, so that no gradient passes; 0 likewise.
        flat_share: the share of units and examples on which a bounded activation is flat; 0 for others.
        distinct_units: how many different units there are.
        unit_difference: the largest difference between two units in one weight or bias.
    """

    layer: int
    hidden: bool
    branch: int | None
    fan_in: int
    units: int
    signal_rms: float
    signal: Moments
    activation: Moments
    nonfinite: int
    correlation: float
    pair_correlation: float | None
    participation_ratio: float
    effective_rank: float | None
    unit_correlation: float
    weight_cosine: float
    similar_units: int
    mirrored_units: int
    gradient_rms: float
    weight_rms: float
    bias_rms: float
    weight_gradient_rms: float
    bias_gradient_rms: float
    update_ratio: float | None
    chi: float | None
    backward_chi: float | None
    dead_units: int
    dead_inputs: int
    flat_share: float
    distinct_units: int
    unit_difference: float


@dataclass(frozen=True, slots=True)
class BranchState:
    """What one residual branch adds on a batch.

    Args:
        branch: its number, from 1.
        first: the first of its layers.
        last: the last of its layers.
        multiplier: alpha.
        multiplier_gradient: dC/dalpha.
        output_rms: root mean square of F, which alpha multiplies, over units and examples.
        backward_chi: the sum of squares of dC/dA_(first-1), which the branch and its skip hand back, over that of
            dC/dA_last: the mean squared singular value of the whole block's Jacobian, I + alpha dF/dA_(first-1), as
            the gradient sees it.
    """

    branch: int
    first: int
    last: int
    multiplier: float
    multiplier_gradient: float
    output_rms: float
    backward_chi: float


@dataclass(frozen=True, slots=True)
class OutputState:
    """What the network predicts on a batch.

    Args:
        examples: m.
        smallest: the smallest element of Z_L.
        largest: the largest.
        flat: on how many examples the output probability is flat, p (1 - p) < 0.0025.
        certain: on how many it is exactly 0 or 1 in this precision.
        certain_and_wrong: on how many of these the prediction is wrong.
        predicted: how many examples are given each class; empty for regression.
        right: how many predictions are right; None for regression.
    """

    examples: int
    smallest: float
    largest: float
    flat: int
    certain: int
    certain_and_wrong: int
    predicted: tuple[int, ...]
    right: int | None


@dataclass(frozen=True, slots=True)
class NetworkState:
    """What a network with given parameters does on a batch.

    Whether the output has collapsed, all examples giving nearly the same, `layers[-1].signal.varying_share` tells.

    Args:
        inputs: what it is given.
        layers: the layers in order.
        branches: the residual branches in order.
        output: the predictions.
        cost: the overflow-safe cost.
        constant_cost: the lowest cost of a prediction that ignores the inputs.
    """

    inputs: InputState
    layers: tuple[LayerState, ...]
    branches: tuple[BranchState, ...]
    output: OutputState
    cost: float
    constant_cost: float

    @property
    def input_rms(self) -> float:
        """Root mean square of the inputs."""
        return self.inputs.rms

    @property
    def hidden(self) -> tuple[LayerState, ...]:
        """The layers that another layer follows."""
        return self.layers[:-1]
