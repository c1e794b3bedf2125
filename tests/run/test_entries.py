"""Rows of a run: entries, their options and the host's."""

from pathlib import Path

import numpy as np
import pytest

from ganbench.config import Benchmark, parse_entry, read_benchmark, with_host_options
from ganbench.errors import DataError, UnknownNameError, UsageError
from ganbench.registry import load_registry
from ganbench.run.entries import resolve_entries
from ganbench.run.plan import RunRequest, plan_run

CONTENT = {
    "name": "b", "title": "B", "plugins": ["dcgan", "slow"], "controls": ["noise"],
    "data": {"dataset": "mnist5k", "augment": ["flip"]}, "training": {"budget": "5kimg", "ema": 0.5},
    "options": {"width": 16},
    "entries": {"slow": {"plugin": "dcgan", "title": "Slow", "options": {"lr": 1e-5, "ema": 0.9, "width": 8}}},
}  # fmt: skip


@pytest.fixture(scope="module")
def registry():
    return load_registry()


def resolve(registry, *assignments, **changed):
    benchmark = Benchmark.model_validate(CONTENT | changed)
    return {entry.name: entry for entry in resolve_entries(benchmark, registry, assignments)}


def test_one_plugin_runs_under_two_names_with_options_of_their_own(registry):
    entries = resolve(registry)
    assert list(entries) == ["noise", "dcgan", "slow"]
    assert entries["slow"].variant is entries["dcgan"].variant
    assert (entries["dcgan"].options["width"], entries["slow"].options["width"]) == (16, 8)
    assert (entries["dcgan"].options["lr"], entries["slow"].options["lr"]) == (2e-4, 1e-5)
    assert entries["dcgan"].host_options == {"budget": "5kimg", "ema": 0.5, "augment": "flip"}
    assert entries["slow"].host_options == {"budget": "5kimg", "ema": 0.9, "augment": "flip"}


def test_what_the_user_sets_stands_above_the_entry(registry):
    entries = resolve(registry, "slow.lr=1e-3", "slow.budget=7steps", "dcgan.augment=")
    assert entries["slow"].options["lr"] == 1e-3
    assert entries["slow"].host_options["budget"] == "7steps"
    assert entries["dcgan"].host_options["augment"] == ""


def test_host_options_change_training_and_data():
    benchmark = Benchmark.model_validate(CONTENT)
    training, data = with_host_options(benchmark, {"budget": "3epochs", "ema": 0.25, "augment": "flip, rotate"})
    assert (training.budget, training.ema, training.batch_size) == ("3epochs", 0.25, 64)
    assert data.augment == ("flip", "rotate")


@pytest.mark.parametrize(
    ("assignment", "error", "words"),
    [
        ("other.lr=1", UsageError, "'other' is not in this run, which has noise, dcgan, slow"),
        ("slow.learning_rate=1", UnknownNameError, "slow option"),
        ("slow.budgett=3kimg", UnknownNameError, "Did you mean budget"),
        ("slow.ema=2.0", UsageError, "slow: option ema: expected less than 1, got 2.0"),
        ("slow.ema=often", UsageError, "slow.ema: expected a number"),
        ("slow.budget=soon", UsageError, "budget 'soon'"),
        ("slow.augment=mirror", UsageError, "slow: unknown augmentation"),
    ],
)
def test_a_wrong_option_is_named(registry, assignment, error, words):
    with pytest.raises(error, match=words):
        resolve(registry, assignment)


def test_an_entry_of_an_unknown_plugin_is_refused(registry):
    with pytest.raises(UnknownNameError, match="dcgam"):
        resolve(registry, entries={"slow": {"plugin": "dcgam"}})


def test_a_common_option_that_no_model_has_is_refused(registry):
    with pytest.raises(UnknownNameError, match="Did you mean width"):
        resolve(registry, options={"widht": 16})


