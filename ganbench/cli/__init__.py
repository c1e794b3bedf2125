"""The `ganbench` command."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line; errors meant for the user are printed without a traceback."""
    from ganbench.cli.app import app  # noqa: PLC0415  kept out of `import ganbench`
    from ganbench.errors import GanbenchError, UsageError  # noqa: PLC0415

    # Threads of torch that wait for each other sleep, not spin: beside other work on the same cores, spinning made
    # a training step up to 30 times slower. Read when torch is imported, here and by the trials that are started.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        app()
    except GanbenchError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except OSError as error:
        if error.filename is None:
            raise
        print(f"error: {error.filename2 or error.filename}: {error.strerror}", file=sys.stderr)
        sys.exit(UsageError.exit_code)
