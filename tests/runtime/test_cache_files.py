"""The shared directory of cached files: whole files or none, bounded, never an error."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runtime import cache_files

CONTENT = bytes(range(256)) * 8


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRAPHC_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(cache_files._Written, "bytes", -1)
    return tmp_path


def test_what_was_stored_is_loaded(folder: Path) -> None:
    cache_files.store("a.o", [CONTENT[:100], b"", CONTENT[100:]])
    assert cache_files.load("a.o") == CONTENT
    assert cache_files.load("b.o") is None
    assert os.listdir(folder) == ["a.o"]


def test_a_file_under_another_name_is_no_entry(folder: Path) -> None:
    cache_files.store("a.o", [CONTENT])
    (folder / "a.o").rename(folder / "b.o")
    assert cache_files.load("b.o") is None


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no owners here")
def test_what_others_may_have_written_is_no_entry(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache_files.store("a.o", [CONTENT])
    for mode in (0o620, 0o602, 0o666):
        (folder / "a.o").chmod(mode)
        assert cache_files.load("a.o") is None
    (folder / "a.o").chmod(0o644)
    assert cache_files.load("a.o") == CONTENT
    owner = (folder / "a.o").stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    expected = CONTENT if owner == 0 else None  # what is root's is trusted, the system's own
    assert cache_files.load("a.o") == expected


def test_what_is_no_plain_file_is_no_entry(folder: Path) -> None:
    (folder / "folder.o").mkdir()
    assert cache_files.load("folder.o") is None
    cache_files.store("folder.o", [CONTENT])
    (folder / "dangling.o").symlink_to(folder / "nothing")
    assert cache_files.load("dangling.o") is None
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "pipe.o")
        assert cache_files.load("pipe.o") is None
    assert not list(folder.glob("*.tmp"))


def test_the_directory_is_bounded_and_the_oldest_go(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRAPHC_CACHE_BYTES", "40000")
    now = time.time()
    for number in range(60):
        cache_files.store(f"{number}.o", [CONTENT])
        os.utime(folder / f"{number}.o", (now + number - 100_000,) * 2)
        if number == 20:
            assert cache_files.load("9.o") == CONTENT  # notes the use
    sizes = [entry.stat().st_size for entry in folder.iterdir()]
    assert 20_000 <= sum(sizes) <= 40_000 + 40_000 // 16 + 4096
    assert cache_files.load("59.o") == CONTENT and cache_files.load("9.o") == CONTENT
    assert cache_files.load("8.o") is None and cache_files.load("10.o") is None


def test_nothing_is_kept_where_nothing_is_wanted(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for limit, kept in (("0", 0), ("4000", 0), ("nonsense", 1), ("", 1), ("-3", 1)):
        monkeypatch.setenv("GRAPHC_CACHE_BYTES", limit)
        cache_files.store("a.o", [CONTENT])
        assert len(os.listdir(folder)) == kept


def test_leftovers_of_killed_writers_go_and_other_files_stay(folder: Path) -> None:
    for name, age in (("old.tmp", 7200), ("new.tmp", 10), ("notes.txt", 7200)):
        (folder / name).write_text("")
        os.utime(folder / name, (time.time() - age,) * 2)
    cache_files.store("a.o", [CONTENT])
    assert sorted(os.listdir(folder)) == ["a.o", "new.tmp", "notes.txt"]


KILLED = """
import os, sys
from runtime import cache_files
call, name = sys.argv[1:]
def die(*_): os.kill(os.getpid(), 9)
setattr(os, call, die)
cache_files.store(name, [bytes(100000)])
"""


@pytest.mark.parametrize("call", ["fdopen", "replace"])
def test_a_writer_killed_on_the_way_leaves_no_entry(call: str, folder: Path) -> None:
    cache_files.store("old.o", [CONTENT])
    for name in ("new.o", "old.o"):
        done = subprocess.run([sys.executable, "-c", KILLED, call, name], check=False)
        assert done.returncode == -9
    assert cache_files.load("new.o") is None
    assert cache_files.load("old.o") == CONTENT
    assert len(list(folder.glob("*.tmp"))) == 2
