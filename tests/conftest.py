"""Tests find the same on every machine: weights that it happens to have are put out of sight.

Those of published values ask for them: `GANBENCH_WEIGHTS`, as it was when pytest began, is then in
`GANBENCH_PUBLISHED_WEIGHTS` (also in the workers of pytest-xdist, which inherit it).
"""

import os
import tempfile

os.environ.setdefault("GANBENCH_PUBLISHED_WEIGHTS", os.environ.get("GANBENCH_WEIGHTS", ""))
_nothing = tempfile.TemporaryDirectory(prefix="ganbench-no-weights-")
os.environ["GANBENCH_WEIGHTS"] = os.environ["TORCH_HOME"] = _nothing.name


def pytest_unconfigure():
    _nothing.cleanup()
