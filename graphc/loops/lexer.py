"""The words of loop IR text, each with its line and column, and a reader that takes them in order.

Knows no grammar; the parsers of expressions and of kernels build on the reader.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from graphc.errors import ParseError

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r]+|\#[^\n]*)
      | (?P<end>\n|;)
      | (?P<number>(?:\d+(?:\.\d*)?(?:[eE][-+]?\d+)?|(?:inf|nan)(?=f32|f64|\b)(?![\w.]*\[))
                   (?:f32|f64|i32|i64|u8)?)(?![\w.])
      | (?P<name>[A-Za-z_][\w.]*)
      | (?P<string>"(?:[^"\\\n]|\\.)*")
      | (?P<sign>==|!=|<=|>=|//|[-+*/%<>=(){}\[\],:])""",
    re.VERBOSE | re.ASCII,
)
_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Token:
    """``kind`` is number, name, string, sign, or end: of a statement, or (empty) of the text."""

    kind: str
    text: str
    line: int
    column: int


def tokenize(source: str) -> list[Token]:
    """The tokens of ``source``; a line's end inside parentheses or brackets is none."""
    tokens: list[Token] = []
    position, line, line_start, open_brackets = 0, 1, 0, 0
    while position < len(source):
        match = _TOKEN.match(source, position)
        column = position - line_start + 1
        if match is None:
            raise error_at(source, f"unexpected {source[position]!r}", line, column)
        kind, text = match.lastgroup or "", match.group()
        open_brackets += (text in "([") - (text in ")]") if kind == "sign" else 0
        if kind != "space" and not (kind == "end" and open_brackets > 0):
            tokens.append(Token(kind, text, line, column))
        position = match.end()
        if text == "\n":
            line, line_start = line + 1, position
    tokens.append(Token("end", "", line, position - line_start + 1))
    return tokens


def error_at(source: str, reason: str, line: int, column: int) -> ParseError:
    """The error that points at a line and column of ``source``, both counted from 1."""
    lines = source.split("\n")
    return ParseError(reason, lines[line - 1], line, column)


class Reader:
    """The words of a text, taken in order; every refusal points at the word at fault."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.tokens = tokenize(source)
        self.position = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.position]

    def ahead(self, count: int) -> Token:
        return self.tokens[min(self.position + count, len(self.tokens) - 1)]

    def error(self, reason: str, token: Token | None = None) -> ParseError:
        at = token or self.token
        return error_at(self.source, reason, at.line, at.column)

    def take(self) -> Token:
        token = self.token
        self.position = min(self.position + 1, len(self.tokens) - 1)
        return token

    def accept(self, *texts: str) -> bool:
        """Take the coming words if they are ``texts``."""
        if any(self.ahead(i).text != text for i, text in enumerate(texts)):
            return False
        self.position += len(texts)
        return True

    def expect(self, text: str) -> Token:
        if self.token.text != text:
            raise self.error(f"expected {text!r}{self.instead()}")
        return self.take()

    def instead(self) -> str:
        text = self.token.text.strip()
        return f", not {text!r}" if text else ", not the end of the line"

    def name(self, what: str) -> str:
        if self.token.kind != "name":
            raise self.error(f"expected {what}{self.instead()}")
        return self.take().text

    def one_of(self, what: str, choices: tuple[str, ...]) -> str:
        if self.token.text not in choices:
            raise self.error(f"expected {what} ({', '.join(choices)}){self.instead()}")
        return self.take().text

    def integer(self) -> int:
        if self.token.kind != "number" or not self.token.text.isdigit():
            raise self.error(f"expected an integer{self.instead()}")
        return int(self.take().text)

    def option(self, word: str, absent: int) -> int:
        if not self.accept(word, "("):
            return absent
        value = self.integer()
        self.expect(")")
        return value

    def listed(self, item: Callable[[], _Item]) -> list[_Item]:
        items = [item()]
        while self.accept(","):
            items.append(item())
        return items

    def listed_until(self, close: str, item: Callable[[], _Item]) -> list[_Item]:
        if self.accept(close):
            return []
        items = self.listed(item)
        self.expect(close)
        return items

    def skip_ends(self) -> None:
        while self.token.kind == "end" and self.token.text:
            self.take()
