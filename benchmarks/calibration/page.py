"""Write docs/calibration.md with its curves, and the summary behind the notes on boards, from finished calibrations.

    ganbench calibrate --dataset npz:mnist-70k.npz --seeds 5,3,3 --dear-up-to 500 --out calibrations/mnist
    ganbench calibrate --dataset folder:cifar10-jpeg --seeds 5,3,3 --dear-up-to 500 --out calibrations/cifar
    ganbench calibrate --dataset ring8 --seeds 8 --out calibrations/ring8
    ganbench calibrate --dataset grid25 --seeds 8 --out calibrations/grid25
    python benchmarks/calibration/page.py calibrations/mnist calibrations/cifar calibrations/ring8 calibrations/grid25

An unfinished calibration is shown as far as it is, and said to be unfinished.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from ganbench.report.calibration_charts import curves_png
from ganbench.report.calibration_page import facts_of, gather, missing_of
from ganbench.report.calibration_tables import Line, Share, shares, short_size, stories, table
from ganbench.results.calibrated import SUMMARY_FILE, Summary, clauses_of, joined, summarise
from ganbench.results.calibration import Calibration
from ganbench.results.sensitivity import Response, responses
from ganbench.results.store import write_bytes, write_json

ROOT = Path(__file__).parent.parent.parent
PAGE, PICTURES = ROOT / "docs" / "calibration.md", ROOT / "docs" / "calibration"
SUMMARY = ROOT / "ganbench" / "results" / SUMMARY_FILE
COVERS = {  # datasets by name that a calibration speaks for, beside those that are equal byte for byte
    "mnist-70k": ["mnist", "mnist5k"],
    "ring8": ["ring8"],
    "grid25": ["grid25"],
}
ABOUT = {"cifar10-jpeg": " (the photos of CIFAR-10, the clean ones too stored as JPEG)"}
RANKING = ("fid", "mixture_kl")  # the metrics that boards are ranked by
ARROWS = {True: " ↑", False: " ↓", None: ""}
HEAD = """\
# Calibration

Do the numbers detect what they claim to? Real samples are turned into fake generators that each have one planted fault
of known size: classes dropped or rare, class balance shifted, training samples copied, samples repeated, labels wrong,
blur, noise, JPEG, stray points. `ganbench calibrate` measures them by every metric, over several sets of samples. It
says from which size on a fault is told from clean samples, which way the number moves, and what it is blind to.

**How to read the tables.** A cell holds the weakest size that is seen, as are all stronger ones. *Seen* means that at
least 80 % of the faulty sets are told from clean ones of the same number of samples, on one side: the value lies
outside the interval that holds 95 % of new clean sets by Student's t (99.9 % where there is one faulty set; the support
of the birthday test by its logarithm; a number that never varies needs p < 0.05 by the order of the sets). So many
cells are not corrected for: of those in which nothing happens, up to two in a thousand are seen. `–`: blind, no size is
seen. `(–)`: some sizes are seen, but not the strongest. `?`: too few sets of a number that never varies. `!`: the
number gets *better* with the fault. `↗` `↘`: it only describes, and goes up or down. `~`: it does not move one way all
along. Empty: not measured, or not computable.

**What it does not say.** A fault that is not seen may still be there: its effect is within the noise of one set at that
n. Sensitivity depends on the data, on the extractor and on n. Boards carry a note from these tables only where the
extractor is the same and the data are the same or a part of the same, and the note names the data.

