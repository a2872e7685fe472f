"""Values from the Prometheus HTTP API, by rules."""
