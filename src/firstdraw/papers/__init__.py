"""Floor 6. Published claims, each a small experiment with a verdict and a number."""

from firstdraw.catalogue import import_members
from firstdraw.papers.claim import Checked, Claim, Judged, Records, Verdict, tally
from firstdraw.papers.contract import PAPERS, Claims, Paper, further_training

import_members(__name__, __path__)

__all__ = ["PAPERS", "Checked", "Claim", "Claims", "Judged", "Paper", "Records", "Verdict", "further_training", "tally"]
