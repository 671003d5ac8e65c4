"""Was a modality that its speaker opted out of shown to the model, cited, quoted, or kept?

`consent_violation_rate` is the share of the judgements bound by somebody's opting out that violate it: the condition
shows the modality, the rationale rests something on it, or a cue quotes it. `consent_unknown_rate` is the share of
judgements that were shown something about which nobody was asked: not asked is not agreed, and no violation either.

Every judgement is looked at, so these are counts and no samples: the interval is the value itself. What becomes of the
rows is all that a table tells: a context turn that was shown beside another one, and what happens within the model, are
not seen, and the word lists that find citations are a floor.

Source.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from affidavit.admission import declined_modalities, kept_media
from affidavit.case import Case
from affidavit.claims import Place, exactly, place_finding, places_under
from affidavit.conditions import MODALITIES
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.exhibits import Cell, ExhibitTable
from affidavit.options import read_options
from affidavit.plan import Task
from affidavit.records import Estimate, ExhibitColumn, Record, Refusal
from affidavit.tally import GroupedSums
from affidavit.utterances import Utterance
from privacy.consent.counting import LETTERS, N_MAIN, WAYS, Held, answers_of, held_against
from privacy.consent.kept_tables import kept_judgements

NAME: Final = "consent"
VERSION: Final = "1"
VIOLATION: Final = "consent_violation_rate"
UNKNOWN: Final = "consent_unknown_rate"
SOURCE: Final = "a count against the record of consent of the corpus; a definition"
CENSUS: Final = "every judgement counted"
NOBODY: Final = "undefined: no judgement here can be held against anybody's opting out"
NOTHING_TOLD: Final = "undefined: no condition says what was shown"
FLOOR: Final = "citations are found by word lists: a floor, no proof"
_WORDS: Final = {
    "shown": "judgements whose condition shows it",
    "cited": "judgements whose rationale rests something on it",
    "quoted": "judgements with a cue that quotes it",
    "in the corpus": "utterances whose words or media of it are still in the corpus",
    "judged before": "judgements in the cache whose condition shows it; empty its folder `predictions`",
    "kept": "links and copies of it in the cache of media, of files that are only of who opted out",
}
COLUMNS: Final = (
    ExhibitColumn(name="run", type="text", description="the run"),
    ExhibitColumn(name="modality", type="text", description="the modality"),
    ExhibitColumn(name="where", type="text", description="; ".join(f"{name}: {said}" for name, said in _WORDS.items())),
    ExhibitColumn(name="found", type="integer", description="how many there are"),
    ExhibitColumn(name="of", type="integer", description="of how many judgements or utterances of who opted out"),
)


class ConsentOptions(Record):
    """This examination has no options: consent is the corpus's, and every judgement is looked at."""


def refuses(case: Case) -> Refusal | None:
    """Refuse a corpus that says nothing of consent."""
    read_options(ConsentOptions, case.options, of=f"examination {NAME}")
    (run,) = case.runs
    if any(turn.consent for turn in case.live[run].corpus.utterances):
        return None
    return Refusal(
        examination=NAME,
        because="the corpus does not say who agreed to what",
        remedy="ask the supplier which of words, voice and face each speaker agreed to: columns consent_text, "
        "consent_audio and consent_video of the manifest",
    )


def examine(case: Case) -> Testimony:
    """Hold every judgement of every run against consent."""
    claims: list[Claim] = []
    rows: list[dict[str, Cell]] = []
    for done, (run, predictions) in enumerate(case.runs.items(), start=1):
        held = held_against(predictions, case.by, answers_of(case.live[run].corpus))
        claims += _claims(case, run, held)
        rows += [*_judgement_rows(run, held), *_media_rows(case, run)]
        case.progress("holding judgements against consent", done, len(case.runs))
    exhibit = ExhibitTable(
        id="consent-by-modality",
        title="Where modalities turn up that their speakers opted out of",
        columns=COLUMNS,
        values={column.name: [row[column.name] for row in rows] for column in COLUMNS},
    )
    return Testimony(claims=tuple(claims), exhibits=(exhibit,))


