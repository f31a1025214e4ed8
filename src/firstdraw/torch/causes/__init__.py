"""From what was measured of a model of PyTorch to findings, by the thresholds of every other diagnosis."""

from firstdraw.torch.causes.findings import findings_of

__all__ = ["findings_of"]
