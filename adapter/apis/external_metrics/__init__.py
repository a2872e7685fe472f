"""``external.metrics.k8s.io``: metrics of things outside of Kubernetes."""
