"""`firstdraw check`: a model of PyTorch by its name, a batch, and what is wrong with the start."""

from firstdraw.cli.check.command import AskedCheck, print_the_check

__all__ = ["AskedCheck", "print_the_check"]
