"""Where values come from. Each sub-package is one source and knows no other."""
