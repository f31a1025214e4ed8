"""What is said when a cluster cannot go on."""

from __future__ import annotations

from firstdraw.errors import FirstdrawError

__all__ = ["ClusterError"]


class ClusterError(FirstdrawError):
    """A cluster cannot be used, or is gone; every run that it had trained before is stored."""
