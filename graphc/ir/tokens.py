"""The words of the textual form, and where they stand.

Responsible for cutting text into tokens and for pointing at one; knows no grammar.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple, NoReturn

from graphc.errors import ParseError


class Token(NamedTuple):
    """``kind`` is word, value_name, graph_name, string, integer, float, sign, bad or end."""

    kind: str
    text: str
    start: int


_STRING = r'"(?:[^"\\\n]|\\.)*"'
_PATTERN = re.compile(
    rf"""
    (?P<space> (?: \s+ | ;[^\n]* )+ )
  | (?P<word> [^\W\d]\w* )
  | (?P<value_name> % (?: [^\W\d][\w.]* | \d+ | {_STRING} ) (?: \#\d+ )? (?: :\d+ )? )
  | (?P<graph_name> @ (?: [\w.]+ | {_STRING} ) )
  | (?P<float> \d+ (?: \.\d* (?: e[-+]?\d+ )? | e[-+]?\d+ ) )
  | (?P<integer> \d+ )
  | (?P<string> {_STRING} )
  | (?P<sign> == | >= | // | [()\[\]{{}},:=<>+\-*%] )
  | (?P<bad> . )
    """,
    re.VERBOSE | re.DOTALL,
)


class Tokens:
    """A cursor over the tokens of ``source``."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.position = 0
        self._tokens = [
            Token(match.lastgroup or "bad", match.group(), match.start())
            for match in _PATTERN.finditer(source)
            if match.lastgroup != "space"
        ]
        self._end = Token("end", "", len(source.rstrip()))

    def peek(self, ahead: int = 0) -> Token:
        place = self.position + ahead
        return self._tokens[place] if place < len(self._tokens) else self._end

    def next(self) -> Token:
        token = self.peek()
        self.position += 1
        return token

    def accept(self, text: str) -> bool:
        """Step over the next token where it is ``text``."""
        if self.peek().text != text:
            return False
        self.position += 1
        return True

    def expect(self, text: str) -> Token:
        if self.peek().text != text:
            self.fail(f"expected {text!r}, found {self._shown()}")
        return self.next()

    def take(self, what: str, *kinds: str) -> Token:
        """The next token, which must be of one of ``kinds``; ``what`` names it in the error."""
        if self.peek().kind not in kinds:
            self.fail(f"expected {what}, found {self._shown()}")
        return self.next()

    def _shown(self) -> str:
        return repr(self.peek().text) if self.peek().kind != "end" else "the end of the text"

    def fail(self, reason: str, at: Sequence[Token] = ()) -> NoReturn:
        """A ``ParseError`` at the first token of ``at``, else at the next one."""
        start = (at[0] if at else self.peek()).start
        before = self.source.rfind("\n", 0, start) + 1
        after = self.source.find("\n", start)
        line = self.source[before : after if after >= 0 else len(self.source)]
        raise ParseError(reason, line, self.source.count("\n", 0, start) + 1, start - before + 1)
