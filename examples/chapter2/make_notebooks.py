"""Makes chapter2.ipynb and chapter2.ko.ipynb from the scripts and the prose beside them.

    python examples/chapter2/make_notebooks.py --execute     # writes both, with what they show
    python examples/chapter2/make_notebooks.py --check       # says whether they are up to date

A script is cut into cells at lines ``# %% [name]``.  ``prose.<language>.md`` has what stands before
a cell under ``<!-- name -->``, before a script under ``<!-- script -->``, at the top under
``<!-- title -->``.  Cells are the same in every language.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SCRIPTS = ("s1_first_look", "s2_data", "s3_operations", "s4_gradients", "s5_from_scratch")
NOTEBOOKS = {"en": "chapter2.ipynb", "ko": "chapter2.ko.ipynb"}


def cells(script: str) -> dict[str, str]:
    """The code of a script's cells by name; what stands before the first is left out."""
    source = (HERE / f"{script}.py").read_text(encoding="utf-8")
    parts = re.split(r"^# %% \[(\w+)\]\n", source, flags=re.MULTILINE)[1:]
    found = dict(zip(parts[::2], (code.strip() for code in parts[1::2]), strict=True))
    if len(found) != len(parts) // 2:
        raise ValueError(f"{script}.py has two cells of one name")
    return found


def prose(language: str) -> list[tuple[str, str]]:
    """Names and texts, in the order of the file."""
    text = (HERE / f"prose.{language}.md").read_text(encoding="utf-8")
    parts = re.split(r"^<!-- (\w+) -->\n", text, flags=re.MULTILINE)[1:]
    return list(zip(parts[::2], (words.strip() for words in parts[1::2]), strict=True))


def layout(language: str) -> Iterator[tuple[str, str, str]]:
    """Every cell of the notebook: its kind, an id, and its text.

    Raises ``ValueError`` for prose that belongs to no cell, or stands in another order.
    """
    waiting = prose(language)

    def told(name: str, identity: str) -> Iterator[tuple[str, str, str]]:
        if waiting and waiting[0][0] == name:
            yield "markdown", identity, waiting.pop(0)[1]

    yield from told("title", "title")
    for number, script in enumerate(SCRIPTS, 1):
        yield from told(script, f"s{number}")
        for name, code in cells(script).items():
            yield from told(name, f"s{number}-{name}-text".replace("_", "-"))
            yield "code", f"s{number}-{name}".replace("_", "-"), code
    if waiting:
        raise ValueError(f"prose.{language}.md: {waiting[0][0]!r} belongs to no cell here")


def notebook(language: str) -> dict[str, Any]:
    """The notebook without results, as nbformat 4.5 has it."""
    made = []
    for kind, identity, text in layout(language):
        cell: dict[str, Any] = {"cell_type": kind, "id": identity, "metadata": {}, "source": text}
        if kind == "code":
            cell |= {"execution_count": None, "outputs": []}
        made.append(cell)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}, "title": language}
    return {"cells": made, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def executed(language: str) -> dict[str, Any]:
    """The notebook with what its cells show.  Needs the extra ``notebook``."""
    import nbformat
    from nbclient import NotebookClient

    made = nbformat.from_dict(notebook(language))
    client = NotebookClient(
        made,
        timeout=300,
        kernel_name="python3",
        coalesce_streams=True,
        resources={"metadata": {"path": str(HERE)}},
    )
    # The kernel runs in the scripts' folder and sees the graphc of this tree.
    paths = [str(HERE.parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    run = client.execute(env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)})
    for cell in run.cells:
        cell.metadata.clear()
    run.metadata = notebook(language)["metadata"]
    found: dict[str, Any] = json.loads(nbformat.writes(run))
    return found


def without_results(stored: dict[str, Any]) -> dict[str, Any]:
    """A stored notebook as ``notebook`` makes it."""
    plain = []
    for cell in stored["cells"]:
        cell = {**cell, "source": "".join(cell["source"])}
        if cell["cell_type"] == "code":
            cell |= {"execution_count": None, "outputs": []}
        plain.append(cell)
    return {**stored, "cells": plain}


def is_up_to_date(language: str) -> bool:
    """Whether the stored notebook has the cells of the scripts and the prose."""
    stored = json.loads((HERE / NOTEBOOKS[language]).read_text(encoding="utf-8"))
    return without_results(stored) == notebook(language)


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--execute", action="store_true", help="run the cells, keep what they show")
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args(arguments)
    if options.check:
        stale = [name for language, name in NOTEBOOKS.items() if not is_up_to_date(language)]
        print(f"stale: {', '.join(stale)}" if stale else "up to date")
        return len(stale)
    for language, name in NOTEBOOKS.items():
        made = executed(language) if options.execute else notebook(language)
        text = json.dumps(made, ensure_ascii=False, indent=1) + "\n"
        (HERE / name).write_text(text, encoding="utf-8")
        print(f"wrote {HERE / name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
