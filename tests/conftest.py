"""What all tests have: the ``golden`` fixture, text compared with a file, which
``--update-golden`` rewrites; Ctrl-C as in a terminal; programs that are compiled each time."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

_DIRECTORY = Path(__file__).parent / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite tests/golden")


def pytest_configure() -> None:
    """A shell's background process ignores Ctrl-C, and so would those that tests start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """``golden(name, text)`` holds ``text`` against ``tests/golden/<name>``."""

    def check(name: str, text: str) -> None:
        path = _DIRECTORY / name
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.exists(), f"{name} is new; make it with --update-golden"
        assert text == path.read_text(encoding="utf-8")

    return check


@pytest.fixture(autouse=True, scope="session")
def programs_are_compiled() -> Iterator[None]:
    """Tests look at the compiler, some with parts of it replaced: no program comes from the disk.
    Those that test just that say so."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRAPHC_CACHE_PROGRAMS", "0")
        yield
