"""The words of the textual form, and where they stand.

Responsible for cutting text into tokens and for pointing at one; knows no grammar.  A token is its
text; its kind follows from the text, and its place is found again when an error must point at it:
what is needed only then is not paid for in every graph.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NoReturn, TypeVar

from graphc.errors import ParseError

_STRING = r'"(?:[^"\\\n]|\\.)*"'
_CALL = r"\([\w.]*(?:\([\w.]*\))?\)"  # of names such as grad(h) and grad(grad(h))
NAME = rf"[^\W\d][\w.]*(?:{_CALL})?"
_PATTERN = re.compile(
    rf"""
    (?> (?: \s+ | ;[^\n]* )* )
    (
        [^\W\d]\w*
      | % (?: {NAME} | \d+ | {_STRING} ) (?: \#\d+ )? (?: :\d+ )?
      | @ (?: [\w.]+ | {_STRING} )
      | \d+ (?: \.\d* (?: e[-+]?\d+ )? | e[-+]?\d+ )
      | \d+
      | {_STRING}
      | == | >= | //
      | \S
    )
    """,
    re.VERBOSE | re.DOTALL,
)


def kind_of(text: str) -> str:
    """word, value_name, graph_name, string, integer, float, sign; end for no text."""
    if not text:
        return "end"
    first = text[0]
    if first == '"':
        return "string" if len(text) > 1 else "sign"
    if first == "%":
        return "value_name" if len(text) > 1 else "sign"
    if first == "@":
        return "graph_name" if len(text) > 1 else "sign"
    if first.isdecimal():
        return "integer" if text.isdecimal() else "float"
    return "word" if first == "_" or first.isalnum() else "sign"


_Item = TypeVar("_Item")


class Tokens:
    """A cursor over the tokens of ``source``; a place is the number of a token."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.place = 0
        self._texts: list[str] = _PATTERN.findall(source)
        self._count = len(self._texts)
        self._texts += ["", ""]  # the end, and what is peeked at beyond it

    @property
    def text(self) -> str:
        """The next token; ``""`` at the end."""
        return self._texts[self.place]

    @property
    def kind(self) -> str:
        return kind_of(self.text)

    def peek(self, ahead: int) -> str:
        return self._texts[min(self.place + ahead, self._count)]

    def next(self) -> str:
        """Step over the next token; the end stays where it is."""
        text = self._texts[self.place]
        if text:
            self.place += 1
        return text

    def accept(self, text: str) -> bool:
        """Step over the next token where it is ``text``."""
        if self._texts[self.place] != text:
            return False
        self.place += 1
        return True

    def expect(self, text: str) -> None:
        if not self.accept(text):
            self.fail(f"expected {text!r}, found {self._shown()}")

    def take(self, what: str, *kinds: str) -> str:
        """The next token, which must be of one of ``kinds``; ``what`` names it in the error."""
        text = self._texts[self.place]
        if kind_of(text) not in kinds:
            self.fail(f"expected {what}, found {self._shown()}")
        self.place += 1
        return text

    def listed(self, close: str, item: Callable[[], _Item]) -> list[_Item]:
        """What ``item`` reads, again after each comma, up to ``close``."""
        found: list[_Item] = []
        while not self.accept(close):
            if found:
                self.expect(",")
            found.append(item())
        return found

    def find(self, text: str) -> int:
        """How far ahead the next token that is ``text`` stands; an error where there is none."""
        try:
            return self._texts.index(text, self.place) - self.place
        except ValueError:
            self.fail(f"{text!r} is missing", self._count)

    def joined(self, start: int, end: int) -> str:
        """The tokens from one place up to another, with spaces between."""
        return " ".join(self._texts[start:end])

    def _shown(self) -> str:
        return repr(self.text) if self.text else "the end of the text"

    def fail(self, reason: str, at: int | None = None) -> NoReturn:
        """A ``ParseError`` at the token ``at``, else at the next one."""
        place = self.place if at is None else at
        starts = [match.start(1) for match in _PATTERN.finditer(self.source)]
        start = starts[place] if place < len(starts) else len(self.source.rstrip())
        before = self.source.rfind("\n", 0, start) + 1
        after = self.source.find("\n", start)
        line = self.source[before : after if after >= 0 else len(self.source)]
        raise ParseError(reason, line, self.source.count("\n", 0, start) + 1, start - before + 1)
