"""What the README promises exists: its plugin trains, its commands, files and options are there."""

import re
from pathlib import Path

import pytest
import torch
from typer.main import get_command

from ganbench.cli.app import app
from ganbench.registry import load_registry
from ganbench.types import Batch, DataSpec

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
(PLUGIN,) = [block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "hookimpl" in block]
COMMANDS = get_command(app).commands


@pytest.mark.parametrize(("channels", "resolution"), [(1, 28), (3, 32)])
def test_the_plugin_trains_and_samples(tmp_path, channels, resolution):
    path = tmp_path / "my_gan.py"
    path.write_text(PLUGIN, encoding="utf-8")
    registry = load_registry()
    variant = registry.variant(registry.load_file(path))
    spec = DataSpec("image", channels=channels, resolution=resolution)
    gan = variant.build_gan(spec, variant.options({}))
    before = [parameter.clone() for parameter in gan.parameters()]
    outputs = variant.train_step(gan, iter([Batch(torch.rand(8, *spec.shape) * 2 - 1)]), 0)
    assert {"loss_d", "loss_g", "real_logits", "fake_logits"} == set(outputs)
    assert all(not torch.equal(old, new) for old, new in zip(before, gan.parameters(), strict=True))
    samples = variant.sample_batch(gan, gan.sample_latents(5), None, spec.shape)
    assert samples.abs().max() <= 1


def test_the_plugin_fits_forty_lines_of_code():
    assert len([line for line in PLUGIN.splitlines() if line.strip()]) <= 40


def shell_lines():
    blocks = re.findall(r"```\n(.*?)```", README, re.DOTALL)
    return [part.strip() for block in blocks for line in block.splitlines() for part in line.split("#")[0].split("&&")]


def test_every_command_and_option_exists():
    calls = [line.split() for line in shell_lines() if line.startswith("ganbench ")]
    assert len(calls) >= 8
    for call in calls:
        names = [call[1], *(word for word in call[2:] if "|" in call and word.isalpha())]
        for name in names:
            assert name in COMMANDS, name
        known = {option for parameter in COMMANDS[call[1]].params for option in parameter.opts}
        assert {word for word in call[2:] if word.startswith("-")} <= known, call


def test_every_linked_file_exists():
    targets = [target for target in re.findall(r"\]\(([^)]+)\)", README) if not target.startswith("http")]
    assert len(targets) >= 4
    assert [target for target in targets if not (ROOT / target).exists()] == []
