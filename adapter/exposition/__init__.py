"""Prometheus text exposition format to samples: a fast path and a strict path. Pure."""
