from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import asdict
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ganbench.errors import UsageError
from ganbench.metrics.builtin import ganbench_metrics
from ganbench.report import write_report
from ganbench.report.glossary import DIRECTIONS, GLOSSARY, explain
from ganbench.report.memory import NEIGHBOUR_METRICS
from ganbench.report.pages import build_page, joined_warnings
from ganbench.report.pictures import Assets
from ganbench.report.table import build_table
from ganbench.results.board import build_board
from ganbench.results.store import read_run
from ganbench.types import ReportSection

GOLD = Path(__file__).with_name("gold_view.json")
VOID = {"meta", "img", "br", "input", "link", "hr"}


class Page(HTMLParser):
    """Checks that elements are closed in order and gathers attributes and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open, self.elements, self.text = [], [], ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"style", "script"} & set(self.open):
            self.text += data

    def all(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]


def report(run, **options):
    index = write_report([run], out=run.parent / "out", **options)
    return Page(index.read_text(encoding="utf-8"))


def edit(path, **changes):
    content = json.loads(path.read_text())
    content.update(changes)
    path.write_text(json.dumps(content))


@pytest.fixture(scope="module")
def page(run_folder):
    return report(run_folder)


@pytest.fixture(scope="module")
def table(run_folder):
    results = read_run(run_folder)
    return build_table(build_board(results), "run-1")


def test_the_view_is_as_it_was_looked_at(run_folder, tmp_path):
    """After a wanted change: delete the gold file, run this once, read the difference."""
    run = asdict(build_page([read_run(run_folder)], Assets(tmp_path / "assets")).runs[0])
    run["plugins"] = [plugin for plugin in run["plugins"] if plugin["name"] in ("dcgan", "vtgan")]
    view = re.sub(r"<svg.*?</svg>", "SVG", json.dumps(run, indent=1, ensure_ascii=False)) + "\n"
    if not GOLD.exists():
        GOLD.write_text(view, encoding="utf-8")
        pytest.fail("the gold file was missing and has been written: read it and keep it")
    assert view == GOLD.read_text(encoding="utf-8")


def test_the_board_shows_ranks_ties_and_failures(page):
    words = " ".join(page.text.split())
    assert "1 = SN-CGAN sncgan 58.7 ± 2.2" in words
    assert "1 = DCGAN dcgan 61.4 ± 1.9" in words
    assert "failed vtgan failed while training: ValueError: loss_g is <nan> at step 340" in words
    assert words.index("For orientation, not ranked") < words.index("Real images (held-out half)")
    assert "FID\xa0↓ (lower is better) · efficientnet-lite0" in page.text


def test_what_was_published_stands_right_after_the_ranking_metric(table, own_run):
    assert [column.key for column in table.columns][:4] == ["fid", "spread", "published", "kid"]
    cells = {row.plugin: row.cells[2].text for row in table.models}
    assert cells["dcgan"] == "FID 28.95 ± .42\nG's loss: stuck at 0.89 from epoch 200"
    assert cells["sncgan"] == ""
    run = json.loads((own_run / "run.json").read_text())
    run["plugins"] = [plugin | {"published": {}} for plugin in run["plugins"]]
    edit(own_run / "run.json", plugins=run["plugins"])
    columns = build_table(build_board(read_run(own_run)), "run-1").columns
    assert "published" not in [column.key for column in columns]


def test_the_source_is_named_under_the_table(page):
    words = " ".join(page.text.split())
    assert "This benchmark repeats a report on digits; its digits had 32 pixels." in words
    assert "FID and IS by efficientnet-lite0 are on another scale" in words


def test_budgets_of_their_own_and_the_plugins_of_entries_are_named(page):
    assert "64 thousand images; dcgan: 20 epochs" in page.text
    assert "sncgan · plugin sncgan-2018" in page.text
    assert "dcgan · plugin" not in page.text


def test_cost_is_told_per_thousand_images(table):
    place = [column.name for column in table.columns].index("Seconds per 1,000 images")
    costs = {row.plugin: row.cells[place].text for row in (*table.models, *table.references) if row.cells}
    assert costs["dcgan"] == "1.425"  # 1000 / 702
    assert costs["noise"] == costs["real"] == ""


def test_a_trials_cost_is_set_beside_the_cheapest_model(page):
    words = " ".join(page.text.split())
    assert "2.123 s (1.49 × that of DCGAN, the cheapest here)" in words
    assert "1.425 s (1.00 × that of DCGAN, the cheapest here)" in words
    assert words.count("the cheapest here") == 3  # of each trained model, not of the controls


def test_what_the_reports_showed_stands_in_its_order(page):
    text = page.text[page.text.index("Radford") :]
    headings = (
        "collapse: from epoch 15", "Untrained, trained, real", "Uncurated", "Best samples",
        "Chosen: the 12 best of 128", "Class by class", "Curves", "Discriminator's recall on fakes",
        "the discriminator wins:", "Classes among the samples, over training", "Arithmetic with latents",
        "3, 5, 8 → 3 − 5 + 8",
    )  # fmt: skip
    places = [text.index(heading) for heading in headings[:8]]
    assert places == sorted(places)
    assert all(heading in text for heading in headings)


def test_label_accuracy_has_a_column_where_classes_were_asked_for(page):
    assert page.text.count("Label accuracy") == 1  # of sncgan, not of dcgan and of the real images
    assert page.text.count("within the class") == 3


def test_runs_without_the_files_of_today_have_a_page(own_run):
    for name in ("classes.jsonl", "best.npz", "by_class.npz", "by_class.json", "arithmetic.npz", "arithmetic.json"):
        (own_run / "trials/dcgan/seed-0" / name).unlink()
    shutil.rmtree(own_run / "trials/dcgan/seed-0/snapshots")
    text = report(own_run).text
    for heading in ("Untrained, trained, real", "Best samples", "Class by class", "over training", "Arithmetic"):
        assert heading not in text
    assert "Discriminator's recall on fakes" in text


def test_nothing_is_loaded_from_a_network(page, run_folder):
    for _, attrs in page.elements:
        for name in ("src", "srcset", "data", "poster", "xlink:href"):
            assert "//" not in (attrs.get(name) or "")
    assert page.all("link") == []
    html = (run_folder.parent / "out" / "index.html").read_text()
    assert "@import" not in html
    assert not re.search(r"url\((?!#)", html)
    links = [attrs["href"] for attrs in page.all("a")]
    assert {link for link in links if not link.startswith("#")} == {"https://arxiv.org/abs/1511.06434"}


def test_every_picture_is_there_and_has_words(page, run_folder):
    images = page.all("img")
    assert len(images) > 60
    for image in images:
        assert (run_folder.parent / "out" / image["src"]).is_file()
        assert len(image["alt"]) > 10


def test_every_anchor_that_is_linked_exists(page):
    ids = [attrs["id"] for tag, attrs in page.elements if "id" in attrs and tag != "path"]  # charts share tick marks
    assert len(ids) == len(set(ids))
    assert {attrs["href"][1:] for attrs in page.all("a") if attrs["href"].startswith("#")} <= set(ids)


def test_the_default_place_is_in_the_run(own_run):
    assert write_report([own_run]) == own_run / "report" / "index.html"


def test_a_single_file_has_all_in_it(own_run):
    page = report(own_run, single_file=True)
    assert [path.name for path in (own_run.parent / "out").iterdir()] == ["index.html"]
    assert all(image["src"].startswith("data:image/png;base64,") for image in page.all("img"))


def test_several_runs_stand_apart(own_run, two_seed_run):
    index = write_report([own_run, two_seed_run], out=own_run.parent / "out")
    page = Page(index.read_text(encoding="utf-8"))
    assert len([attrs for attrs in page.all("table") if attrs.get("class") == "board"]) == 2
    assert "numbers of different protocols, data or budgets are not ranked together" in page.text


def change_protocol(run, protocol, plugins):
    """Rewrite the protocol of the stored numbers of some plugins."""
    for path in run.glob("trials/*/seed-*/metrics.json"):
        if path.parent.parent.name in plugins:
            path.write_text(path.read_text().replace("ganbench-v1", protocol))


def test_runs_of_two_protocols_have_a_ranking_each_and_say_so(own_run, two_seed_run):
    edit(two_seed_run / "run.json", protocol="mimicry-cifar10-v1")
    change_protocol(two_seed_run, "mimicry-cifar10-v1", ("dcgan",))
    page = build_page([read_run(own_run), read_run(two_seed_run)], Assets(None))
    for run in page.runs:
        assert [row.rank for row in run.table.models if row.plugin == "dcgan"] == ["1"]
        assert run.notes[0].startswith("This page shows 2 runs, each ranked by itself. They differ in protocol (")
        assert "ganbench-v1, mimicry-cifar10-v1" in run.notes[0]
    html = write_report([own_run, two_seed_run], out=own_run / "out").read_text()
    assert html.count("They differ in protocol (ganbench-v1, mimicry-cifar10-v1)") == 2


def test_a_run_of_two_protocols_has_no_rank_and_no_best(run_folder, tmp_path):
    ranked = build_page([read_run(run_folder)], Assets(None)).runs[0]
    assert any(cell.best for row in ranked.table.models for cell in row.cells)
    run = shutil.copytree(run_folder, tmp_path / "mixed")
    change_protocol(run, "vtgan-2019", ("sncgan",))
    mixed = build_page([read_run(run)], Assets(None)).runs[0]
    assert {row.rank for row in mixed.table.models} == {"–"}
    assert not any(cell.best for row in mixed.table.models for cell in row.cells)
    assert "Nothing is ranked" in mixed.warnings[0]


def test_a_number_of_another_extractor_carries_its_name_in_the_cell(run_folder, tmp_path):
    run = shutil.copytree(run_folder, tmp_path / "mixed")
    path = run / "trials/sncgan/seed-0/metrics.json"
    path.write_text(path.read_text().replace("efficientnet-lite0", "inception-x"))
    rows = {row.plugin: row for row in build_page([read_run(run)], Assets(None)).runs[0].table.models}
    assert rows["dcgan"].cells[0].text == "61.4"
    assert rows["sncgan"].cells[0].text == "58.7 (FID · inception-x)"


def test_the_protocols_own_extractor_is_not_called_another_network(own_run):
    """StudioGAN's numbers are made with inception-friendly: there it is the right one, elsewhere it is another."""
    friendly = {"name": "inception-friendly", "weights_sha256": "e1" * 32, "resize": "antialiased bilinear"}
    foreign = report(own_run).text
    for path in own_run.glob("trials/*/*/metrics.json"):
        content = json.loads(path.read_text())
        for record in content["metrics"].values():
            record["protocol"] = "studiogan-cifar10-v1"
            record["extractor"] = friendly if record["extractor"] else None
        path.write_text(json.dumps(content))
    other = report(own_run).text
    edit(own_run / "run.json", protocol="studiogan-cifar10-v1")
    page = report(own_run)
    claim = "not from the Inception network that published FID and IS use"
    assert claim in foreign
    assert claim in other
    assert claim not in page.text
    own = "inception-friendly (resize: antialiased bilinear), the extractor of studiogan-cifar10-v1"
    assert own in " ".join(page.text.split())
    html = (own_run.parent / "out" / "index.html").read_text()
    assert "not comparable with published numbers" not in html
    assert "compare with published numbers of that protocol" in html


