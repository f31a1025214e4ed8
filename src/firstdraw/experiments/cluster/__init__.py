"""Floor 5. A grid on many machines, through Dask.distributed: workers train, and this process alone writes the store.

`address.py` says where a cluster is, `local.py` starts one on this machine, `connection.py` asks workers and hears what
became of it, `worker.py` is what runs there, `batches.py` and `pace.py` are what a worker is given and how much of it,
and `coordinator.py` is the loop. Dask is imported in `connection.py` and `local.py` alone, when a cluster is used.
"""

from firstdraw.experiments.cluster.address import Cluster, read_cluster
from firstdraw.experiments.cluster.coordinator import PATIENCE, sweep_on_cluster
from firstdraw.experiments.cluster.failure import ClusterError

__all__ = ["PATIENCE", "Cluster", "ClusterError", "read_cluster", "sweep_on_cluster"]
