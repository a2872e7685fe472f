"""The rule file: schema, loading with positions, mapping of labels, queries. Pure."""
