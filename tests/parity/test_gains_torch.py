"""The conventional gains against `torch.nn.init.calculate_gain`."""

from __future__ import annotations

import pytest

from firstdraw.activations import ACTIVATIONS, LeakyReLU
from firstdraw.gains import conventional_gain

pytestmark = pytest.mark.parity
# What PyTorch calls otherwise than the catalogue.
NAMES = {"identity": "linear"}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_conventional_gain_is_pytorch_s(name: str) -> None:
    from torch.nn.init import calculate_gain

    told = conventional_gain(ACTIVATIONS[name]())
    if told is None:
        with pytest.raises(ValueError, match="Unsupported nonlinearity"):
            calculate_gain(NAMES.get(name, name))  # type: ignore[arg-type]
    else:
        assert told == calculate_gain(NAMES.get(name, name))  # type: ignore[arg-type]


@pytest.mark.parametrize("slope", [0.2, -0.5, 1.0])
def test_the_conventional_gain_of_a_leaky_rectifier_is_pytorch_s(slope: float) -> None:
    from torch.nn.init import calculate_gain

    assert conventional_gain(LeakyReLU(slope)) == calculate_gain("leaky_relu", slope)
