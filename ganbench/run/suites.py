"""The benchmarks that come with ganbench: one TOML file each in benchmarks/suites/, installed as `ganbench_suites`.

Those in the folder seeds/ repeat the experiments of published reports.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import as_file, files

from ganbench.config import Benchmark, read_benchmark
from ganbench.hookspecs import hookimpl


@hookimpl
def ganbench_benchmarks() -> Sequence[Benchmark]:
    """Every suite in the package, in the order of the file names, the reports' ones last."""
    with as_file(files("ganbench_suites")) as folder:
        return [read_benchmark(path) for pattern in ("*.toml", "*/*.toml") for path in sorted(folder.glob(pattern))]
