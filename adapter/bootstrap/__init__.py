"""Composition root: the only place that names concrete classes.

| module | builds |
|---|---|
| `service` | the process: server, loops, signals |
| `parts` | what all groups share: kube-apiserver, listers, rule files, Prometheus servers |
| `resource_metrics` | ``metrics.k8s.io``: Prometheus, the kubelets, or one after the other |
| `query_metrics` | ``custom.metrics.k8s.io`` and ``external.metrics.k8s.io`` by rules |

A new API group is a module here and a line in `service.running`; a new source a branch in the
module of its group.
"""

from adapter.bootstrap.service import running, serve, without_collections

__all__ = ["running", "serve", "without_collections"]
