"""Models of PyTorch with a known answer, sick and healthy, by family; `../conftest.py` hands them to tests."""

from __future__ import annotations

from .convolutional import CONVOLUTIONAL
from .data import DATA
from .generative import GENERATIVE
from .hugging_face import HUGGING_FACE
from .mixtures import MIXTURES
from .perceptrons import PERCEPTRONS
from .recurrent import RECURRENT
from .residual import RESIDUAL
from .specimen import Specimen
from .squashed import SQUASHED
from .transformers import TRANSFORMERS
from .wrapped import WRAPPED

__all__ = ["ZOO", "Specimen"]

ZOO: dict[str, Specimen] = {
    **PERCEPTRONS,
    **SQUASHED,
    **CONVOLUTIONAL,
    **RESIDUAL,
    **GENERATIVE,
    **RECURRENT,
    **TRANSFORMERS,
    **MIXTURES,
    **HUGGING_FACE,
    **WRAPPED,
    **DATA,
}
