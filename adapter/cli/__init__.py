"""The ``viaduct`` command: one module per sub-command, imported when it runs."""
