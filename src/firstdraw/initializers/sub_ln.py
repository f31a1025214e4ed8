"""Sub-LN: a normalization before each layer of a branch, and gains that grow with the logarithm of depth."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from firstdraw.catalogue import Source
from firstdraw.distributions import Distribution
from firstdraw.initializers.contract import INITIALIZERS, Initializer, Kind
from firstdraw.initializers.glorot import GlorotNormal
from firstdraw.initializers.parts import WRITING, law_of_parts
from firstdraw.roles import Role, TransformerPlace

__all__ = ["SubLN"]


@INITIALIZERS.register("sub_ln", aliases=("magneto",))
@dataclass(frozen=True, slots=True)
class SubLN(Initializer):
    """W ~ N(0, 2 g^2/(n + m)) for values, attention outputs and feed-forward layers, N(0, 2/(n + m)) for the others.

    n is the fan-in, m the fan-out. For transformers that normalize both what enters a branch and what enters its last
    layer. Of N layers in one stack alone, g = sqrt(ln(2 N)). Of an encoder of N and a decoder of M layers,
    g = sqrt(ln(3 M) ln(2 N)/3) in the encoder, g = sqrt(ln(3 M)) in the decoder, and 1 in its attention to the encoder.

    The second normalization takes the scale of the weights before it out of the signal and divides their gradients by
    it, so that larger weights take smaller steps. By the authors' theory the change of the output by a step of SGD
    grows as ln(2 N)/g^2 with a gain g, so that it is these which keep it from growing. Outside of a transformer the law
    is `glorot_normal`. Known confusion: the gains enlarge, where DeepNorm's diminish; they belong to another place of
    the normalizations.

    >>> from firstdraw.roles import weight_role
    >>> place = TransformerPlace(parts=("value",), stack="decoder", layers=24, layer=1)
    >>> law = SubLN().law(weight_role((512, 512), transformer=place))
    >>> print(law, round(law.variance * 512 / math.log(48), 12))
    N(0, 0.0869537²) 1.0
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("dense",)
    activations: ClassVar[tuple[str, ...] | None] = ("relu", "gelu")
    formula: ClassVar[str] = "N(0, 2/(n + m)); gain g by the number of layers for value, output and feed-forward"
    source: ClassVar[Source | None] = Source(
        "Wang, Ma, Huang et al.", 2022, "Foundation Transformers", "https://arxiv.org/abs/2210.06423"
    )
    needs_architecture: ClassVar[bool] = True
    residual: ClassVar[bool] = True

    def gain(self, place: TransformerPlace) -> float:
        """Return g, the gain of the weights through which a branch of the place writes."""
        if place.other_layers is None:
            return math.sqrt(math.log(2 * place.layers))
        if place.stack == "encoder":
            return math.sqrt(math.log(3 * place.other_layers) * math.log(2 * place.layers) / 3)
        return 1.0 if place.cross_attention else math.sqrt(math.log(3 * place.layers))

    def weight_law(self, role: Role) -> Distribution:
        place = role.transformer
        if place is None:
            return GlorotNormal().weight_law(role)
        gain = self.gain(place)
        return law_of_parts(role, place, lambda part: GlorotNormal(gain if part in WRITING else 1.0).weight_law(role))