def test_several_seeds_have_a_part_each(two_seed_run):
    page = report(two_seed_run)
    seeds = [attrs for attrs in page.all("details") if attrs.get("class") == "seed"]
    assert ["open" in attrs for attrs in seeds] == [True, False]
    assert "training seeds (Student t, 2 seeds)" in str(page.elements)


def test_missing_files_leave_a_sentence(own_run):
    for path in (own_run / "trials" / "dcgan" / "seed-0").rglob("*"):
        if path.is_file() and path.name != "trial.json":
            path.unlink()
    text = report(own_run).text
    for name in ("samples", "neighbours", "snapshots", "history"):
        assert f"No {name} " in text


def test_a_run_that_has_just_begun_has_a_page(own_run):
    for path in sorted((own_run / "trials").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    text = report(own_run).text
    assert text.count("not started") == 2 * 3  # in the table and in the section of each plugin


def test_hostile_texts_are_shown_and_not_obeyed(own_run):
    attack = '"><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7*7 }}'
    edit(own_run / "run.json", title=attack, class_names=[attack])
    run = json.loads((own_run / "run.json").read_text())
    run["plugins"][0] |= {"title": attack, "description": attack, "paper": f"javascript:alert(1) {attack}"}
    run["environment"] |= {"extractor_note": attack, attack: attack}
    (own_run / "run.json").write_text(json.dumps(run))
    edit(own_run / "trials/vtgan/seed-0/trial.json", error={"stage": attack, "type": attack, "message": attack})
    edit(own_run / "trials/dcgan/seed-0/trial.json", warnings=[attack], options={"a": attack})
    metrics = json.loads((own_run / "trials/dcgan/seed-0/metrics.json").read_text())
    metrics["metrics"]["modes"]["details"]["class_names"] = [attack] * 10
    metrics["metrics"]["fid"]["title"] = attack
    (own_run / "trials/dcgan/seed-0/metrics.json").write_text(json.dumps(metrics))
    page = report(own_run)
    assert len(page.all("script")) == 1
    assert all("onerror" not in attrs for _, attrs in page.elements)
    assert not any("javascript:" in attrs["href"] for attrs in page.all("a"))
    assert attack in page.text


def test_hostile_plugin_names_make_no_path_outside_the_report(own_run):
    edit(own_run / "trials/dcgan/seed-0/trial.json", plugin="../../evil<b>")
    report(own_run)
    written = set(own_run.parent.rglob("*evil*"))
    assert written
    assert all(path.parent == own_run.parent / "out" / "assets" for path in written)


def test_sections_of_plugins_stand_below_each_trial(own_run):
    def render(folder, metrics):
        return f"<p>{folder.name} has {len(metrics)} numbers</p>" if metrics else None

    def fail(folder, metrics):
        raise RuntimeError("no <colours>")

    page = report(own_run, sections=[ReportSection("Mine", render), ReportSection("Broken", fail)])
    assert page.text.count("seed-0 has 7 numbers") == 2
    assert page.text.count("This section could not be made: RuntimeError: no <colours>") == 3


def test_a_metric_that_is_not_there_is_no_red_warning(own_run):
    reason = "the LPIPS AlexNet weights are missing; `ganbench weights fetch lpips` gets them"
    edit(own_run / "trials/dcgan/seed-0/trial.json", warnings=[f"nn_lpips is not there: {reason}", "look out"])
    text = report(own_run).text
    assert "look out" in text
    assert "nn_lpips is not there" not in text
    assert f"nn_lpips is not measured: {reason}" in text


def metrics_without(path, *names):
    content = json.loads(path.read_text())
    for name in names:
        content["metrics"].pop(name)
    path.write_text(json.dumps(content))


def test_without_a_metric_of_neighbours_it_is_said_which_would_show_them(own_run):
    folder = own_run / "trials/dcgan/seed-0"
    (folder / "neighbours.npz").unlink()
    metrics_without(folder / "metrics.json", "nn_feature")
    words = " ".join(report(own_run).text.split())
    assert "no metric of this benchmark needs them. With nn_feature, nn_lpips, authenticity, ndb, ct or copies" in words
    assert set(NEIGHBOUR_METRICS) == {info.id for info in ganbench_metrics() if "train" in info.needs}


def test_missing_classes_are_named_with_the_rule(own_run):
    path = own_run / "trials/dcgan/seed-0/metrics.json"
    content = json.loads(path.read_text())
    content["metrics"]["modes"]["details"]["shares"] = [0.0099, 0.01, *[0.980 / 8] * 8]
    content["metrics"]["modes"]["value"] = 9
    path.write_text(json.dumps(content))
    words = " ".join(report(own_run).text.split())
    assert "9 of 10 classes found among 2,500 samples" in words
    assert "Missing: 0. A class counts from a tenth of its real share on." in words
    assert re.search(r"\d% missing\d", words)  # in the table of the classes


@pytest.fixture
def whole_run(run_folder, tmp_path):
    """A copy of the run with all rows, which a test may change."""
    return shutil.copytree(run_folder, tmp_path / "whole")


def test_both_medians_say_what_they_are_of(whole_run):
    path = whole_run / "trials/dcgan/seed-0/metrics.json"
    content = json.loads(path.read_text())
    content["metrics"]["nn_feature"]["details"]["num_heldout"] = 10000
    path.write_text(json.dumps(content))
    words = " ".join(report(whole_run).text.split())
    told = "The median distance of 2,500 samples is 5.2; of all 10,000 held-out real images it is 5.4"
    assert f"{told} (the table's row of real images has 128 of them). 2.0%" in words
    shutil.rmtree(whole_run / "trials/real")
    assert f"{told}. 2.0%" in " ".join(report(whole_run).text.split())


def test_controls_do_not_pose_as_trained(whole_run):
    noise = whole_run / "trials/noise/seed-0"
    edit(noise / "trial.json", num_steps=625, num_images=20000, resumed_at=[7])
    shutil.copytree(whole_run / "trials/dcgan/seed-0/snapshots", noise / "snapshots")
    for name in ("arithmetic.npz", "arithmetic.json", "history.jsonl"):
        shutil.copy(whole_run / "trials/dcgan/seed-0" / name, noise / name)
    sections = report(whole_run).text.split("Hash trail")
    (control,) = (section for section in sections if "\nNoise noise control" in section)
    (model,) = (section for section in sections if "\nDCGAN dcgan" in section and "Paper" in section)
    for words in ("Untrained", "Trained", "Generator steps", "Real images shown", "Arithmetic", "Curves"):
        assert words in model
        assert words not in control
    assert "Resumed" not in control


def test_every_built_in_metric_is_explained_and_its_direction_is_said_once():
    for info in ganbench_metrics():
        assert GLOSSARY.get(info.id, "").endswith("."), info.id
        words = explain(info.id, info.higher_is_better)
        assert words.endswith(DIRECTIONS[info.higher_is_better])
        assert len(re.findall(r"direction|is better", words)) == 1 + (info.higher_is_better is None), words
    assert len(set(GLOSSARY.values())) == len(GLOSSARY)


def test_warnings_of_several_models_are_joined():
    of = " of its samples lie nearer to a training image than 99% of held-out images do."
    control, other = "A control came out wrong.", "c (seed 0): 1% of something else"
    joined = joined_warnings([control, f"a (seed 0): 50%{of}", f"b-2 (seed 1): 100%{of}", other])
    assert joined == (control, f"a (seed 0): 50%, b-2 (seed 1): 100%{of}", other)


def test_models_that_may_copy_share_a_line_on_the_board(whole_run):
    for name, share in (("dcgan", 0.5), ("sncgan", 0.25)):
        path = whole_run / f"trials/{name}/seed-0/metrics.json"
        content = json.loads(path.read_text())
        content["metrics"]["nn_feature"]["details"]["share_closer_than_heldout_percentile_1"] = share
        path.write_text(json.dumps(content))
    (warning,) = build_page([read_run(whole_run)], Assets(None)).runs[0].warnings
    assert warning.startswith("dcgan (seed 0): 50%, sncgan (seed 0): 25% of its samples")


def change_record(run, name, **changes):
    content = json.loads((run / "run.json").read_text())
    for record in content["plugins"]:
        if record["name"] == name:
            record.update(changes)
    (run / "run.json").write_text(json.dumps(content))


def test_options_that_differ_from_the_defaults_come_first(own_run):
    defaults = {"lr": 0.0002, "width": 64}
    edit(own_run / "trials/dcgan/seed-0/trial.json", options={"lr": 0.0002, "width": 32, "ema": 0.9, "augment": ""})
    before = " ".join(report(own_run).text.split())
    assert "differ from the plugin" not in before
    assert "Options augment ema0.9 lr0.0002 width32" in before
    change_record(own_run, "dcgan", defaults=defaults, changed={"ema": 0.9})
    words = " ".join(report(own_run).text.split())
    assert "Options that differ from the plugin’s defaults ema0.9 width32 (default 64) All options augment" in words


def test_a_row_shows_the_options_in_which_it_departs_from_the_others(own_run):
    assert report(own_run).text.count("dropout 0.3") == 0
    change_record(own_run, "dcgan", changed={"lr": 0.001, "dropout": 0.3})
    assert "DCGAN dcgan lr 0.001 · dropout 0.3" in " ".join(report(own_run).text.split())


def test_the_number_of_training_images_is_the_real_one(own_run):
    def told(**found):
        content = json.loads((own_run / "run.json").read_text())
        content["configuration"]["benchmark"]["data"]["num_train"] = 5000
        content["environment"] |= found
        (own_run / "run.json").write_text(json.dumps(content))
        facts = build_page([read_run(own_run)], Assets(None)).runs[0].facts
        return next(fact.value for fact in facts if fact.label == "Training images")

    assert told() == "at most 5,000"
    assert told(num_train=400, num_heldout=0) == "400"
    assert told(num_train=4000, num_heldout=1000) == "4,000 (1,000 more are held out)"


def test_no_run_is_refused(tmp_path):
    with pytest.raises(UsageError, match="at least one run"):
        write_report([])
    with pytest.raises(UsageError, match="not a run folder"):
        write_report([tmp_path])


def test_the_report_needs_no_torch(own_run):
    code = (
        "import sys\n"
        "class Block:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('torch', 'torchvision', 'pluggy'): raise ImportError(name)\n"
        "sys.meta_path.insert(0, Block())\n"
        "from pathlib import Path\n"
        "from ganbench.report import write_report\n"
        "from ganbench.results.board import write_board\n"
        "from ganbench.results.store import read_run\n"
        "write_board(read_run(Path(sys.argv[1])))\n"
        "print(write_report([Path(sys.argv[1])]))\n"
    )
    command = [sys.executable, "-c", code, str(own_run)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).is_file()