def test_a_row_under_another_name_says_what_is_changed_and_claims_nothing_printed():
    plan = plan_run(
        RunRequest(
            benchmark="s3-cifar10-small", dataset="mnist5k", plugins=("vtgan", "plain=vtgan"),
            assignments=("plain.minibatch_discrimination=false", "plain.ema=0.5"),
        )
    )  # fmt: skip
    records = {record.name: record for record in plan.run.plugins}
    assert records["vtgan"].published
    assert records["vtgan"].changed == {}
    assert (records["plain"].title, records["plain"].published) == ("VT-GAN · plain", {})
    assert records["plain"].changed == {"minibatch_discrimination": False, "ema": 0.5}
    assert records["plain"].defaults["minibatch_discrimination"] is True
    assert plan.run.environment["num_train"] == len(plan.dataset.train)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ("plugins = []", "plugins: expected at least 1, got 0"),
        ("seeds = 0", "seeds: expected greater than or equal to 1, got 0"),
        ("budgett = 1", "budgett: there is no such setting"),
    ],
)
def test_a_wrong_file_is_explained_in_words(tmp_path, changed, words):
    lines = ['name = "b"', 'title = "B"', 'plugins = ["dcgan"]', "[data]", 'dataset = "mnist5k"', "[training]"]
    kept = [line for line in lines if line.split()[0] != changed.split()[0]]
    with pytest.raises(UsageError, match=rf"b\.toml: .*{words}"):
        read_benchmark(write(tmp_path / "b.toml", "\n".join([changed, *kept, 'budget = "1kimg"'])))


def test_a_name_given_twice_is_refused():
    with pytest.raises(UsageError, match="names 'dcgan' twice; NAME=dcgan"):
        plan_run(RunRequest(plugins=("dcgan", "dcgan")))


def test_ranking_by_what_is_not_measured_is_refused(tmp_path):
    file = write(
        tmp_path / "b.toml",
        'name = "b"\ntitle = "B"\nplugins = ["dcgan"]\n[data]\ndataset = "mnist5k"\n[training]\nbudget = "1kimg"\n'
        '[evaluation]\nmetrics = ["fid"]\nrank_by = "kid"\n',
    )
    with pytest.raises(UsageError, match="ranked by kid, which is not among its metrics: fid"):
        plan_run(RunRequest(benchmark=str(file)))


def test_an_entry_cannot_be_called_as_the_real_images(registry):
    with pytest.raises(UsageError, match="'real' is the row of real images"):
        resolve(registry, plugins=["real"], entries={"real": {"plugin": "dcgan"}})


def test_names_that_are_no_folders_are_refused():
    with pytest.raises(ValueError, match="pattern"):
        Benchmark.model_validate(CONTENT | {"entries": {"../slow": {"plugin": "dcgan"}}})


@pytest.mark.parametrize(("text", "pair"), [("dcgan", ("dcgan", "dcgan")), ("slow-d=dcgan", ("slow-d", "dcgan"))])
def test_parse_entry(text, pair):
    assert parse_entry(text) == pair


@pytest.mark.parametrize("text", ["a=", "=dcgan", "a/b=dcgan"])
def test_parse_entry_refuses(text):
    with pytest.raises(UsageError, match="expected PLUGIN or NAME=PLUGIN"):
        parse_entry(text)


def test_the_command_line_runs_a_plugin_twice():
    plan = plan_run(
        RunRequest(
            plugins=("dcgan", "wide=dcgan"), assignments=("wide.width=48", "wide.spectral_norm=true"), budget="5steps"
        )
    )
    configuration = plan.run.configuration
    assert configuration["variants"]["wide"] == "dcgan"
    assert configuration["options"]["wide"]["width"] == 48
    assert configuration["options"]["dcgan"]["width"] == 32
    assert configuration["plugins"]["wide"] == configuration["plugins"]["dcgan"]


