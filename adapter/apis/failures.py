"""Failures behind an API group, as custom-metrics-apiserver's clients know them."""

from adapter.errors import AdapterError

UNABLE_TO_FETCH = "unable to fetch metrics"
UNABLE_TO_LIST = "unable to list matching resources"


def internal_error(what: str, cause: Exception) -> AdapterError:
    """The error 500 for *what* failed, because of *cause*.

    Status, reason and the beginning of the text are the peer's (apimachinery
    ``NewInternalError``), which people and programs search for; the cause is what it leaves out.
    """
    text = f"{what}: {cause}"
    return AdapterError(f"Internal error occurred: {text}", causes=[text])
