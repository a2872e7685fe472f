"""A package, so that what all its tests share is ended after the last of them."""
