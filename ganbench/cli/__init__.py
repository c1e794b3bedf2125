"""The `ganbench` command."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; errors meant for the user are printed without a traceback."""
    from ganbench.cli.app import app  # noqa: PLC0415  kept out of `import ganbench`
    from ganbench.errors import GanbenchError  # noqa: PLC0415

    try:
        app()
    except GanbenchError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
