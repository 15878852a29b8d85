"""Takes an MT940 file apart: SWIFT blocks, messages, fields, each with the line it stands on. Nothing is skipped."""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from ledger.domain.bank_statements import LINES_MAX, ROWS_MAX, refuse

# Blocks 1 to 3 of a FIN message, each with flat blocks of its own in it, then block 4 with the fields. A block can end
# at one place only: with any text in it, a line of empty blocks would be tried in every way of putting them together.
_HEADER: Final = re.compile(r"(\{[1235]:([^{}\n]|\{[^{}\n]{0,500}\}){0,500}\})*\{4:")
_TRAILER: Final = re.compile(r"-(\}(\{5:[^\n]{0,500}\})?)?")
_FIELD: Final = re.compile(r":([0-9]{2}[A-Z]?|NS):")
# Control characters that no text has; SOH and ETX around a message are taken off before.
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
# SWIFT allows 6 lines of 65 characters in :86:; banks write more, nobody a novel.
FIELD_CHARACTERS_MAX: Final = 4_000


@dataclass(slots=True)
class Field:
    """`tag` without its colons; `lines` of the value as they came."""

    tag: str
    row: int
    lines: list[str] = field(default_factory=list)
    size: int = 0

    @property
    def value(self) -> str:
        return "\n".join(self.lines)

    def add(self, line: str, row: int) -> None:
        self.size += len(line)
        if self.size > FIELD_CHARACTERS_MAX:
            refuse(row, f":{self.tag}:", "field_too_long", f"a field has at most {FIELD_CHARACTERS_MAX} characters")
        self.lines.append(line)


def decode(content: bytes) -> str:
    """UTF-8, else Latin-1, which any bytes are: old cores write it.

    Raises:
        FieldRefusalError: control characters, which neither text has.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    return text.replace("\r\n", "\n")


def messages(text: str) -> Iterator[list[Field]]:
    """The fields of each message. A message ends with `-` or `-}`, or where the next :20: begins.

    Raises:
        FieldRefusalError: text outside of a field, a message without its end, control characters.
    """
    splitter = _Splitter()
    row = 0
    # Line by line: a list of all lines of a hostile file would take a hundred times its size.
    for row, raw in enumerate(io.StringIO(text), 1):
        line = raw.rstrip("\n").strip("\x01\x03").rstrip(" ")
        if row > ROWS_MAX:
            refuse(row, "file", "too_many_lines", f"a file has at most {ROWS_MAX} lines of text")
        if _CONTROL.search(line):
            refuse(row, "text", "control_character", "control characters (NUL among them) are in no statement")
        if line:
            yield from splitter.take(line, row)
    yield from splitter.end(row)


class _Splitter:
    """The message under way. `in_blocks`: it began with `{4:`, and must end with `-}`."""

    def __init__(self) -> None:
        self._fields: list[Field] = []
        self._in_blocks = False
        self._entries = 0

    def take(self, line: str, row: int) -> Iterator[list[Field]]:
        """One line; gives the message that it ends, if it ends one."""
        if _HEADER.fullmatch(line):
            if self._in_blocks:
                refuse(row, "message", "message_not_ended", "a new message begins before the last one has ended")
            yield from self._finished(in_blocks=True)
        elif _TRAILER.fullmatch(line):
            if not self._fields:
                refuse(row, "message", "message_empty", "an end without a message")
            yield from self._finished(in_blocks=False)
        else:
            opened = _FIELD.match(line)
            if opened is None:
                self._continue(line, row)
                return
            if opened[1] == "20" and not self._in_blocks:
                yield from self._finished(in_blocks=False)
            self._entries += opened[1] == "61"
            if self._entries > LINES_MAX:
                refuse(row, ":61:", "too_many_lines", f"a file has at most {LINES_MAX} entries")
            begun = Field(opened[1], row)
            begun.add(line[opened.end() :], row)
            self._fields.append(begun)

    def _continue(self, line: str, row: int) -> None:
        if not self._fields:
            refuse(row, "text", "text_outside_field", "a statement consists of fields such as :20:")
        self._fields[-1].add(line, row)

    def _finished(self, *, in_blocks: bool) -> Iterator[list[Field]]:
        fields, self._fields, self._in_blocks = self._fields, [], in_blocks
        if fields:
            yield fields

    def end(self, row: int) -> Iterator[list[Field]]:
        if self._in_blocks:
            message = "the file is cut off: a message that began with {4: ends with -}"
            refuse(row, "message", "message_not_ended", message)
        yield from self._finished(in_blocks=False)
