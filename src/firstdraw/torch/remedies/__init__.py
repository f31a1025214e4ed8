"""What mends a start by its numbers alone, cheapest first.

Each file is one idea; a remedy looks at the model and yields plans, lists of statements of plain PyTorch.
"""

from typing import Final

from firstdraw.torch.remedies.analytic import Analytic
from firstdraw.torch.remedies.another_draw import AnotherDraw
from firstdraw.torch.remedies.branches import ResidualScaling
from firstdraw.torch.remedies.common_gain import CommonGain
from firstdraw.torch.remedies.gradinit import GradInit
from firstdraw.torch.remedies.lsuv import LSUV
from firstdraw.torch.remedies.metainit import MetaInit
from firstdraw.torch.remedies.outputs import Outputs
from firstdraw.torch.remedies.patient import Patient, Trial
from firstdraw.torch.remedies.plan import Plan, Step
from firstdraw.torch.remedies.remedy import Remedy

__all__ = ["REMEDIES", "Patient", "Plan", "Remedy", "Step", "Trial"]

REMEDIES: Final[tuple[Remedy, ...]] = (
    Analytic(),
    Outputs(),
    LSUV(),
    ResidualScaling(),
    CommonGain(),
    AnotherDraw(),
    GradInit(),
    MetaInit(),
)
