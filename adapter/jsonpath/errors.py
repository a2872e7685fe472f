"""What can be wrong with a document, an expression, or a value. Texts are clauses for a person."""


class JSONPathError(ValueError):
    """An expression that cannot be used.

    Args:
        message: What is wrong, and how to mend it.
        position: Offset in the expression, where that is known.
    """

    def __init__(self, message: str, position: int | None = None) -> None:
        super().__init__(message)
        self.position = position


class DocumentError(ValueError):
    """A body that is no usable JSON document."""


class ExtractionError(ValueError):
    """A document has no usable value; the text names the expression."""


class NothingFound(ExtractionError):
    """The expression finds nothing in the document, or null."""
