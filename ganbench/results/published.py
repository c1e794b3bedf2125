"""What the source of a benchmark printed, in its words, beside the numbers of a run. It ranks nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ganbench.protocols import PROTOCOLS
from ganbench.results.printed import Claim, parse_claim, verdict_on_printed
from ganbench.results.schema import Board, BoardRow, Run, Score
from ganbench.results.store import RunResults

CURVES = {"loss_d": "D's loss", "loss_g": "G's loss", "d_recall": "D's recall on fakes"}


def published_words(board: Board, row: BoardRow) -> tuple[str, ...]:
    """`IS 4.14 ± 0.20`, one for each thing that was printed of this model; the ranking metric's first."""
    places = {metric: place for place, metric in enumerate(board.columns)}
    order = sorted(row.published, key=lambda key: places.get(key, len(places)))
    titles = {metric: _title(score) for other in board.rows for metric, score in other.scores.items()}
    return tuple(_words(key, row.published[key], titles) for key in order)


def published_notes(results: RunResults, rows: Sequence[BoardRow], samples: int | None) -> list[str]:
    """Whose experiment a run repeats, and what stands between its numbers and the published ones.

    Only what the run itself tells: other data than the benchmark's, an extractor of another scale, settings in which
    its protocol was not kept to, and the counts that scores depend on. `samples`: of each model.
    """
    source = results.run.configuration["benchmark"].get("source")
    printed = {key for row in rows for key in row.published}
    if not source and not printed:
        return []
    notes = []
    if source:
        differs = str(source.get("differs", "")).rstrip(".")
        notes.append(f"This benchmark repeats {source['title']}{'; ' if differs else ''}{differs}.")
    if printed:
        reasons = [*_other_data(results.run), *_other_scale(results.run, rows, printed), *_deviations(results)]
        verdict = f"Not comparable with the numbers here: {'; '.join(reasons)}." if reasons else ""
        parts = ("“Published” is what the source printed; it takes no part in the ranking.", verdict)
        notes.append(" ".join(part for part in (*parts, _settings(results.run, samples)) if part))
    return notes + _printed_verdicts(rows)


def _printed_verdicts(rows: Sequence[BoardRow]) -> list[str]:
    """For each thing that was printed with a spread of two models or more: whether they differ by more than that."""
    claims: dict[str, dict[str, Claim]] = {}
    for row in rows:
        for key, words in row.published.items():
            if claim := parse_claim(words):
                claims.setdefault(key, {})[row.title] = claim
    titles = {metric: _title(score) for row in rows for metric, score in row.scores.items()}
    return [verdict_on_printed(_name(key, titles), found) for key, found in claims.items() if len(found) > 1]


def own_extractor(protocol: str) -> str:
    """The extractor that the protocol of this name fixes; empty where it takes any, or is not known here."""
    known = PROTOCOLS.get(protocol)
    return known.extractor if known is not None and known.extractor != "auto" else ""


def _title(score: Score) -> str:
    return score.label if score.extractor is None else score.label.removesuffix(f" · {score.extractor.name}")


def _words(key: str, words: str, titles: Mapping[str, str]) -> str:
    """The name of what was printed, then the words; a colon between them unless a number follows."""
    name = _name(key, titles)
    return f"{name} {words}" if words[:1].isdigit() else f"{name}: {words}"


def _name(key: str, titles: Mapping[str, str]) -> str:
    if name := titles.get(key) or CURVES.get(key):
        return name
    return key.upper() if len(key) <= 3 else key.replace("_", " ").capitalize()


def _other_data(run: Run) -> Iterable[str]:
    """A run on other data than its benchmark's has been given a title that names them."""
    data, found, _ = run.title.partition(f", with the settings of {run.benchmark}")
    if found:
        yield f"the data are {data}, not those of {run.benchmark}"


def _other_scale(run: Run, rows: Sequence[BoardRow], printed: Iterable[str]) -> Iterable[str]:
    """By extractor, the printed metrics whose numbers here come from another than the canonical one."""
    found: dict[str, dict[str, None]] = {}
    for key in sorted(printed):
        for row in rows:
            score = row.scores.get(key)
            if score is not None and score.extractor is not None and not score.canonical:
                found.setdefault(score.extractor.name, {})[_title(score)] = None
    for extractor, titles in found.items():
        if extractor != own_extractor(run.protocol):
            yield f"{' and '.join(titles)} by {extractor} {'is' if len(titles) == 1 else 'are'} on another scale"


def _deviations(results: RunResults) -> Iterable[str]:
    """Settings in which the protocol was not kept to, as metrics.json tells them."""
    told: dict[str, None] = {}
    for item in results.trials:
        found = item.metrics.provenance.get("protocol_deviations") if item.metrics else None
        told |= dict.fromkeys(str(words).rstrip(".") for words in found or ())
    return told


def _settings(run: Run, samples: int | None) -> str:
    """`Here: 4,000 training images, 1,000 samples a model.` Runs of older versions know the upper bound only."""
    limit, number = run.configuration["benchmark"].get("data", {}).get("num_train"), run.environment.get("num_train")
    training = f"training {run.things}"
    parts = [f"{number:,} {training}"] if number else [f"at most {limit:,} {training}"] if limit else []
    parts += [f"{samples:,} samples a model"] if samples else []
    return f"Here: {', '.join(parts)}." if parts else ""
