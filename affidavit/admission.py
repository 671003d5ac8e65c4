"""Who and what of a corpus may be used: nobody who withdrew, and no modality that was opted out of.

Every corpus of a plan is admitted before anybody sees it, so no reasoner, trainer or examination has to ask for itself
(tables: `affidavit.admitted_rows`). A modality without consent loses its words or media, the cues that quote it, also
those of other turns of the dialogue, and what was measured of it; that it was declined stays known
(`Utterance.consent`). With it go reference rationales that rest on it, that cannot be read, or that may quote words:
those of the turn where its words were declined, and those of a turn that lost a cue. What earlier runs kept of it among
the media handed to functions (`affidavit.media.single_streams`) or wrote out of a data set goes too, also of who
withdrew, unless the file is also somebody's who agreed.

A dialogue is its unit's: where a patient withdraws, the clinician's turns that carry the patient's `unit_id` go too;
turns that do not say whose dialogue it is stay, without the cues that quote who withdrew. Judgements that came with the
corpus go with their utterance. A name on the list is taken out as unit and as speaker, of every corpus: the same name
elsewhere may be somebody else, and goes as well.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import pyarrow as pa

from affidavit.cache import cache_folder
from affidavit.citations import can_be_read, evidence_citations
from affidavit.conditions import MODALITIES
from affidavit.corpus import Corpus
from affidavit.media.single_streams import kept_of
from affidavit.utterances import Cue, MediaSpan, Utterance
from affidavit.withdrawals import LEFT_OUT, Withdrawals, nobody_left, withdrawals

WITHHELD: Final = "a modality that its speaker opted out of is left out"
_PLAYED: Final = ("audio", "video")
_ASPECTS: Final = {"face": "video", "scene": "video", "tone": "audio", "content": "text"}


def admitted(corpus: Corpus, listed: Withdrawals | None = None) -> Corpus:
    """Return a corpus without who withdrew (`listed`; the list of whoever runs this where None) and what was declined.

    One in which there is nothing to take out comes back as it is.

    Raises:
        TableError: the list cannot be used, or everybody withdrew.
    """
    gone = _gone(corpus.utterances, withdrawals() if listed is None else listed)
    stay = [utterance for utterance in corpus.utterances if not gone & _people(utterance)]
    if not stay and corpus.utterances:
        raise nobody_left(f"corpus {corpus.name}")
    left = [utterance for utterance in corpus.utterances if gone & _people(utterance)]
    barred = _barred(left, stay)
    kept = tuple(consented(utterance, barred) for utterance in stay)
    measurements = _measured(corpus.measurements, left, stay)
    withheld = any(one is not other for one, other in zip(kept, stay, strict=True))
    withheld = withheld or _fewer(measurements, _measured(corpus.measurements, left, ()))
    if not gone and not withheld:
        return corpus
    forget_media(stay, left)
    told = (*([LEFT_OUT] if gone else []), *([WITHHELD] if withheld else []))
    return replace(
        corpus,
        utterances=kept,
        recorded=_recorded(corpus.recorded, left),
        measurements=measurements,
        assumptions=tuple(dict.fromkeys((*corpus.assumptions, *told))),
    )


def somebody_withdrew(corpus: Corpus) -> bool:
    """Say whether somebody of a corpus that was admitted before has withdrawn since.

    Raises:
        TableError: the list cannot be used.
    """
    return bool(_gone(corpus.utterances, withdrawals()))


def consented(utterance: Utterance, barred: Mapping[str, Collection[str]] | None = None) -> Utterance:
    """Return an utterance without the modalities that its speaker opted out of; itself where there is nothing to take.

    `barred` says by utterance id which modalities of other turns may not be quoted. Nobody was asked about what
    `consent` does not name; that stays, and stays unknown.
    """
    declined = declined_modalities(utterance)
    cues = tuple(cue for cue in utterance.cues if not _bars(cue, declined, barred or {}))
    rationales = {} if len(cues) < len(utterance.cues) else _unsaid(utterance.rationales, declined)
    there = {name for name in MODALITIES.values() if getattr(utterance, name) is not None}
    if not declined & there and len(cues) == len(utterance.cues) and len(rationales) == len(utterance.rationales):
        return utterance
    return replace(
        utterance,
        text=None if "text" in declined else utterance.text,
        audio=None if "audio" in declined else utterance.audio,
        video=None if "video" in declined else utterance.video,
        cues=cues,
        rationales=rationales,
    )


def declined_modalities(utterance: Utterance) -> frozenset[str]:
    """Return the modalities (`text`, `audio`, `video`) that a speaker opted out of."""
    return frozenset(name for name, agreed in utterance.consent.items() if agreed is False)


def kept_media(utterances: Iterable[Utterance], left: Sequence[Utterance] = ()) -> dict[str, set[Path]]:
    """Return by modality what is kept in the cache of files that are only of who opted out, or who is gone (`left`).

    That is links and copies among the media handed to functions, and files that were written out of a data set.
    """
    turns = list(utterances)
    agreed = {name: _files((one for one in turns if name not in declined_modalities(one)), name) for name in _PLAYED}
    anybodys = {path for files in agreed.values() for path in files}
    handed_to, written = (cache_folder(part) for part in ("single-streams", "media"))
    found: dict[str, set[Path]] = {name: set() for name in _PLAYED}
    for name, places in found.items():
        declined = _files((one for one in turns if name in declined_modalities(one)), name) | _files(left, name)
        if handed_to is not None and handed_to.is_dir():
            places |= {at for path in declined - agreed[name] for at in kept_of(path, kind=name, folder=handed_to)}
        if written is not None:
            there = {path for path in declined - anybodys if path.is_relative_to(written.absolute())}
            places |= {path for path in there if path.is_file()}
    return found


def forget_media(utterances: Iterable[Utterance], left: Sequence[Utterance] = ()) -> None:
    """Remove what `kept_media` finds; what is still needed is made again."""
    for places in kept_media(utterances, left).values():
        for place in places:
            place.unlink(missing_ok=True)


def _files(utterances: Iterable[Utterance], modality: str) -> set[Path]:
    spans = [getattr(turn, modality) for turn in utterances]
    return {span.path.absolute() for span in spans if isinstance(span, MediaSpan)}


def _gone(utterances: Sequence[Utterance], listed: Withdrawals) -> frozenset[str]:
    return listed.among({name for utterance in utterances for name in _people(utterance)}) if listed else frozenset()


def _people(utterance: Utterance) -> frozenset[str]:
    return frozenset({utterance.unit, utterance.speaker_id or utterance.unit})


def _barred(left: Sequence[Utterance], stay: Sequence[Utterance]) -> Mapping[str, Collection[str]]:
    """Return by utterance id which modalities may be quoted nowhere."""
    declined = {turn.utterance_id: declined_modalities(turn) for turn in stay}
    return {name: said for name, said in declined.items() if said} | {
        turn.utterance_id: frozenset(MODALITIES.values()) for turn in left
    }


def _bars(cue: Cue, declined: Collection[str], barred: Mapping[str, Collection[str]]) -> bool:
    """Say whether a cue quotes what may not be quoted: of its own turn, or of the one in which it stands."""
    return cue.modality in (declined if cue.utterance_id is None else barred.get(cue.utterance_id, ()))


def _unsaid(rationales: Mapping[str, str], declined: Collection[str]) -> Mapping[str, str]:
    """Return the reference rationales that rest on nothing that was declined."""
    if not declined or not rationales:
        return rationales
    if "text" in declined:
        return {}
    texts = pa.array(list(rationales.values()), pa.string())
    cited = evidence_citations(texts)
    resting = [cited[letter].to_pylist() for letter, name in MODALITIES.items() if name in declined]
    bad = [not read or any(rests) for read, *rests in zip(can_be_read(texts).to_pylist(), *resting, strict=True)]
    return {name: said for (name, said), goes in zip(rationales.items(), bad, strict=True) if not goes}


def _recorded(table: pa.Table | None, left: Sequence[Utterance]) -> pa.Table | None:
    """Return the judgements that came with a corpus, without those of utterances that are gone."""
    if table is None or not left or "utterance_id" not in table.column_names:
        return table
    gone = {turn.utterance_id for turn in left}
    return table.filter(pa.array([name not in gone for name in table["utterance_id"].to_pylist()], pa.bool_()))


def _measured(table: pa.Table | None, left: Sequence[Utterance], stay: Sequence[Utterance]) -> pa.Table | None:
    """Return the measurements without those of utterances that are gone, and of what was declined."""
    if table is None:
        return None
    gone = {turn.utterance_id for turn in left}
    declined = {turn.utterance_id: declined_modalities(turn) for turn in stay}
    rows = zip(table["utterance_id"].to_pylist(), table["aspect"].to_pylist(), strict=True)
    stays = [name not in gone and _ASPECTS.get(aspect) not in declined.get(name, ()) for name, aspect in rows]
    return table.filter(pa.array(stays, pa.bool_()))


def _fewer(one: pa.Table | None, other: pa.Table | None) -> bool:
    return one is not None and other is not None and bool(one.num_rows < other.num_rows)
