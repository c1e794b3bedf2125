"""`ganbench doctor`: what works on this machine, what does not, and what to do about it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from rich.console import Console

from ganbench.data.load import default_root
from ganbench.features.extract import default_cache_root
from ganbench.features.weights import missing_weights, weights_folder
from ganbench.registry import Registry, load_registry
from ganbench.run.plan import RECORDED_PACKAGES, describe_environment

LEAST_FREE_GIB = 2.0
LPIPS_TRUNKS = ("alexnet", "vgg16")
MARKS = {"ok": "[green]ok  [/green]", "note": "[yellow]note[/yellow]", "bad": "[red]bad [/red]"}


@dataclass(frozen=True)
class Finding:
    """One line of the examination; only `bad` ones make the command fail."""

    state: Literal["ok", "note", "bad"]
    subject: str
    text: str


def examine() -> int:
    """Print all findings. Returns 1 if something is broken that ganbench cannot do without, else 0."""
    console = Console()
    registry = load_registry()
    findings = [finding for check in CHECKS for finding in check(registry)]
    for finding in findings:
        console.print(f"{MARKS[finding.state]} {finding.subject}: ", end="", highlight=False)
        console.print(finding.text, markup=False, highlight=False, soft_wrap=True)
    return 1 if any(finding.state == "bad" for finding in findings) else 0


def _environment(registry: Registry) -> Iterator[Finding]:
    environment = describe_environment()
    yield Finding("ok", "python", f"{environment['python']} on {environment['system']}")
    versions = environment["packages"]
    yield Finding(
        "ok", "packages", ", ".join(f"{name} {versions[name]}" for name in RECORDED_PACKAGES if name in versions)
    )


def _device(registry: Registry) -> Iterator[Finding]:
    if torch.cuda.is_available():
        yield Finding("ok", "device", torch.cuda.get_device_name())
    else:
        yield Finding(
            "note", "device", f"no GPU that torch can use; training runs on {torch.get_num_threads()} CPU threads"
        )


def _faiss(registry: Registry) -> Iterator[Finding]:
    try:
        import faiss  # noqa: PLC0415  its failure is what is examined
    except ImportError as error:
        yield Finding("bad", "faiss", f"cannot be imported ({error}); pip install faiss-cpu")
        return
    count = faiss.get_num_gpus() if hasattr(faiss, "get_num_gpus") else 0
    yield Finding("ok", "faiss", f"{faiss.__version__}, {count} GPUs")


def _extractors(registry: Registry) -> Iterator[Finding]:
    usable = [info for info in registry.extractors.values() if info.missing() is None]
    for info in registry.extractors.values():
        lack = info.missing()
        yield Finding("ok" if lack is None else "note", f"extractor {info.name}", lack or "weights are here")
        no_logits = info.logits_missing() if info.canonical and lack is None else None
        if no_logits is not None:
            yield Finding("note", "Inception Score", no_logits)
    if not usable:
        yield Finding("bad", "extractors", "none can be used, so nothing can be measured; reinstall ganbench")
    for name in LPIPS_TRUNKS:
        lack = missing_weights(name)
        yield Finding("ok" if lack is None else "note", f"LPIPS trunk {name}", lack or "weights are here")


def _plugins(registry: Registry) -> Iterator[Finding]:
    yield Finding("ok", "plugins", ", ".join(registry.variants))
    for failure in registry.failures:
        yield Finding("note", f"plugin {failure.source}", f"not loaded, at stage {failure.stage}: {failure.error}")


def _folders(registry: Registry) -> Iterator[Finding]:
    for subject, folder in (("cache", default_cache_root()), ("data", default_root()), ("weights", weights_folder())):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            yield Finding(
                "bad", subject, f"{folder} cannot be made ({error}); set GANBENCH_{subject.upper()} to another"
            )
            continue
        free = shutil.disk_usage(folder).free / 2**30
        writable = os.access(folder, os.W_OK)
        state: Literal["ok", "bad"] = "ok" if writable and free >= LEAST_FREE_GIB else "bad"
        used = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**30
        text = f"{folder}, {'' if writable else 'NOT '}writable, holds {used:.1f} GiB, {free:.0f} GiB free"
        yield Finding(state, subject, text)


CHECKS: tuple[Callable[[Registry], Iterator[Finding]], ...] = (
    _environment,
    _device,
    _faiss,
    _extractors,
    _plugins,
    _folders,
)
