"""Values that cross boundaries: quantities, selectors, usage, `metav1.Status`.

Nothing here does I/O, reads a clock or logs.
"""
