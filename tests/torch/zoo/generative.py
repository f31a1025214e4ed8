"""Networks that make images: U-Nets, autoencoders and generators."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from .convolutional import IMAGES
from .laws import drawn, normal, scaled
from .specimen import Specimen, numbers
from .training import SMOOTHING, adam

__all__ = ["GENERATIVE"]

LATENT = numbers(8, 16, 1, 1)


class UNet(nn.Module):
    """Two steps down and two up, each step up with what came before the step down."""

    def __init__(self, channels: int = 8) -> None:
        super().__init__()
        n = channels
        self.first = nn.Sequential(*self.rectified(3, n), *self.rectified(n, n))
        self.second = nn.Sequential(nn.Conv2d(n, 2 * n, 3, 2, 1), nn.ReLU(), *self.rectified(2 * n, 2 * n))
        self.bottom = nn.Sequential(nn.Conv2d(2 * n, 4 * n, 3, 2, 1), nn.ReLU(), *self.rectified(4 * n, 4 * n))
        self.up = nn.ModuleList([nn.ConvTranspose2d(4 * n, 2 * n, 2, 2), nn.ConvTranspose2d(2 * n, n, 2, 2)])
        self.joined = nn.ModuleList(
            [nn.Sequential(*self.rectified(4 * n, 2 * n)), nn.Sequential(*self.rectified(2 * n, n))]
        )
        self.last = nn.Conv2d(n, 3, 1)

    @staticmethod
    def rectified(n: int, m: int) -> list[Any]:
        return [nn.Conv2d(n, m, 3, padding=1), nn.ReLU()]

    def forward(self, x: Any) -> Any:
        first = self.first(x)
        second = self.second(first)
        y = self.bottom(second)
        for up, joined, skip in zip(self.up, self.joined, (second, first), strict=True):
            y = joined(torch.cat([skip, up(y)], 1))
        return self.last(y)


def down_and_up() -> Any:
    down = (nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 16, 3, 2, 1), nn.ReLU())
    up = (nn.ConvTranspose2d(16, 8, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(8, 3, 4, 2, 1))
    return nn.Sequential(*down, *up)


def small_transposed() -> Any:
    return nn.Sequential(nn.Conv2d(3, 8, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(8, 3, 4, 2, 1))


def generator(norm: Any = nn.BatchNorm2d) -> Any:
    """Return a generator of transposed convolutions, from a point to sixteen pixels a side."""
    parts: list[Any] = [nn.ConvTranspose2d(16, 32, 4, bias=False), norm(32), nn.ReLU()]
    parts += [nn.ConvTranspose2d(32, 16, 4, 2, 1, bias=False), norm(16), nn.ReLU()]
    parts += [nn.ConvTranspose2d(16, 8, 3, 1, 1, bias=False), norm(8), nn.ReLU()]
    return nn.Sequential(*parts, nn.ConvTranspose2d(8, 3, 4, 2, 1, bias=False), nn.Tanh())


def without(_: int) -> Any:
    return nn.Identity()


def stripes(examples: int, size: int) -> Any:
    """Return the smoothed cross-entropy of three scores a pixel for stripes, a few across each image."""
    first = 3.0 * torch.rand(examples, 1, 1, generator=torch.Generator().manual_seed(1))
    places = torch.linspace(0.0, 3.0, size)
    wanted = (first + places[:, None] + places).long() % 3

    def loss(scores: Any) -> Any:
        return cross_entropy(scores, wanted, label_smoothing=SMOOTHING)

    return loss


GENERATIVE = {
    "U-Net": Specimen(make=lambda: scaled(UNet()), call=IMAGES, answer="healthy"),
    "U-Net's transposed convolution": Specimen(make=lambda: scaled(small_transposed()), call=IMAGES, answer="healthy"),
    "autoencoder of convolutions": Specimen(make=lambda: scaled(down_and_up()), call=IMAGES, answer="healthy"),
    # The law of its authors, N(0, 0.02^2), behind which a normalization stands.
    "DCGAN's generator": Specimen(make=lambda: drawn(generator(), normal(0.02)), call=LATENT, answer="healthy"),
    "U-Net, std 0.01": Specimen(
        make=lambda: drawn(UNet(), normal(0.01)),
        call=IMAGES,
        answer="vanishing signal",
        also=frozenset({"vanishing gradient"}),
        twin=lambda: scaled(UNet()),
        objective=stripes(8, 8),
        optimizer=adam(3e-3),
    ),
    "U-Net, std 3": Specimen(
        make=lambda: drawn(UNet(), normal(3.0)),
        call=IMAGES,
        answer="exploding signal",
        twin=lambda: scaled(UNet()),
        objective=stripes(8, 8),
        optimizer=adam(3e-3),
    ),
    "generator without norm, std 0.02": Specimen(
        make=lambda: drawn(generator(without), normal(0.02)),
        call=LATENT,
        answer="vanishing signal",
        also=frozenset({"vanishing gradient"}),
        twin=lambda: scaled(generator(without)),
        objective=stripes(8, 16),
        optimizer=adam(3e-3),
    ),
    "autoencoder of convolutions, std 0.001": Specimen(
        make=lambda: drawn(down_and_up(), normal(0.001)),
        call=IMAGES,
        answer="vanishing signal",
        also=frozenset({"vanishing gradient"}),
        twin=lambda: scaled(down_and_up()),
        objective=stripes(8, 8),
        optimizer=adam(1e-2),
    ),
}
