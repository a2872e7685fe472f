"""Viaduct: Kubernetes' metrics APIs from Prometheus, and from the kubelets when it is gone.

Start with ``ARCHITECTURE.md`` in this directory.
"""

__version__ = "0.1.0"
