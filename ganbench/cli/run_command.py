"""`ganbench run`: plan, carry out, show progress, print the board."""

from __future__ import annotations

import signal
from types import FrameType

from rich.console import Console

from ganbench.cli.board_table import board_table
from ganbench.cli.progress import make_display
from ganbench.registry import option_words
from ganbench.run.plan import RunPlan, RunRequest, plan_run
from ganbench.run.runner import execute

EXIT_DONE, EXIT_SOME_FAILED, EXIT_INTERRUPTED = 0, 3, 130


def _print_settings(console: Console, plan: RunPlan) -> None:
    """The budget, and which options are not the plugin's own defaults: the benchmark or the user set them."""
    environment = plan.run.environment
    data = f"{environment['num_train']:,} to train on, {environment['num_heldout']:,} held out"
    console.print(f"Data:     {data}", highlight=False)
    console.print(f"Training: {plan.benchmark.training.budget} each, batches of {plan.benchmark.training.batch_size}")
    configuration = plan.run.configuration
    for entry, options in configuration["options"].items():
        variant = plan.registry.variant(configuration["variants"][entry])
        defaults = {**variant.info.options, **plan.benchmark.host_options()}
        used = {**options, **configuration["host_options"][entry]}
        changed = [f"{name}={option_words(value)}" for name, value in used.items() if value != defaults[name]]
        if changed or entry != variant.name:
            name = entry if entry == variant.name else f"{entry} ({variant.name})"
            console.print(f"Options:  {name} {', '.join(changed)}", highlight=False, markup=False)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """A machine that is shut down, or a scheduler whose time is up, asks by SIGTERM: then all is saved as on Ctrl-C."""
    raise KeyboardInterrupt


def run_and_show(request: RunRequest) -> int:
    """Run `request` with progress on the terminal. Returns the exit code."""
    signal.signal(signal.SIGTERM, _interrupt)
    console = Console()
    with console.status("Reading plugins and data ..."):
        plan = plan_run(request)
    configuration = plan.run.configuration
    console.print(f"{plan.benchmark.title} ({plan.benchmark.protocol}) on {configuration['device']}", highlight=False)
    if note := plan.run.environment.get("data_note"):
        console.print(f"Data: {note}", highlight=False)
    if note := plan.run.environment.get("extractor_note"):
        console.print(f"Features: {note}", highlight=False)
    _print_settings(console, plan)
    with make_display(console) as display:
        try:
            outcome = execute(plan, request, display.on_start, display.on_event)
        except KeyboardInterrupt:
            display.stop()
            console.print("Interrupted; all is saved. The same command goes on from here.")
            return EXIT_INTERRUPTED
    console.print(board_table(outcome.board, console.width))
    for warning in outcome.board.warnings:
        console.print(f"warning: {warning}", style="red", highlight=False)
    console.print(f"Report: {outcome.report}", soft_wrap=True, highlight=False)
    console.print(f"Files:  {outcome.folder}", soft_wrap=True, highlight=False)
    if outcome.num_failed:
        console.print(f"{outcome.num_failed} of {outcome.num_trials} trials failed; the same command tries them again.")
        return EXIT_SOME_FAILED
    return EXIT_DONE