def _claims(case: Case, run: str, held: Held) -> list[Claim]:
    """Return violations in every group, and what nobody was asked about for everybody."""
    predictions = case.runs[run]
    said = _caveats(held, predictions.conditions)
    found: list[Claim] = []
    for place in places_under(case, run, held.tally.condition, examination=NAME, method_version=VERSION):
        grouped = held.tally.by(place.family)
        for group in range(len(grouped.groups)):
            estimate = _counted(grouped, group, 1, 0, level=place.level, has_units=place.has_units)
            found.append(_claim(place, VIOLATION, grouped.groups[group], estimate, (*said, FLOOR)))
        if not place.family:
            estimate = _counted(grouped, 0, 3, 2, level=place.level, has_units=place.has_units)
            found.append(_claim(place, UNKNOWN, {}, estimate, said))
    return found


def _counted(grouped: GroupedSums, group: int, above: int, below: int, *, level: float, has_units: bool) -> Estimate:
    """Return the share of two sums in one group: a count of all there are, so its interval is its value."""
    member = grouped.group == group
    copies = grouped.copies[member]
    totals = copies @ grouped.sums[member]
    n, units = round(float(totals[below])), int(copies[grouped.sums[member][:, below] > 0].sum())
    why = None if n else (NOBODY if below == 0 else NOTHING_TOLD)
    value = float(totals[above]) / n if n else None
    return Estimate(
        value=value,
        interval=None if value is None else exactly(value, method=CENSUS)(level),
        why_no_interval=why,
        n=n,
        n_clusters=units if has_units else None,
    )


def _claim(place: Place, metric: str, groups: Mapping[str, str], estimate: Estimate, caveats: tuple[str, ...]) -> Claim:
    finding = place_finding(place, metric, estimate, groups=groups, higher_is_better=False, source=SOURCE)
    finding = finding.model_copy(update={"caveats": caveats, "exhibits": ("consent-by-modality",)})
    exact = None if estimate.value is None else exactly(estimate.value, method=CENSUS)
    return Claim(finding=finding, interval_at=exact)


def _caveats(held: Held, conditions: Sequence[str]) -> tuple[str, ...]:
    """Return what could not be looked at, counted."""
    counts = {
        "judgements are of utterances that the corpus does not know": held.strangers,
        "judgements do not say what was shown, and are not counted": held.untold,
        "judgements have a rationale that the word lists cannot read, and are not counted": held.unread,
    }
    over = f"over all conditions of the run: {', '.join(conditions)}"
    return (over, *(f"{count:,} {what}" for what, count in counts.items() if count))


def _judgement_rows(run: str, held: Held) -> list[dict[str, Cell]]:
    grouped = held.tally.by(())
    totals = np.rint(grouped.copies @ grouped.sums).astype(int).tolist()
    n = len(LETTERS)
    return [
        _row(run, name, way, totals[N_MAIN + n * (1 + w) + k], totals[N_MAIN + k])
        for k, name in enumerate(MODALITIES.values())
        for w, way in enumerate(WAYS)
    ]


def _media_rows(case: Case, run: str) -> list[dict[str, Cell]]:
    """Return what is left of a modality in the corpus and in the cache of media."""
    utterances = case.live[run].corpus.utterances
    kept, judged = kept_media(utterances), kept_judgements(case.live[run].corpus)
    rows: list[dict[str, Cell]] = []
    for name in MODALITIES.values():
        bound = [turn for turn in utterances if name in declined_modalities(turn)]
        rows.append(_row(run, name, "in the corpus", sum(_held(turn, name) for turn in bound), len(bound)))
        rows.append(_row(run, name, "judged before", judged[name], len(bound)))
        if name in kept:
            rows.append(_row(run, name, "kept", len(kept[name]), len(bound)))
    return rows


def _held(utterance: Utterance, modality: str) -> bool:
    """Say whether an utterance still has its words, or a handle on its sound or pictures."""
    held = getattr(utterance, modality)
    return bool(held.strip()) if isinstance(held, str) else held is not None


def _row(run: str, modality: str, where: str, found: int, of: int) -> dict[str, Cell]:
    return {"run": run, "modality": modality, "where": where, "found": found, "of": of}


EXAMINATION = FunctionExamination(
    name=NAME,
    title="Consent by modality",
    method_version=VERSION,
    access=("table", "corpus"),
    metrics=frozenset({VIOLATION, UNKNOWN}),
    tasks=frozenset(Task),
    function=examine,
    refusal=refuses,
)
