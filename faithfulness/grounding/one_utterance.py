"""Every cue of the rationales of one utterance, with where it stands and what the evidence says of it.

For somebody who reads a rationale: the examination asked with the option `utterance` answers for that utterance under
every condition, with this exhibit and no number. Evidence, reading and rules are those of the whole
(`faithfulness.grounding.matching`), one cue at a time. Whether rows of evidence are a list or a record is told from
those of other utterances too, up to `MOST_OTHERS` of them.

Beside rationales, cues that the reasoner itself listed (the side table `cues`) are held against the same evidence:
words against what was said, others by what their quotation states.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from affidavit.case import Case
from affidavit.citations import can_be_read
from affidavit.corpus import Corpus
from affidavit.exhibits import ExhibitTable
from affidavit.predictions import Predictions
from affidavit.records import ExhibitColumn
from affidavit.splits import dialogue_of
from faithfulness.grounding.exhibits import Row, table
from faithfulness.grounding.judged import Judged, told_by
from faithfulness.grounding.matching import Scales, scales_of
from faithfulness.grounding.places import Place, place_of_words, places_of
from faithfulness.grounding.sources import GroundingOptions, Supply, sourced
from faithfulness.grounding.transcripts import Words, said_in, words_of

NAME: Final = "cue-grounding-utterance"
MOST_OTHERS: Final = 2_000
SUPPORTED, UNSUPPORTED, CONTRADICTED, UNKNOWN = "supported", "unsupported", "contradicted", "unknown"
RATIONALE, LISTED = "rationale", "listed cue"
_CONTENT: Final = "content"
_ASPECT_OF: Final = {"video": "face", "audio": "tone", "text": _CONTENT}
_KEY: Final = ("condition", "reasoner", "instruction", "repeat")


def _column(name: str, kind: str, description: str) -> ExhibitColumn:
    return ExhibitColumn(name=name, type=kind, unit=None, description=description)


COLUMNS: Final = (
    _column("run", "text", "the run"),
    _column("condition", "text", "what the reasoner was shown"),
    _column("reasoner", "text", "who judged"),
    _column("instruction", "text", "what was asked"),
    _column("repeat", "integer", "which repetition"),
    _column("source", "text", "where the cue is stated: rationale, or listed cue"),
    _column("number", "integer", "which of the listed cues, from 0; of a rationale empty"),
    _column("aspect", "text", "face, tone, content or scene"),
    _column("cue", "text", "the cue, or the words that are quoted"),
    _column("denied", "integer", "1 where it is said not to have been there"),
    _column("start_char", "integer", "where it stands in the trimmed rationale; empty where it has no place"),
    _column("end_char", "integer", "where it ends"),
    _column("verdict", "text", "supported, unsupported, contradicted or unknown"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stated:
    """A cue that a text states or denies, and what evidence says."""

    aspect: str
    cue: str
    denied: bool
    verdict: str
    places: tuple[Place, ...]


def exhibit_of_one(case: Case, options: GroundingOptions, supply: Supply) -> ExhibitTable:
    """Return every cue of the utterance that the options name, of every run that has it."""
    rows = [row for predictions in case.runs.values() for row in _rows(case, predictions, options, supply)]
    return table(NAME, "Cues of one utterance's rationales", COLUMNS, rows)


def _rows(case: Case, predictions: Predictions, options: GroundingOptions, supply: Supply) -> Iterator[Row]:
    """Yield the cues of each judgement, and of the list beside it."""
    name = options.utterance or ""
    judgements = _judgements(predictions, name)
    listed = _listed(predictions, name)
    texts = _texts(judgements, listed)
    live = case.live.get(predictions.run)
    corpus = None if live is None else _around(live.corpus, name)
    judged = _judged(texts, name, _others(predictions, supply, corpus))
    if not judgements:
        return
    evidence = sourced(judged, supply, corpus, options, case.progress).evidence
    told = told_by(judged.texts, evidence.vocabulary, predictions.labels)
    for judgement in judgements:
        scales = scales_of(evidence, judged, told, judgement["condition"])
        key = {"run": predictions.run, **{part: judgement[part] for part in _KEY}}
        rationale = judgement["rationale"]
        if rationale in texts:
            for stated in _stated(scales, texts.index(rationale)):
                yield from _placed(key, stated)
        own = [cue for cue in listed if cue["condition"] == key["condition"] and _same(cue, key)]
        for number, cue in enumerate(own):
            yield {**_row(key, _of_listed(scales, texts, cue), LISTED, None), "number": number}


def _judged(texts: Sequence[str], name: str, others: Sequence[str]) -> Judged:
    """Return texts as judgements of one utterance, beside others that nobody speaks of."""
    names = tuple(sorted({name, *others}))
    return Judged(
        rows={},
        utterances=names,
        utterance=np.full(len(texts), names.index(name), dtype=np.int64),
        texts=tuple(texts),
        text=np.arange(len(texts), dtype=np.int64),
        n_silent=0,
        n_unreadable=0,
    )


def _judgements(predictions: Predictions, name: str) -> list[dict[str, Any]]:
    """Return condition, reasoner, instruction, repeat and trimmed rationale of every row of an utterance."""
    wanted = ["utterance_id", "condition", "rationale", *(p for p in _KEY[1:] if p in predictions.columns)]
    rows: list[dict[str, Any]] = []
    for batch in predictions.batches(wanted):
        own = pa.Table.from_batches([batch]).filter(pc.equal(batch.column("utterance_id"), name))
        rows += own.to_pylist() if own.num_rows else []
    return [
        {
            "condition": row["condition"],
            "reasoner": row.get("reasoner") or "",
            "instruction": row.get("instruction") or "",
            "repeat": int(row.get("repeat") or 0),
            "rationale": (row["rationale"] or "").strip(),
        }
        for row in rows
    ]


def _listed(predictions: Predictions, name: str) -> list[dict[str, Any]]:
    """Return the cues that the reasoner listed beside its rationales."""
    cues = predictions.side_tables.get("cues")
    if cues is None or not {"utterance_id", "condition", "modality", "quote"} <= set(cues.column_names):
        return []
    rows: list[dict[str, Any]] = cues.filter(pc.equal(cues["utterance_id"], name)).to_pylist()
    return rows


def _same(cue: Mapping[str, Any], key: Mapping[str, Any]) -> bool:
    return bool((cue.get("instruction") or "") == key["instruction"])


def _texts(judgements: Sequence[Mapping[str, Any]], listed: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return rationales that can be read and quotations that are no words, each once."""
    rationales = list(dict.fromkeys(one["rationale"] for one in judgements if one["rationale"]))
    readable = can_be_read(pa.array(rationales, pa.string())).to_pylist() if rationales else []
    quotes = [cue["quote"] for cue in listed if cue["modality"] != "text" and cue["quote"]]
    return list(dict.fromkeys([*(r for r, read in zip(rationales, readable, strict=True) if read), *quotes]))


