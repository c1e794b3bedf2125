"""Plugins are found, bound to themselves alone, and a broken one never stops the others."""

import sys
import types
from importlib.metadata import EntryPoint

import pytest

from ganbench import ModelInfo, hookimpl, registry
from ganbench.errors import PluginError, UnknownNameError, UsageError
from ganbench.hookspecs import MODEL_HOOKS
from ganbench.registry import Registry, Source, load_registry, source_sha256
from ganbench.types import DataSpec, MetricInfo

SOURCE = Source("some", "some-dist", "1.0")
POINTS = DataSpec("points", dim=2)


def make_plugin(name="tiny", without=(), **replaced):
    """A model plugin as a module whose hooks return their own name."""
    hooks = {
        "ganbench_model": lambda: ModelInfo(name=name, title="Tiny", options={"lr": 1e-3, "depth": 2, "fast": True}),
        "ganbench_build": lambda spec, options: name,
        "ganbench_train": lambda gan, batches, step: {"trained_by": name},
        "ganbench_sample": lambda gan, latents, labels: name,
    } | replaced
    module = types.ModuleType(f"plugin_{name}")
    for hook, function in hooks.items():
        if hook not in without:
            setattr(module, hook, hookimpl(function))
    return module


def test_each_variant_calls_its_own_hooks_only():
    registry_ = Registry()
    assert registry_.add(make_plugin("first"), Source("first", "d", "1"))
    assert registry_.add(make_plugin("second"), Source("second", "d", "1"))
    outputs = {name: variant.train(gan=None, batches=None, step=0) for name, variant in registry_.variants.items()}
    assert outputs == {"first": {"trained_by": "first"}, "second": {"trained_by": "second"}}


def test_a_wrapper_of_another_plugin_still_applies():
    wrapper = types.ModuleType("wrapper")

    def ganbench_train(gan, batches, step):
        outputs = yield
        return {**outputs, "wrapped": True}

    def ganbench_metrics():
        return []

    wrapper.ganbench_train = hookimpl(wrapper=True)(ganbench_train)
    wrapper.ganbench_metrics = hookimpl(ganbench_metrics)
    registry_ = Registry()
    registry_.add(make_plugin("first"), Source("first", "d", "1"))
    registry_.add(make_plugin("second"), Source("second", "d", "1"))
    registry_._manager.register(wrapper)
    outputs = registry_.variant("first").train(gan=None, batches=None, step=0)
    assert outputs == {"trained_by": "first", "wrapped": True}


@pytest.mark.parametrize(
    ("plugin", "stage", "words"),
    [
        (make_plugin(without=["ganbench_sample"]), "hooks", "missing: ganbench_sample"),
        (make_plugin(ganbench_trian=lambda gan: None), "hooks", "did you mean ganbench_train"),
        (make_plugin(ganbench_model=lambda: None), "ganbench_model", "got NoneType"),
        (make_plugin(ganbench_model=lambda: 1 / 0), "ganbench_model", "ZeroDivisionError"),
        (make_plugin("real"), "ganbench_model", "reserved"),
        (types.ModuleType("empty"), "hooks", "no ganbench hook"),
        (make_plugin(ganbench_metrics=lambda: ["fid"]), "records", "MetricInfo records, got str"),
    ],
)
def test_a_broken_plugin_is_listed_with_stage_and_reason_and_leaves_nothing_behind(plugin, stage, words):
    registry_ = Registry()
    assert not registry_.add(plugin, SOURCE)
    (failure,) = registry_.failures
    assert failure.stage == stage
    assert words in failure.error
    assert registry_.variants == {}
    assert registry_.metrics == {}
    assert registry_.add(make_plugin(), Source("other", "d", "1")), registry_.failures[-1]


def test_a_second_plugin_of_a_name_is_refused_and_the_first_stays():
    registry_ = Registry()
    registry_.add(make_plugin(), Source("one", "first-dist", "1.0"))
    assert not registry_.add(make_plugin(), Source("two", "second-dist", "2.0"))
    assert "taken by one from first-dist 1.0" in registry_.failures[0].error
    assert registry_.variants["tiny"].source.entry_point == "one"


def test_a_second_record_of_a_name_is_refused_with_the_owner_named():
    def offer():
        return [MetricInfo(id="mine", title="Mine", compute=len, higher_is_better=None)]

    registry_ = Registry()
    first, second = types.ModuleType("a"), types.ModuleType("b")
    first.ganbench_metrics = hookimpl(lambda: offer())
    second.ganbench_metrics = hookimpl(lambda: offer())
    assert registry_.add(first, Source("a", "dist-a", "1"))
    assert not registry_.add(second, Source("b", "dist-b", "1"))
    assert "'mine' is taken by a from dist-a 1" in registry_.failures[0].error


