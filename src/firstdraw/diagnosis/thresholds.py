"""Every number that turns a measurement into a judgment, each with its reason. There are no others."""

from __future__ import annotations

from typing import Final

SIGNAL_FACTOR: Final = 100.0
"""A layer's signal this many times larger or smaller than the inputs is exploding or vanishing. Outputs two orders of
magnitude above ordinary inputs saturate any sigmoid or softmax (p rounds to 1 at z = 37 in float64); two orders below
them, a layer's inputs contribute less to the next layer than a typical learning rate moves its weights."""

GRADIENT_FACTOR: Final = 100.0
"""First and last layer receiving gradients of norms this many times apart cannot both be trained well by one learning
rate: rates that work for a layer usually span one to two orders of magnitude."""

LAW_LAYERS: Final = 3
"""Three layers after an activation make a depth: of fewer no law is read, as what is too large or small shows where it
is."""

EXPLAINED_SHARE: Final = 0.5
"""A law is to blame for a signal that vanishes or explodes if, in logarithms, it accounts for half of it: a narrow
network's chance accounts for the rest."""

FITTING_LAW: Final = 1.1
"""An initializer fits an activation where its variance is within 10 % of the one that keeps the signal."""

DEPTH_SCALES: Final = 6.0
"""Networks were found to train up to about six depth scales xi_c of the correlation (Schoenholz et al. 2017,
https://arxiv.org/abs/1611.01232): what is left of a difference between two inputs is then e^-6, a four-hundredth."""

EQUAL_LAYERS: Final = 1.5
"""Layers count as drawn by one law where their weight variances are this near to each other: of 16 x 16 elements the
variance is estimated within 10 %."""

PHASE_CHANGE: Final = 1.0
"""Gradients that change less than e-fold over all hidden layers together are in no phase worth asking for."""

COLLAPSE_FACTOR: Final = 0.001
"""A thousandth of the differences between inputs left is 6.9 depth scales of an ordered phase. A critical rectifier
reaches it in 200 layers, as it makes 1 - c of its inputs about 9 pi^2/(2 l^2)."""

RANK_LEFT: Final = 1.01
"""A participation ratio below 1.01 leaves half a percent of the variance to all directions but one."""

RANK_LOST: Final = 1.5
"""Above 1.5 a layer varies along two directions or more; inputs that themselves lie on a line lose nothing."""

ALIKE_SHARE: Final = 0.5
"""Half of a layer's units alike: two or three units that nearly meet are chance among hundreds of few inputs."""

LARGEST_INPUTS: Final = 10.0
"""Laws of weights count on inputs of order 1: ten times larger ones make the first gradients a hundred times larger.
Digits of 0 to 16, which train well, stay below."""

SMALLEST_INPUTS: Final = 0.01
"""A hundredth of what laws count on is lost beside biases and updates. One-hot inputs of a thousand features, at 0.03,
are no fault."""

INPUT_FACTOR: Final = 100.0
"""Features a hundred times wider than others bend the cost ten thousand times more sharply along their weights."""

OFFSET_FACTOR: Final = 3.0
"""Features three times as far from 0 as they are wide: evenly spread, they have the cosine 0.99 with each other."""

DEAD_SHARE_WARNED: Final = 0.75
"""Three quarters of a layer dead before training: where deep layers have made all inputs alike, each unit is off by the
toss of a coin, and half a layer is dead by chance. Fewer, or units that die on the way while the rest goes on learning,
are worth a note; a whole layer is the end."""

FLAT_SHARE_WARNED: Final = 0.5
"""A layer flat on more than half of its units and examples hands back less than a hundredth of the gradient there;
N(0, 1) pre-activations are flat for tanh on 0.3 %, for hardtanh on 32 %."""

OUTPUT_FLAT_SHARE: Final = 0.5
"""Half of the predictions certain before anything has been learned."""

COST_FACTOR: Final = 3.0
"""A saturated start matters when it also costs more than three times the best constant prediction: it is certain and
wrong, not certain and right."""

HIGH_COST_FACTOR: Final = 10.0
"""Standardized targets and He's law start at about three times the best constant's squared error; ten times as much is
spent on unlearning what the outputs say at random."""

STABLE_STEP: Final = 2.0
"""Beyond learning rate times largest eigenvalue = 2, gradient descent on a quadratic leaves its minimum: worth a
note."""

UNSTABLE_STEP: Final = 12.0
"""Beyond 2, networks were found to overshoot and to come down where the cost bends less: linear ones up to about 4,
rectifiers up to about 12 (Lewkowycz et al. 2020, https://arxiv.org/abs/2003.02218)."""

UPDATE_RATIO: Final = 1.0
"""A first step as large as the weights themselves replaces the initialization; a hundredth to a thousandth is usual."""

LEARNED_SHARE: Final = 0.01
"""Falling less than 1 % below the cost of the best constant prediction is learning nothing from the inputs."""

PLATEAU_WINDOW: Final = 0.2
"""The last fifth of the steps decides whether a run stands still."""

PLATEAU_CHANGE: Final = 0.002
"""A cost that falls by less than 0.2 % over the last fifth of the steps would take 300 times the whole training to
halve."""

SOLVED_SHARE: Final = 0.05
"""Below 5 % of the best constant prediction's cost a standstill is the end of the work, not a plateau."""

IMPROVING_WINDOW: Final = 0.1
"""The last tenth of the steps decides whether more steps would help."""

IMPROVING_CHANGE: Final = 0.005
"""A cost that still falls by more than 0.5 % over the last tenth of the steps has not settled."""

EXPONENT_TOLERANCE: Final = 0.25
"""Signals and their changes grow with width and depth as powers that are multiples of a half: sums of n independent
terms as n^(1/2), of n aligned ones as n (Yang & Hu 2021, https://arxiv.org/abs/2011.14522). Half of the way to the next
exponent is left for what finite sizes add to it."""