def _around(corpus: Corpus, name: str) -> Corpus:
    """Return a corpus without who is neither the utterance's speaker nor in its dialogue: what it is held against."""
    own = next((each for each in corpus.utterances if each.utterance_id == name), None)
    if own is None:
        return replace(corpus, utterances=())
    whose, where = own.speaker_id or own.utterance_id, dialogue_of(own)
    near = tuple(
        each
        for each in corpus.utterances
        if (each.speaker_id or each.utterance_id) == whose or dialogue_of(each) == where
    )
    return replace(corpus, utterances=near)


def _others(predictions: Predictions, supply: Supply, corpus: Corpus | None) -> list[str]:
    """Return judged utterances of which there are rows of evidence, as many as are looked at."""
    measured = [] if corpus is None or corpus.measurements is None else corpus.measurements["utterance_id"].to_pylist()
    there = pa.array(sorted({*(row.utterance_id for row in supply.rows), *measured}), pa.string())
    if not len(there):
        return []
    found: dict[str, None] = {}
    for batch in predictions.batches(["utterance_id"]):
        ids = pc.unique(batch.column("utterance_id").cast(pa.string()))
        found |= dict.fromkeys(ids.filter(pc.is_in(ids, value_set=there)).to_pylist())
        if len(found) >= MOST_OTHERS:
            break
    return list(found)[:MOST_OTHERS]


