"""Every error that ganbench raises on purpose. A message says what was expected, what was got and what to do next."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class GanbenchError(Exception):
    """Base of all errors meant for the user; the command line prints the message without a traceback."""

    exit_code = 1


class UsageError(GanbenchError):
    """The user asked for something that cannot be: a wrong option, an unreadable file, a contradiction."""

    exit_code = 2


class UnknownNameError(UsageError):
    """A name that nothing is registered under; the message suggests close names and lists what there is."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
        suggestion = f" Did you mean {' or '.join(close)}?" if close else ""
        listing = ", ".join(names) if names else "none"
        super().__init__(f"unknown {kind} '{name}'.{suggestion} Known: {listing}.")


class DataError(UsageError):
    """A dataset, folder or file that cannot be read as images of the asked form."""


class PluginError(GanbenchError):
    """A plugin broke the contract of a hook; the message names the plugin and its distribution."""


class WeightsError(GanbenchError):
    """Pretrained weights are missing or damaged; the message names the file and the ways to get it."""
