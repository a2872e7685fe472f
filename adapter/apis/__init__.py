"""What is served. Each sub-package is one API group and knows no other, and no backend."""
