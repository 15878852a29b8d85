"""Reads one file out of a multipart body (RFC 7578) as it comes in, whatever its size, in constant memory."""

from collections.abc import AsyncIterator
from typing import Final

from fastapi import Request
from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.requests import ClientDisconnect

from chassis.api.problems import ProblemError
from chassis.refusals import FieldRefusalError

# Headers of a part are a name and a type; longer ones are an attack on memory.
HEADER_BYTES_MAX: Final = 8 * 1024
# RFC 2046, 5.1.1.
BOUNDARY_CHARACTERS_MAX: Final = 70


class _Reader:
    """Takes the parser's callbacks: gathers the content of the wanted part, refuses any other."""

    def __init__(self, field: str) -> None:
        self._field = field
        self._header = bytearray()
        self._name = bytearray()
        self._header_bytes = 0
        self.pending: list[bytes] = []
        self.seen = False
        self.ended = False

    def on_part_begin(self) -> None:
        self._name.clear()
        self._header.clear()
        self._header_bytes = 0

    def on_header_begin(self) -> None:
        self._name.clear()

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._grow(self._name, data[start:end])

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        if bytes(self._name).lower() == b"content-disposition":
            self._grow(self._header, data[start:end])
        else:
            self._grow(bytearray(), data[start:end])

    def _grow(self, target: bytearray, piece: bytes) -> None:
        self._header_bytes += len(piece)
        if self._header_bytes > HEADER_BYTES_MAX:
            raise _malformed()
        target += piece

    def on_headers_finished(self) -> None:
        _, options = parse_options_header(bytes(self._header))
        name = options.get(b"name", b"").decode(errors="replace")[:100]
        if name != self._field:
            raise FieldRefusalError([(name or "body", "extra_forbidden", f"only the part `{self._field}` is known")])
        if self.seen:
            raise FieldRefusalError([(self._field, "too_many", "must come once")])
        self.seen = True

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        self.pending.append(data[start:end])

    def on_end(self) -> None:
        self.ended = True


def _malformed() -> ProblemError:
    return ProblemError(400, "malformed_multipart", "The body is not well-formed multipart/form-data.")


def _boundary(request: Request) -> bytes:
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != b"multipart/form-data":
        raise ProblemError(415, "unsupported_media_type", "Send the file as multipart/form-data.")
    boundary = options.get(b"boundary", b"")
    if not 0 < len(boundary) <= BOUNDARY_CHARACTERS_MAX:
        raise _malformed()
    return boundary


async def stream_file_part(request: Request, field: str) -> AsyncIterator[bytes]:
    """The content of the part `field`, piece by piece; it must be the only part, and not empty.

    Raises:
        ProblemError: 415 for another kind of body, 400 for a malformed or interrupted one.
        FieldRefusalError: the part is missing, empty, or not alone.
    """
    reader = _Reader(field)
    callbacks = {
        name: getattr(reader, name)
        for name in (
            "on_part_begin",
            "on_header_begin",
            "on_header_field",
            "on_header_value",
            "on_headers_finished",
            "on_part_data",
            "on_end",
        )
    }
    parser = MultipartParser(_boundary(request), callbacks)  # type: ignore[arg-type] # takes a TypedDict of these
    empty = True
    try:
        async for chunk in request.stream():
            parser.write(chunk)
            pieces, reader.pending = reader.pending, []
            for piece in pieces:
                empty = empty and not piece
                yield piece
        parser.finalize()
    except FormParserError as error:
        raise _malformed() from error
    except ClientDisconnect as error:
        raise ProblemError(400, "upload_interrupted", "The connection ended before the file did.") from error
    if not reader.ended:
        raise _malformed()
    if not reader.seen or empty:
        raise FieldRefusalError([(field, "missing", "a file is needed")])
