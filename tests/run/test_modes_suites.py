"""The suites of points as they are planned: PacGAN's networks, rates and data for every model, and what it printed."""

import pytest

from ganbench.run.plan import RunRequest, plan_run
from ganbench.run.training import num_parameters

PRINTED = {  # protocols' table: ring modes / high quality, grid modes / high quality / reverse KL
    "modes-ring8": {
        "gan": {"modes": "6.3 ± 0.5", "hq_ratio": "98.2 %"},
        "pacgan2": {"modes": "7.9 ± 0.1", "hq_ratio": "95.6 %"},
        "pacgan4": {"modes": "7.8 ± 0.1", "hq_ratio": "95.9 %"},
    },
    "modes-grid25": {
        "gan": {"modes": "17.3 ± 0.8", "hq_ratio": "94.8 %", "mode_kl": "0.70 ± 0.07"},
        "pacgan2": {"modes": "23.8 ± 0.7", "hq_ratio": "91.3 %", "mode_kl": "0.13 ± 0.04"},
        "pacgan4": {"modes": "24.8 ± 0.2", "hq_ratio": "93.6 %", "mode_kl": "0.04 ± 0.01"},
    },
}
MODELS = ["gan", "lsgan", "wgan-gp", "sngan", "pacgan2", "pacgan4"]


@pytest.fixture(scope="module", params=PRINTED)
def plan(request):
    return plan_run(RunRequest(benchmark=request.param, device="cpu"))


def test_the_suite_is_as_the_protocol_has_it(plan):
    benchmark = plan.benchmark
    assert plan.dataset.name == benchmark.name.removeprefix("modes-")
    assert plan.plugins == ("noise", "memorizer", *MODELS)
    assert benchmark.seeds == 3
    assert benchmark.training.batch_size == 100
    assert benchmark.evaluation.num_samples == 2500
    assert plan.run.configuration["metrics"] == ["mixture_kl", "modes", "hq_ratio", "mode_kl"]
    assert benchmark.source.title.startswith("the experiment on the")
    assert {record.name: dict(record.published) for record in plan.run.plugins if record.published} == PRINTED[
        benchmark.name
    ]


def test_every_model_has_the_papers_networks_and_rates(plan):
    """Dense sizes by hand; only the packs change the discriminator's first layer."""
    configuration = plan.run.configuration
    for name in MODELS:
        options = configuration["options"][name]
        gan = plan.registry.variant(configuration["variants"][name]).build_gan(plan.dataset.spec, options)
        packing = int(options.get("packing", 1))
        assert gan.latent_dim == 2
        assert num_parameters(gan.generator) == 2 * 400 + 3 * 400 * 400 + 4 * 2 * 400 + 401 * 2
        assert num_parameters(gan.discriminator) == (2 * packing + 1) * 1000 + 2 * (201 * 1000) + 201
        assert {group["lr"] for each in gan.optimizers.values() for group in each.param_groups} == {1e-4}
        betas = {group["betas"] for each in gan.optimizers.values() for group in each.param_groups}
        assert betas == {(0.0, 0.9) if name == "wgan-gp" else (0.8, 0.999)}
    assert [configuration["options"][name]["packing"] for name in ("pacgan2", "pacgan4")] == [2, 4]


def test_stacked_mnist_is_as_the_protocol_has_it():
    plan = plan_run(RunRequest(benchmark="stacked-mnist", device="cpu"))
    assert plan.benchmark.seeds == 3
    assert plan.benchmark.evaluation.num_samples == 26_000
    assert plan.dataset.spec.num_classes == 1000
    assert plan.plugins == ("noise", "memorizer", "half", "dcgan", "lsgan", "wgan-gp", "pacgan2")
    assert "mnist" in plan.run.environment["data_note"]
    options = plan.run.configuration["options"]
    assert {options[name]["kernel"] for name in ("dcgan", "lsgan", "wgan-gp", "pacgan2")} == {5}
    assert {options[name]["latent"] for name in ("dcgan", "lsgan", "wgan-gp", "pacgan2")} == {"uniform"}
    assert options["pacgan2"]["packing"] == 2
    assert [options[name]["generator_steps"] for name in ("dcgan", "wgan-gp", "pacgan2")] == [2, 1, 2]
    printed = {record.name: record.published for record in plan.run.plugins if record.published}
    assert printed["pacgan2"] == {"modes_seen": "1000.0 ± 0.0", "mode_kl": "0.06 ± 0.003"}
    assert "78.9" in printed["dcgan"]["modes_seen"]
