"""``custom.metrics.k8s.io``: metrics of Kubernetes objects."""
