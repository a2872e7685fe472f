"""Answers of ``/api/v1/query``, decoded in pieces so that a large one never blocks for long.

A body is cut at ``},{"metric":``. That text cannot occur inside a JSON string, where a quote is
always escaped; a body that is laid out in another way is simply decoded whole.
"""

import math
from collections.abc import Iterator

import msgspec

PIECE_BYTES = 256 * 1024
"""Size of a piece; 100,000 series then hold up the loop for 1 ms at a time, not 50 ms."""

_FIRST_ROW = b'{"metric":'
_CUT = b'},{"metric":'


class ResponseError(ValueError):
    """An answer is no vector: an error answer, another type, or broken JSON.

    Args:
        message: What is wrong, in Prometheus' own words where there are any.
        error_type: Prometheus' ``errorType``, such as ``timeout``; empty for a broken answer.
    """

    def __init__(self, message: str, error_type: str = "") -> None:
        super().__init__(message)
        self.error_type = error_type


class Sample(msgspec.Struct, gc=False):
    """One element of an instant vector.

    *metric* holds its labels as JSON: Prometheus writes the same labels the same way each time, so
    the text can be compared and looked up without being decoded. *value* is the pair on the wire:
    evaluation time in Unix seconds, and the number as text; unset for a native histogram, which
    has no single value.
    """

    metric: msgspec.Raw
    value: tuple[float, str] | msgspec.UnsetType = msgspec.UNSET

    @property
    def labels(self) -> dict[str, str]:
        """The labels, decoded; none for a scalar.

        Raises:
            ResponseError: They are not text by name.
        """
        return decode_labels(self.metric)

    @property
    def number(self) -> float:
        """The value; NaN and ±Inf are possible, and a histogram gives NaN.

        Raises:
            ResponseError: The text is no number.
        """
        if self.value is msgspec.UNSET:
            return math.nan
        try:
            return float(self.value[1])
        except ValueError:
            raise ResponseError(f"the value {self.value[1][:40]!r} is no number") from None

    @property
    def timestamp(self) -> float:
        """When the query was evaluated, in Unix seconds; 0 for a histogram."""
        return 0.0 if self.value is msgspec.UNSET else self.value[0]


class _Data(msgspec.Struct, gc=False, rename="camel"):
    result_type: str = ""
    result: msgspec.Raw = msgspec.Raw(b"[]")


class _Envelope(msgspec.Struct, gc=False, rename="camel"):
    status: str = ""
    data: _Data | None = None
    error_type: str = ""
    error: str = ""
    warnings: tuple[str, ...] | None = None
    infos: tuple[str, ...] | None = None


_decode_envelope = msgspec.json.Decoder(_Envelope).decode
_decode_rows = msgspec.json.Decoder(list[Sample]).decode
_decode_scalar = msgspec.json.Decoder(tuple[float, str]).decode
_decode_labels = msgspec.json.Decoder(dict[str, str] | None).decode
_NO_METRIC = msgspec.Raw(b"null")


class VectorAnswer:
    """An answer that is being decoded.

    `pieces` yields its samples; *warnings* and *infos* are complete when it has ended.

    Args:
        body: What the query API sent.
        piece_bytes: Size of a piece.
        scalar: Take the answer of a query that gives a scalar, too: one sample whose metric is the
            JSON ``null``, which no element of a vector has.
    """

    def __init__(
        self, body: bytes, piece_bytes: int = PIECE_BYTES, *, scalar: bool = False
    ) -> None:
        self.warnings: tuple[str, ...] = ()
        self.infos: tuple[str, ...] = ()
        self._body = body
        self._piece_bytes = piece_bytes
        self._types = ("vector", "scalar") if scalar else ("vector",)
        self._status = ""
        self._result_type = ""
        self._error = ""
        self._error_type = ""

    def pieces(self) -> Iterator[list[Sample]]:
        """Yield the samples in their order, a piece at a time.

        Raises:
            ResponseError: An error answer, not a vector, or broken JSON.
        """
        try:
            for index, piece in enumerate(_cut(self._body, self._piece_bytes)):
                rows = self._rows(piece)
                if index == 0 and self._result_type:
                    self._check_type()
                if self._result_type == "scalar":
                    yield [Sample(_NO_METRIC, _decode_scalar(rows))]
                else:
                    yield _decode_rows(rows)
        except msgspec.DecodeError as error:
            raise ResponseError(f"the answer is not the JSON expected: {error}") from error
        self._check_status()
        self._check_type()

    def _rows(self, piece: bytes) -> bytes | msgspec.Raw:
        """Take note of what *piece* says around its rows, and return those."""
        if piece.startswith(b"["):
            return piece
        envelope = _decode_envelope(piece)
        self._status = envelope.status or self._status
        self._error = envelope.error or self._error
        self._error_type = envelope.error_type or self._error_type
        self.warnings += envelope.warnings or ()
        self.infos += envelope.infos or ()
        if self._status == "error":
            self._check_status()
        if envelope.data is None:
            return b"[]"
        self._result_type = envelope.data.result_type or self._result_type
        return envelope.data.result

    def _check_status(self) -> None:
        if self._status == "success":
            return
        if self._status == "error":
            raise ResponseError(self._error or "no reason given", self._error_type or "unknown")
        raise ResponseError("the answer has no status: this is not the Prometheus API")

    def _check_type(self) -> None:
        if self._result_type not in self._types:
            kind = self._result_type or "nothing"
            raise ResponseError(f"the query gives a {kind}, not an instant vector")


def decode_labels(metric: bytes | msgspec.Raw) -> dict[str, str]:
    """Decode the labels of a sample; a scalar has none.

    Raises:
        ResponseError: They are not text by name.
    """
    try:
        return _decode_labels(metric) or {}
    except msgspec.DecodeError as error:
        raise ResponseError(f"the labels of a series are not as expected: {error}") from error


def decode_error(body: bytes) -> ResponseError | None:
    """Read Prometheus' error answer; None when *body* is something else.

    >>> decode_error(b'{"status":"error","errorType":"bad_data","error":"parse error"}')
    ResponseError('parse error')
    """
    try:
        envelope = _decode_envelope(body)
    except msgspec.DecodeError:
        return None
    if envelope.status != "error":
        return None
    return ResponseError(envelope.error or "no reason given", envelope.error_type or "unknown")


def _cut(body: bytes, piece_bytes: int) -> Iterator[bytes]:
    """Cut *body* into pieces that are JSON each: envelope, arrays of rows, envelope."""
    first = body.find(_FIRST_ROW)
    cut = body.find(_CUT, first + piece_bytes)
    if first < 0 or cut < 0:
        yield body
        return
    yield body[: cut + 1] + b"]}}"
    while True:
        start = cut + 2
        cut = body.find(_CUT, start + piece_bytes)
        if cut < 0:
            yield b'{"data":{"result":[' + body[start:]
            return
        yield b"[" + body[start : cut + 1] + b"]"