def test_the_users_budget_holds_for_every_entry():
    plan = plan_run(RunRequest(benchmark="s1-mnist20k-small", dataset="mnist5k", budget="2epochs"))
    assert {options["budget"] for options in plan.run.configuration["host_options"].values()} == {"2epochs"}
    assert "DCGAN-SELU, 20 epochs, here 2epochs" in [record.title for record in plan.run.plugins]


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_extends_another(tmp_path):
    write(
        tmp_path / "big.toml",
        'name = "big"\ntitle = "Big"\nplugins = ["dcgan", "vae"]\n[data]\ndataset = "cifar10"\nresolution = 32\n'
        '[training]\nbudget = "9epochs"\n[entries.dcgan]\noptions = { lr = 0.1, beta1 = 0.2 }\n',
    )
    small = read_benchmark(
        write(
            tmp_path / "small.toml",
            'extends = "big"\nname = "small"\nplugins = ["dcgan"]\n[data]\nnum_train = 10\n'
            "[entries.dcgan.options]\nlr = 0.5\n",
        )
    )
    assert (small.name, small.title, small.plugins) == ("small", "Big", ("dcgan",))
    assert (small.data.dataset, small.data.resolution, small.data.num_train) == ("cifar10", 32, 10)
    assert small.entries["dcgan"].options == {"lr": 0.5, "beta1": 0.2}


def test_a_file_that_extends_itself_or_nothing_is_refused(tmp_path):
    with pytest.raises(UsageError, match="extends itself"):
        read_benchmark(write(tmp_path / "a.toml", 'extends = "a"\n'))
    with pytest.raises(UsageError, match=r"none\.toml: there is no such file"):
        read_benchmark(write(tmp_path / "b.toml", 'extends = "none"\n'))


SUITES = sorted(Path(__file__).parents[2].joinpath("benchmarks", "suites", "seeds").glob("*.toml"))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Random images in the form of each suite's data."""
    folder, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    for name, shape in (("mnist", (28, 28, 1)), ("cifar10", (32, 32, 3)), ("stl10", (96, 96, 3))):
        images = rng.integers(0, 256, (60, *shape), dtype=np.uint8)
        np.savez(folder / f"{name}.npz", images=images, labels=np.arange(60) % 10)
    np.savez(folder / "celeba.npz", images=rng.integers(0, 256, (40, 96, 96, 3), dtype=np.uint8))
    return folder


@pytest.mark.parametrize("path", SUITES, ids=lambda path: path.stem)
def test_every_suite_of_the_reports_can_be_planned(path, data):
    suite = read_benchmark(path)
    assert suite.name == path.stem
    file = data / f"{suite.data.dataset if suite.data.dataset != 'folder:' else 'celeba'}.npz"
    plan = plan_run(RunRequest(benchmark=suite.name, dataset=f"npz:{file}"))
    controls = suite.controls if plan.dataset.spec.num_classes else tuple(c for c in suite.controls if c != "half")
    assert plan.plugins == (*controls, *suite.plugins)
    assert suite.source is not None
    if path.stem.endswith("-small"):
        assert "small" in suite.title
        assert "made small" in suite.description
        assert suite.data.num_train is not None


def test_every_suite_of_the_reports_has_a_small_version():
    names = {path.stem for path in SUITES}
    assert {name for name in names if not name.endswith("-small")} == {
        "s0-stl10-64", "s1-mnist20k", "s2-cifar10", "s3-cifar10", "s4-celeba-32", "s4-celeba-64", "s4-folder-128"
    }  # fmt: skip
    assert all(f"{name}-small" in names for name in names if not name.endswith("-small"))


def test_a_suite_for_the_users_photos_says_what_it_needs():
    with pytest.raises(DataError, match="expected a path, as in --dataset folder:PATH"):
        plan_run(RunRequest(benchmark="s4-folder-128-small"))


def test_data_are_called_as_the_user_calls_them(tmp_path, data):
    link = tmp_path / "cifar10-jpeg.npz"
    link.symlink_to(data / "cifar10.npz")
    plan = plan_run(RunRequest(plugins=("dcgan",), dataset=f"npz:{link}", budget="2steps"))
    assert plan.run.title.startswith("cifar10-jpeg.npz, 32×32")
    assert plan.run.configuration["benchmark"]["data"]["dataset"] == f"npz:{link}"