def test_one_failing_import_stops_no_other(monkeypatch):
    broken = EntryPoint("broken", "no_such_module_anywhere", "ganbench")
    monkeypatch.setitem(sys.modules, "good_plugin", make_plugin("good"))
    good = EntryPoint("good", "good_plugin", "ganbench")
    monkeypatch.setattr(registry.importlib.metadata, "entry_points", lambda group: [broken, good])
    registry_ = Registry()
    registry_.load_entry_points()
    assert list(registry_.variants) == ["good"]
    assert registry_.failures[0].stage == "import"
    assert "ModuleNotFoundError" in registry_.failures[0].error
    with pytest.raises(PluginError, match="stage import"):
        registry_.variant("broken")


def test_the_installed_registry_is_whole():
    registry_ = load_registry()
    assert not registry_.failures
    assert {"dcgan", "sncgan", "vtgan", "noise", "memorizer"} <= set(registry_.variants)
    assert {"fid", "kid", "is", "precision", "recall", "density", "coverage", "modes"} <= set(registry_.metrics)
    assert "mnist-quick" in registry_.benchmarks
    assert "mnist5k" in registry_.datasets
    assert "local" in registry_.executors
    for variant in registry_.variants.values():
        assert variant.source.distribution == "ganbench"
        assert len(variant.source.sha256) == 64
        assert set(variant.info.option_help) == set(variant.info.options), variant.name


def test_unknown_names_get_a_suggestion():
    with pytest.raises(UnknownNameError, match="Did you mean dcgan"):
        load_registry().variant("dcgna")


def test_options_are_checked_against_the_defaults():
    registry_ = Registry()
    registry_.add(make_plugin(), SOURCE)
    variant = registry_.variant("tiny")
    assert variant.options({"lr": 1}) == {"lr": 1.0, "depth": 2, "fast": True}
    with pytest.raises(UnknownNameError, match=r"unknown tiny option 'deptj'\. Did you mean depth"):
        variant.options({"deptj": 3})
    for wrong in ({"depth": 2.5}, {"depth": True}, {"fast": 1}, {"lr": "high"}):
        with pytest.raises(UsageError, match="expected"):
            variant.options(wrong)


def test_wrong_returns_name_the_plugin():
    registry_ = Registry()
    registry_.add(make_plugin(ganbench_train=lambda gan, batches, step: [1]), SOURCE)
    variant = registry_.variant("tiny")
    with pytest.raises(PluginError, match=r"'tiny' \(some from some-dist 1.0\).*must return a ganbench.GAN, got str"):
        variant.build_gan(POINTS, {})
    with pytest.raises(PluginError, match="must return a mapping"):
        variant.train_step(None, iter(()), 0)
    with pytest.raises(PluginError, match=r"shape \(3, 2\), got str"):
        variant.sample_batch(None, [0, 0, 0], None, (2,))


def test_a_plugin_file_is_loaded_and_its_errors_are_told(tmp_path):
    good = tmp_path / "my_gan.py"
    good.write_text(
        "from ganbench import ModelInfo, hookimpl\n"
        + "".join(
            f"@hookimpl\ndef {hook}({arguments}):\n    return {value}\n"
            for hook, arguments, value in [
                (MODEL_HOOKS[0], "", "ModelInfo(name='mine', title='Mine')"),
                (MODEL_HOOKS[1], "spec, options", "None"),
                (MODEL_HOOKS[2], "gan, batches, step", "{}"),
                (MODEL_HOOKS[3], "gan, latents, labels", "latents"),
            ]
        )
    )
    registry_ = Registry()
    assert registry_.load_file(good) == "mine"
    before = registry_.variant("mine").source.sha256
    good.write_text(good.read_text() + "# changed\n")
    again = Registry()
    again.load_file(good)
    assert again.variant("mine").source.sha256 != before

    with pytest.raises(UsageError, match="no such file"):
        registry_.load_file(tmp_path / "absent.py")
    broken = tmp_path / "broken.py"
    broken.write_text("def (:\n")
    with pytest.raises(PluginError, match="importing it failed: SyntaxError"):
        registry_.load_file(broken)
    empty = tmp_path / "empty.py"
    empty.write_text("")
    with pytest.raises(PluginError, match="no ganbench hook"):
        registry_.load_file(empty)


def test_the_source_hash_of_a_package_covers_all_its_files(tmp_path):
    package = tmp_path / "pack"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "nets.py").write_text("depth = 1\n")
    module = types.ModuleType("pack")
    module.__file__ = str(package / "__init__.py")
    before = source_sha256(module)
    (package / "nets.py").write_text("depth = 2\n")
    assert source_sha256(module) != before
