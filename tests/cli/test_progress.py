"""What is said while a run goes on."""

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from ganbench.cli.progress import Bars, Lines, describe
from ganbench.run.events import Event
from ganbench.run.executor import TrialTask


@pytest.mark.parametrize("kind", [Bars, Lines])
def test_a_warning_is_one_line_and_the_trial_goes_on(kind):
    text = StringIO()
    task = TrialTask(Path("run"), "dcgan", 0, Path("log.txt"))
    warning = "vanishing gradient: since epoch 4 (step 1,200) the discriminator [/b] recognises all of the fakes"
    with kind(Console(file=text, width=40)) as display:
        display.on_event(task, Event("stage", stage="training"))
        display.on_event(task, Event("note", text=warning))
        display.on_event(task, Event("progress", stage="training", done=1, total=2, text="epochs"))
        display.on_event(task, Event("done"))
    assert f"      dcgan · {warning}\n" in text.getvalue()
    assert display.num_ended == 1


@pytest.mark.parametrize("things", ["images", "points"])
def test_the_rate_is_that_of_what_is_trained_on(things):
    values = {"step": 190.0, f"{things}_per_second": 812.4, "loss_d": 1.2, "seconds_left": 58.0}
    event = Event("progress", stage="training", done=12.3, total=60, text="kimg", values=values)
    assert describe(event) == f"12.3/60 kimg · step 190 · 812 {things}/s · loss_d 1.20 · 0:58 left"