def _stated(scales: Scales, text: int) -> Iterator[_Stated]:
    """Yield what a text states and denies, cues before quotations."""
    told, entries = scales.told, scales.evidence.vocabulary.entries
    whole = scales.judged.texts[text]
    for denied, cues in ((False, told.stated[text]), (True, told.denied[text])):
        for place in np.flatnonzero(cues):
            entry = entries[place]
            yield _Stated(
                aspect=entry.aspect,
                cue=entry.cue,
                denied=denied,
                verdict=_verdict(scales, int(place), denied=denied),
                places=places_of(entry, whole),
            )
    for quote in told.atoms[text].quotes:
        where = place_of_words(quote.words, whole)
        yield _Stated(
            aspect=_CONTENT,
            cue=" ".join(quote.words),
            denied=quote.denied,
            verdict=_of_words(scales, quote.words, denied=quote.denied),
            places=() if where is None else (where,),
        )


def _verdict(scales: Scales, place: int, *, denied: bool) -> str:
    """Return what evidence says of one cue, by the table of `faithfulness.grounding.matching`."""
    evidence, who = scales.evidence, int(scales.judged.utterance[0])
    if evidence.unshown[who, place] or scales.unshown[place]:
        return UNSUPPORTED
    if not evidence.known[who, place]:
        return UNKNOWN
    if bool(evidence.present[who, place]) != denied:
        return SUPPORTED
    return CONTRADICTED if denied or evidence.contradicted[who, place] else UNSUPPORTED


def _of_words(scales: Scales, words: Words, *, denied: bool) -> str:
    """Return what is known of a quotation."""
    if not scales.words_shown:
        return UNSUPPORTED
    said = scales.evidence.said.get(int(scales.judged.utterance[0]))
    if said is None:
        return UNKNOWN
    there = any(said_in(words, turn) for turn in said)
    if there != denied:
        return SUPPORTED
    return CONTRADICTED if denied else UNSUPPORTED


def _of_listed(scales: Scales, texts: Sequence[str], cue: Mapping[str, Any]) -> _Stated:
    """Return a listed cue with the worst verdict of all that its quotation states; unknown where it states nothing."""
    quote, modality = cue["quote"] or "", cue["modality"]
    if modality == "text":
        verdict = _of_words(scales, words_of(quote), denied=False) if words_of(quote) else UNKNOWN
    else:
        found = {each.verdict for each in _stated(scales, texts.index(quote))} if quote in texts else set()
        verdict = next((one for one in (CONTRADICTED, UNSUPPORTED, SUPPORTED) if one in found), UNKNOWN)
    return _Stated(aspect=_ASPECT_OF.get(modality, modality), cue=quote, denied=False, verdict=verdict, places=())


def _placed(key: Mapping[str, Any], stated: _Stated) -> Iterator[Row]:
    """Yield a row for each place of a cue; one without a place where it has none."""
    for place in stated.places or (None,):
        yield _row(key, stated, RATIONALE, place)


def _row(key: Mapping[str, Any], stated: _Stated, source: str, place: Place | None) -> Row:
    return {
        **key,
        "source": source,
        "number": None,
        "aspect": stated.aspect,
        "cue": stated.cue,
        "denied": int(stated.denied),
        "start_char": None if place is None else place[0],
        "end_char": None if place is None else place[1],
        "verdict": stated.verdict,
    }
