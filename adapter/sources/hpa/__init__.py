"""Metrics that HPAs define by annotations, as kube-metrics-adapter reads them.

Values come from other sources, over protocols of `adapter.sources.base`: this package knows which
metric is meant and never how a value is fetched.
"""
