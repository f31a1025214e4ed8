"""Every number that turns a measurement into a judgment, each with its reason. There are no others."""

from __future__ import annotations

from typing import Final

SIGNAL_FACTOR: Final = 100.0
"""A layer's signal this many times larger or smaller than the inputs is exploding or vanishing. Outputs two orders of
magnitude above ordinary inputs saturate any sigmoid or softmax (p rounds to 1 at z = 37 in float64); two orders below
them, a layer's inputs contribute less to the next layer than a typical learning rate moves its weights."""

GRADIENT_FACTOR: Final = 100.0
"""First and last layer receiving gradients this many times apart cannot both be trained well by one learning rate:
rates that work for a layer usually span one to two orders of magnitude."""

DEAD_SHARE_WARNED: Final = 0.5
"""Half of a layer dead before training: a few dead units are ordinary chance in small layers, and half of a layer is
not. Fewer, or units that die on the way while the rest goes on learning, are worth a note; a whole layer is the end."""

FLAT_SHARE_WARNED: Final = 0.5
"""A layer flat on more than half of its units and examples hands back less than a hundredth of the gradient there;
N(0, 1) pre-activations are flat for tanh on 0.3 %, for hardtanh on 32 %."""

OUTPUT_FLAT_SHARE: Final = 0.5
"""Half of the predictions certain before anything has been learned."""

COST_FACTOR: Final = 3.0
"""A saturated start matters when it also costs more than three times the best constant prediction: it is certain and
wrong, not certain and right."""

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
