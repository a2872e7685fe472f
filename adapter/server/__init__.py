"""Serving: TLS, middleware, discovery, probes, negotiation. Knows no backend."""
