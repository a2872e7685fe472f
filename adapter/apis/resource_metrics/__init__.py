"""``metrics.k8s.io``: usage of nodes and pods."""
