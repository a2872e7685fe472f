"""Building PromQL from templates and decoding the answers of the query API. Pure."""
