"""Floor 2. What other frameworks draw: under the names of the catalogue, and where nobody asks."""

from firstdraw.frameworks.counterparts import COUNTERPARTS, Counterpart
from firstdraw.frameworks.layers import LAYERS, LayerDefault, layer_named

__all__ = ["COUNTERPARTS", "LAYERS", "Counterpart", "LayerDefault", "layer_named"]
