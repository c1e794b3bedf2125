"""A request becomes a resolved run: titles, folders and data that are what the user asked for."""

import numpy as np
import pytest

from ganbench.errors import UsageError
from ganbench.run.plan import RunRequest, plan_run


@pytest.fixture
def digits(tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "My Digits.npz"
    np.savez(path, images=rng.integers(0, 256, (40, 32, 32, 1), dtype=np.uint8), labels=np.arange(40) % 2)
    return path


def test_other_data_are_named_in_title_and_folder_and_keep_their_size(digits):
    plan = plan_run(RunRequest(plugins=("dcgan",), dataset=f"npz:{digits}"))
    assert plan.benchmark.title == "My Digits.npz, 32×32, with the settings of mnist-quick"
    assert plan.benchmark.description == ""
    assert plan.default_folder.name.startswith("my-digits-npz-")
    assert plan.dataset.spec.resolution == 32
    resized = plan_run(RunRequest(plugins=("dcgan",), dataset=f"npz:{digits}", resolution=64))
    assert resized.dataset.spec.resolution == 64
    assert resized.run.configuration_sha256 != plan.run.configuration_sha256


def test_the_same_request_has_the_same_hash_and_any_other_a_different_one(digits):
    request = {"plugins": ("dcgan",), "dataset": f"npz:{digits}"}
    first = plan_run(RunRequest(**request)).run.configuration_sha256
    assert plan_run(RunRequest(**request, jobs=2)).run.configuration_sha256 == first
    for change in ({"num_seeds": 2}, {"budget": "5kimg"}, {"assignments": ("dcgan.width=8",)}):
        assert plan_run(RunRequest(**request, **change)).run.configuration_sha256 != first


def test_options_are_laid_over_each_other(digits):
    request = RunRequest(plugins=("dcgan", "sncgan"), dataset=f"npz:{digits}", assignments=("dcgan.width=8",))
    options = plan_run(request).run.configuration["options"]
    assert options["dcgan"]["width"] == 8  # --set
    assert options["sncgan"]["width"] == 32  # the benchmark
    assert options["sncgan"]["dropout"] == 0.25  # the plugin


def test_a_conditional_plugin_needs_labels(tmp_path):
    np.savez(tmp_path / "plain.npz", images=np.zeros((20, 32, 32, 3), dtype=np.uint8))
    with pytest.raises(UsageError, match="'sncgan' is conditional and needs labels"):
        plan_run(RunRequest(plugins=("sncgan",), dataset=f"npz:{tmp_path / 'plain.npz'}"))


def test_a_size_that_a_network_cannot_make_is_found_before_training(digits):
    with pytest.raises(UsageError, match="37"):
        plan_run(RunRequest(plugins=("dcgan",), dataset=f"npz:{digits}", resolution=37))
