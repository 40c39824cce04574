"""Help with a misspelt name."""

from __future__ import annotations

from collections.abc import Iterable


def suggestion(name: object, known: Iterable[str]) -> str:
    """The end of an error message about an unknown name: the nearest known one, or all of them.

    >>> suggestion("imags", ["images", "labels"])
    "; did you mean 'images'?"
    """
    # Needed for errors alone, so not part of every start.
    from difflib import get_close_matches

    names = list(known)
    near = get_close_matches(str(name), names, n=1)
    if near:
        return f"; did you mean {near[0]!r}?"
    if not names:
        return "; there are none"
    shown = ", ".join(map(repr, names[:12])) + (", ..." if len(names) > 12 else "")
    return f"; there are {shown}"
