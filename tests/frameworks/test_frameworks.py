"""What is said of other frameworks, as far as it can be checked without them."""

from __future__ import annotations

import math

import pytest

from firstdraw.frameworks import COUNTERPARTS, LAYERS, Counterpart, LayerDefault
from firstdraw.initializers import INITIALIZERS
from firstdraw.roles import bias_role, weight_role

counterparts = pytest.mark.parametrize(
    ("name", "item"),
    [(name, item) for name, items in COUNTERPARTS.items() for item in items],
    ids=lambda value: value if isinstance(value, str) else value.framework,
)


@counterparts
def test_a_counterpart_belongs_to_an_initializer_and_says_what_it_draws(name: str, item: Counterpart) -> None:
    assert name in INITIALIZERS
    assert bool(item.call) == (item.law is not None)
    if item.law is None:
        assert item.remark
    else:
        assert math.isfinite(item.law(weight_role((6, 4))).variance)


@pytest.mark.parametrize("name", [name for name in COUNTERPARTS if name.startswith(("he_", "glorot_", "lecun_"))])
@pytest.mark.parametrize("shape", [(64, 32), (64, 32, 3, 3)])
def test_a_scaled_rule_has_the_same_variance_everywhere(name: str, shape: tuple[int, ...]) -> None:
    role = weight_role(shape, operation="dense" if len(shape) == 2 else "convolution")
    for item in COUNTERPARTS[name]:
        if item.law is not None:
            assert item.law(role).variance == pytest.approx(INITIALIZERS[name]().law(role).variance, rel=1e-14)


@pytest.mark.parametrize("layer", LAYERS.values(), ids=lambda layer: layer.name)
def test_a_layer_is_said_in_full(layer: LayerDefault) -> None:
    role = weight_role(layer.example, operation=layer.operation, parts=layer.parts)
    assert layer.weight(role).variance > 0
    assert layer.remark.endswith(".")
    assert layer.link.startswith("https://")
    assert (layer.bias is None) == (layer.bias_formula == "")
    if layer.bias is not None:
        assert math.isfinite(layer.bias(bias_role(role)).variance)
