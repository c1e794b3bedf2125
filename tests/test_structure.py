"""What holds the project together: the direction of imports, the hooks' documentation, the packages in the wheel."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from ganbench import hookspecs
from ganbench.registry import load_registry

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "ganbench"
LAYERS = [
    {"errors", "types"},
    {"protocols"},
    {"config"},
    {"seeding"},
    {"hookspecs"},
    {"registry"},
    {"data"},
    {"models"},
    {"features"},
    {"metrics"},
    {"results"},
    {"report"},
    {"run"},
    {"cli", "__main__"},
]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}


def run_time_imports(path):
    """Names under ganbench that a file imports, wherever in the file, but for type checking."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    guarded = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in guarded:
            continue
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


FILES = sorted(path for path in SOURCE.rglob("*.py") if path != SOURCE / "__init__.py")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_imports_run_one_way(path):
    home = path.relative_to(SOURCE).parts[0].removesuffix(".py")
    for name in run_time_imports(path):
        if home in ("results", "report"):
            assert name.split(".")[0] not in ("torch", "torchvision"), f"{home} must work without torch: {name}"
            assert not name.startswith("ganbench.registry"), f"{home} must work from stored files alone"
        parts = name.split(".")
        if parts[0] == "ganbench" and len(parts) > 1 and parts[1] in RANK:
            assert RANK[parts[1]] <= RANK[home], f"{home} imports {name}, which stands above it"
            if RANK[parts[1]] == RANK[home]:
                assert parts[1] == home or home == "types" or {home, parts[1]} == {"cli", "__main__"}


def hook_names():
    return [name for name in dir(hookspecs) if name.startswith("ganbench_")]


@pytest.mark.parametrize("hook", hook_names())
def test_every_hook_has_a_runnable_looking_example(hook):
    text = getattr(hookspecs, hook).__doc__
    assert "Example::" in text
    example = text.split("Example::")[1]
    ast.parse("\n".join(line[8:] for line in example.splitlines()))
    assert f"def {hook}(" in example


def test_the_plugin_in_the_hook_documentation_trains(tmp_path):
    code = hookspecs.__doc__.split("A whole plugin::")[1]
    path = tmp_path / "tiny.py"
    path.write_text("\n".join(line[4:] for line in code.splitlines()))
    import torch

    from ganbench.types import Batch, DataSpec

    registry = load_registry()
    variant = registry.variant(registry.load_file(path))
    gan = variant.build_gan(DataSpec("points", dim=2), variant.options({}))
    outputs = variant.train_step(gan, iter([Batch(torch.randn(8, 2))]), 0)
    assert outputs["loss_d"].dim() == 0
    assert variant.sample_batch(gan, gan.sample_latents(5), None, (2,)).shape == (5, 2)


def test_every_folder_with_code_is_in_the_wheel():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    homes = {
        "ganbench": ROOT / "ganbench",
        "ganbench_plugins": ROOT / "plugins",
        "ganbench_suites": ROOT / "benchmarks/suites",
    }
    folders = set()
    for package, home in homes.items():
        for folder in [home, *(path for path in home.rglob("*") if path.is_dir() and path.name != "__pycache__")]:
            if any(folder.iterdir()):
                folders.add(".".join((package, *folder.relative_to(home).parts)))
    assert folders == set(settings["packages"])


def test_help_and_the_package_root_load_nothing_heavy():
    code = (
        "import sys, ganbench\n"
        "from ganbench.cli.app import app\n"
        "heavy = {'torch', 'torchvision', 'pandas', 'matplotlib', 'scipy', 'faiss', 'timm', 'jinja2', 'pluggy'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