Made by `python benchmarks/calibration/page.py` from the files of `ganbench calibrate`; that script names the commands.
"""


def section(calibration: Calibration) -> str:
    """All that the page says of one calibration; its pictures are written beside the page."""
    plan, found = calibration.plan, responses(calibration)
    told = stories(calibration, found)
    parts = [f"## {plan.data.name}", "\n".join(f"- **{fact.label}**: {fact.value}" for fact in facts_of(calibration))]
    parts += list(_remarks(calibration))
    parts.append("Planted sizes, the weakest first:\n\n" + planted_sizes(calibration))
    for n in plan.num_samples:
        if lines := table(calibration, found, n):
            parts += [f"### {plan.data.name}: seen from which size on, n = {n:,}", matrix(calibration, lines)]
    labels = {metric.id: metric.label for metric in plan.metrics}
    told_lines = [f"- **{labels[name]}**: {' '.join(sentences)}" for name, sentences in told.items()]
    parts += [f"### {plan.data.name}: what each metric is blind to", "\n".join(told_lines)] if told else []
    if known := shares(calibration):
        parts += [f"### {plan.data.name}: do the 95 % intervals hold what was planted?", coverage(known)]
    parts += list(pictures(calibration, found))
    missing = missing_of(calibration) | plan.left_out
    lacking = "\n".join(f"- **{name}**: {why}" for name, why in sorted(missing.items()))
    return "\n\n".join([*parts, *([f"### {plan.data.name}: not calibrated", lacking] if lacking else [])])


def planted_sizes(calibration: Calibration) -> str:
    """What the cells of the tables can hold: each fault with its sizes and what they count."""
    rows = [
        f"| {fault.title} | {fault.unit} | {', '.join(short_size(fault, size.size) for size in fault.sizes)} |"
        for fault in calibration.plan.faults
    ]
    return "\n".join(["| fault | a size is | planted |", "| --- | --- | --- |", *rows])


def in_short(calibrations: Sequence[Calibration], summaries: Sequence[Summary]) -> str:
    """The ranking metrics of each calibration in a sentence, and whether intervals held."""
    lines: list[str] = []
    for calibration, summary in zip(calibrations, summaries, strict=True):
        labels = {metric.id: metric.label for metric in calibration.plan.metrics}
        lines += [
            f"- {summary.data}, n = {found.num_samples:,}: {labels[found.metric]} {clauses_of(found)}."
            for found in summary.sensitivities
            if found.metric in RANKING
        ]
        known = shares(calibration)
        for metric in dict.fromkeys(share.item.metric for share in known):
            lines.append(interval_line(summary.data, [share for share in known if share.item.metric == metric]))
    told = "Where a size is named, weaker ones that were planted are not seen (the sizes stand above each table)."
    links = " · ".join(f"[{item.data}](#{item.data}){ABOUT.get(item.data, '')}" for item in summaries)
    return "\n".join(["## In short", "", f"Data: {links}. {told}", "", *lines])


def interval_line(data: str, known: Sequence[Share]) -> str:
    """Of one metric: how often its intervals held what was planted, how far its values lie off, how wide they are."""
    lowest = min(known, key=lambda share: share.share)
    farthest = max(known, key=lambda share: abs(share.item.mean_value - share.item.truth))
    widest = max(known, key=lambda share: share.item.mean_width)
    off, wide = farthest.item, widest.item
    least = f", least often {held(lowest.share)} ({where(lowest)})" if lowest.share < 1 else ""
    return (
        f"- {data}, {lowest.item.metric}: the 95 % interval held the planted value in {held(mean_share(known))} of "
        f"{sum(share.item.num_repetitions for share in known):,} repetitions{least}; the mean value lies off "
        f"by at most {off.mean_value - off.truth:+.2g} ({where(farthest)}); "
        f"the mean interval is at most {wide.mean_width:.2g} wide ({where(widest)})."
    )


def held(share: float) -> str:
    """A share in percent, of which 100 is said only where all held."""
    return "100%" if share == 1 else f"{min(share, 0.999):.1%}"


def where(share: Share) -> str:
    """Which planted value it was."""
    return f"{share.words}, n = {share.item.num_samples:,}"


def mean_share(known: Sequence[Share]) -> float:
    """Of all repetitions together."""
    return sum(share.item.num_inside for share in known) / sum(share.item.num_repetitions for share in known)


def matrix(calibration: Calibration, lines: Sequence[Line]) -> str:
    """The table metric × fault."""
    titles = [fault.title for fault in calibration.plan.faults]
    rows = [f"| metric | {' | '.join(titles)} |", "| --- |" + " ---: |" * len(titles)]
    for line in lines:
        cells = " | ".join(cell.text.replace("~", "\\~") for cell in line.cells)
        rows.append(f"| {line.metric.label}{ARROWS[line.metric.higher_is_better]} | {cells} |")
    return "\n".join(rows)


def coverage(known: Sequence[Share]) -> str:
    """How often intervals held what was planted."""
    rows = [
        f"In {mean_share(known):.1%} of all repetitions, and in no row less than "
        f"{min(share.share for share in known):.1%}. In brackets: Wilson's interval of the share.\n",
        "| metric | planted | true value | n | repetitions | interval holds it | mean reported | mean width |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for share in known:
        item, held = share.item, f"{share.share:.1%} ({share.low:.1%} to {share.high:.1%})"
        rows.append(
            f"| {item.metric} | {share.words} | {item.truth:.4g} | {item.num_samples:,} | {item.num_repetitions} "
            f"| {held} | {item.mean_value:.4g} | {item.mean_width:.3g} |"
        )
    return "\n".join(rows)


def pictures(calibration: Calibration, found: Sequence[Response]) -> Iterator[str]:
    """One picture a metric, written to docs/calibration."""
    plan = calibration.plan
    colours = ", ".join(
        f"{colour}: n = {n:,}"
        for n, colour in zip(plan.num_samples, ("blue", "orange", "green", "purple"), strict=False)
    )
    yield f"### {plan.data.name}: curves"
    yield (
        "Means over sets, bars one standard deviation between sets; the shaded bands hold 95 % of clean sets, each in "
        "the colour of its n. Faults are stronger to the right; each chart has a scale of its own. "
        f"{colours[:1].upper()}{colours[1:]}."
    )
    for metric in plan.metrics:
        own = [response for response in found if response.metric == metric.id]
        if own:
            name = f"{plan.data.name}-{metric.id}.png"
            write_bytes(PICTURES / name, curves_png(own, plan))
            picture = f"![{metric.label} over each fault](calibration/{name})"
            yield f"**{metric.label}**{ARROWS[metric.higher_is_better]}\n\n{picture}"


def _remarks(calibration: Calibration) -> Iterator[str]:
    plan = calibration.plan
    yield from plan.notes
    if plan.extractor is not None:
        dear = plan.configuration["dear_up_to"]
        yield f"Metrics that are measured on request only are calibrated up to n = {dear:,}, on the first sets."
    done = {(item.fault, item.size, item.num_samples) for item in calibration.measured}
    for n in plan.num_samples:
        waiting = [fault.noun for fault in plan.faults if (fault.name, fault.sizes[-1].size, n) not in done]
        if len(waiting) == len(plan.faults):
            yield f"**Unfinished**: n = {n:,} is not measured yet."
        elif waiting:
            yield f"**Unfinished** at n = {n:,}: {joined(waiting)}."


def main() -> None:
    """Write the page, its pictures and the summary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    calibrations = [gather(folder) for folder in parser.parse_args().folders]
    names = [calibration.plan.data.name for calibration in calibrations]
    summaries = [
        summarise(calibration, responses(calibration), COVERS.get(name, []))
        for name, calibration in zip(names, calibrations, strict=True)
    ]
    parts = [section(calibration) for calibration in calibrations]
    text = "\n\n".join([HEAD.rstrip(), in_short(calibrations, summaries), *parts])
    write_bytes(PAGE, (text + "\n").encode())
    write_json(SUMMARY, [summary.model_dump(mode="json") for summary in summaries])
    print(f"{PAGE}\n{SUMMARY}")


if __name__ == "__main__":
    main()
