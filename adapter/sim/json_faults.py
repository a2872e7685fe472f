"""What can go wrong with a pod that publishes JSON, switched on and off while it runs."""

import dataclasses
from dataclasses import dataclass


@dataclass(kw_only=True)
class JsonFaults:
    """Faults of one pod's documents, all off by default; set attributes, `clear` ends all."""

    hanging: bool = False
    """Accepts connections and requests and never answers."""
    slow: float = 0.0
    """Seconds, by the cluster's clock, before an answer begins."""
    drip: float = 0.0
    """Seconds, by the cluster's clock, between any two bytes of the body."""
    status: int = 0
    """Answers with this HTTP status and a line of text."""
    redirect: str = ""
    """Sends whoever asks to this URL."""
    truncated: bool = False
    """Closes the connection in the middle of a body whose Content-Length promised more."""
    huge_body: int = 0
    """The document, still good JSON, has so many bytes more."""
    body: bytes | None = None
    """Sent in place of the document."""
    content_type: str = "application/json"
    """Media type of the answer, whatever is in it."""
    no_etag: bool = False
    """The document has no ETag, so it is always sent whole."""

    def clear(self) -> None:
        """Switch all faults off."""
        for fault in dataclasses.fields(self):
            setattr(self, fault.name, fault.default)
