"""Each trial is a process: events come through, a crash is one failure, an interrupt asks all to save."""

import sys
from dataclasses import dataclass

import pytest

from ganbench.run.events import Event
from ganbench.run.executor import TrialTask, default_num_threads, run_locally

HEAD = "import sys, json, time, os, signal\ndef emit(**event):\n    print(json.dumps(event), flush=True)\n"


@dataclass(frozen=True)
class Script(TrialTask):
    body: str = ""

    @property
    def command(self):
        return [sys.executable, "-c", HEAD + self.body]


@pytest.fixture
def script(tmp_path):
    def make(name, body):
        return Script(tmp_path, name, 0, tmp_path / f"{name}.log", body)

    return make


def collect(tasks, jobs=1):
    events = []
    run_locally(tasks, jobs, lambda task, event: events.append((task.plugin, event)))
    return events


def test_events_come_through_and_other_output_goes_to_the_log(script):
    task = script(
        "good",
        "print('hello')\nprint('trouble', file=sys.stderr)\nemit(kind='stage', stage='training')\nemit(kind='done')",
    )
    assert collect([task]) == [("good", Event("stage", stage="training")), ("good", Event("done"))]
    assert "trouble" in task.log_path.read_text()


def test_a_crash_is_one_failed_trial(script):
    tasks = [
        script("killed", "os.kill(os.getpid(), signal.SIGKILL)"),
        script("silent", "sys.exit(5)"),
        script("good", "emit(kind='done')"),
    ]
    events = dict(collect(tasks))
    assert events["good"] == Event("done")
    assert "SIGKILL" in events["killed"].text
    assert "memory" in events["killed"].text
    assert "ended with code 5" in events["silent"].text
    assert str(tasks[1].log_path) in events["silent"].text


def test_at_most_jobs_run_at_once(script, tmp_path):
    body = (
        f"mine = os.path.join({str(tmp_path)!r}, str(os.getpid()) + '.run')\nopen(mine, 'w').close()\n"
        f"emit(kind='progress', done=len([n for n in os.listdir({str(tmp_path)!r}) if n.endswith('.run')]))\n"
        "time.sleep(0.2)\nos.remove(mine)\nemit(kind='done')"
    )
    events = collect([script(f"t{i}", body) for i in range(6)], jobs=2)
    assert max(event.done for _, event in events) <= 2
    assert sum(event.kind == "done" for _, event in events) == 6


def test_an_interrupt_asks_the_trials_to_save_and_goes_on(script, tmp_path):
    saved = tmp_path / "saved"
    body = (
        f"def save(*_):\n    open({str(saved)!r}, 'w').close()\n    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, save)\nemit(kind='stage')\ntime.sleep(60)"
    )

    def interrupt(task, event):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_locally([script("long", body)], 1, interrupt)
    assert saved.exists()


def test_an_event_survives_its_line():
    event = Event("progress", stage="training", done=1.5, total=3, text="kimg", values={"loss_d": 0.5, "loss_g": None})
    assert Event.from_line(event.to_line()) == event
    for line in ("", "hello", "3", '{"kind": 1, "nonsense": 2}', "[]"):
        assert Event.from_line(line) is None


def test_threads_are_shared_among_jobs():
    assert default_num_threads(10**6) == 1
    assert default_num_threads(1) >= 1
