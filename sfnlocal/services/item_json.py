"""Items in a JSON file: the elements of one array in it, each decoded as soon as it is there.

Strategy: a window on the text is decoded value by value. What a pointer leads past is left behind
as it comes, so that memory holds one item and one chunk, wherever in the file the array stands.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator, Sequence
from typing import Protocol

from sfnlocal.ports import Json

CHUNK_BYTES = 64 * 1024
_NOT_A_LIST = "Attempting to map over non-iterable node."


class ReaderError(Exception):
    """The items cannot be read; the message is States.ItemReaderFailed's cause."""


class Body(Protocol):
    """What is read of an object."""

    def read(self, size: int = -1, /) -> bytes: ...


def json_items(body: Body, pointer: Sequence[str], where: str) -> Iterator[Json]:
    """The elements of the array that `pointer` leads to. `where` names the object in errors."""
    window = _Window(body, where)
    for step in pointer:
        _enter(window, step, pointer)
    if window.next_character() != "[":
        window.leave()
        raise ReaderError(_NOT_A_LIST)
    window.skip()
    if window.next_character() == "]":
        return
    while True:
        yield window.value()
        if not window.more("]"):
            return


def _enter(window: _Window, step: str, pointer: Sequence[str]) -> None:
    """Go to the member or element of the value that comes next."""
    opening = window.next_character()
    if opening == "{":
        window.skip()
        while window.next_character() != "}":
            if window.key() == step:
                return
            window.leave()
            if not window.more("}"):
                break
    elif opening == "[" and step.isascii() and step.isdigit():
        window.skip()
        left = int(step)
        while window.next_character() != "]":
            if not left:
                return
            left -= 1
            window.leave()
            if not window.more("]"):
                break
    shown = "/".join(("", *(one.replace("~", "~0").replace("/", "~1") for one in pointer)))
    raise ReaderError(f"{window.where}: ItemsPointer {shown} leads to nothing.")


class _Window:
    """The part of a text that is decoded next."""

    def __init__(self, body: Body, where: str) -> None:
        self.where = where
        self._body = body
        self._characters = codecs.getincrementaldecoder("utf-8-sig")()
        self._buffer = ""
        self._at = 0
        self._over = False
        self._decoder = json.JSONDecoder()
        self._lines = 1

    def skip(self) -> None:
        self._at += 1

    def next_character(self) -> str:
        """The first one that is no white space; empty at the end."""
        while True:
            while self._at < len(self._buffer):
                if not self._buffer[self._at].isspace():
                    return self._buffer[self._at]
                self._at += 1
            if self._over:
                return ""
            self._read(CHUNK_BYTES)

    def value(self) -> Json:
        self.next_character()
        chunk = CHUNK_BYTES
        while True:
            try:
                value, end = self._decoder.raw_decode(self._buffer, self._at)
            except ValueError as error:
                if self._over:
                    raise self._error(str(error).partition(": line ")[0]) from None
            else:
                # A number that reaches the end may go on after it.
                if end < len(self._buffer) or self._over:
                    self._at = end
                    return value
            self._read(chunk)
            # An item that takes many chunks is not begun anew for each.
            chunk *= 2

    def key(self) -> Json:
        """Of the member that comes next, up to its value."""
        name = self.value()
        if not isinstance(name, str):
            raise self._error("a key is no text")
        self._expect(":")
        return name

    def more(self, closing: str) -> bool:
        """After a member or element: whether another follows before `closing`."""
        found = self.next_character()
        if found not in (",", closing):
            raise self._error(f"unexpected {found!r}" if found else "it breaks off")
        self.skip()
        return found == ","

    def leave(self) -> None:
        """Go past the next value without keeping it."""
        match self.next_character():
            case "{":
                self.skip()
                while self.next_character() != "}":
                    self.key()
                    self.leave()
                    if not self.more("}"):
                        return
                self.skip()
            case "[":
                self.skip()
                while self.next_character() != "]":
                    self.leave()
                    if not self.more("]"):
                        return
                self.skip()
            case _:
                self.value()

    def _expect(self, character: str) -> None:
        found = self.next_character()
        if found != character:
            raise self._error(f"expected {character!r}, not {found!r}")
        self.skip()

    def _read(self, count: int) -> None:
        read = self._body.read(count)
        self._over = not read
        self._lines += self._buffer.count("\n", 0, self._at)
        self._buffer = self._buffer[self._at :] + self._characters.decode(read, self._over)
        self._at = 0

    def _error(self, why: str) -> ReaderError:
        line = self._lines + self._buffer.count("\n", 0, self._at)
        return ReaderError(f"{self.where}, line {line}: the JSON file cannot be read: {why}")
