"""Native code compiled beside a compilation."""

from __future__ import annotations

import threading

import pytest

from runtime import native_call, pool, preparation


def test_it_is_done_at_the_end_and_no_thread_is_left() -> None:
    before = threading.active_count()
    for threads in (1, 2, None):
        with preparation.meanwhile(threads):
            pass
        assert threading.active_count() == before
    assert native_call.link.cache_info().currsize == 1
    assert pool.Pool.get() is pool.Pool.get()


def test_what_fails_is_left_to_those_who_use_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise RuntimeError("no such processor")

    monkeypatch.setattr(native_call, "link", broken)
    with preparation.meanwhile(2):
        pass
    with pytest.raises(ZeroDivisionError), preparation.meanwhile(2):
        raise ZeroDivisionError
