"""The states of each modality inside a live reasoner, and what it took in, as vectors.

A state is what the reasoner's encoder of a modality makes of one turn. Beside it stands the raw input: the words of the
transcript, and of sound and pictures the mean and the spread over time of what the encoder was given.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from affidavit.attributable import Attributable, attributable_of
from affidavit.errors import InputError, PlanError
from affidavit.live import Live
from affidavit.protocols import Progress
from affidavit.splits import dialogues
from affidavit.utterances import Utterance
from privacy.attacks.measuring import measure_at_once
from privacy.probes.roster import Roster
from privacy.probes.sources import Lost, Source
from privacy.probes.texts import text_vectors

FloatArray = NDArray[np.float64]
NOT_THERE: Final = "they are not in its corpus"
MOST_VALUES: Final = 4096
"""Of one vector; more are pooled over their first axis, or cut into as many means."""


def text_source(live: Live, roster: Roster, *, components: int) -> tuple[Source, ...]:
    """Return the transcripts as the raw input of words; none where the corpus has none."""
    told = {turn.utterance_id: (turn.text or "").strip() for turn in live.corpus.utterances}
    place = np.flatnonzero([bool(told.get(name)) for name in roster.utterance_ids])
    if not len(place):
        return ()
    vectors = text_vectors([told[roster.utterance_ids[i]] for i in place], components=components)
    return (Source(name="raw_text", place=place, vectors=vectors, scaled=True),) if vectors.shape[1] else ()


def state_sources(
    live: Live, roster: Roster, condition: str, *, run: str, progress: Progress
) -> tuple[Source | Lost, ...]:
    """Return the state of each modality, and the raw input of voice and face; or why no turn could be opened.

    Raises:
        RegistryError: a reasoner that offers gradients hands over no turns.
    """
    reasoner = attributable_of(live, run=run)
    rows = {turn.utterance_id: row for row in dialogues(live.corpus.utterances).values() for turn in row}
    wanted = (turn for name in roster.utterance_ids if name in rows for turn in rows[name])
    measure_at_once(reasoner, wanted, progress=progress)
    found: dict[str, dict[int, FloatArray]] = {}
    failed: Counter[str] = Counter()
    for i, name in enumerate(roster.utterance_ids):
        try:
            states = _states(reasoner, rows[name], name, condition) if name in rows else {}
        except (InputError, PlanError) as error:
            failed[error.what] += 1
            continue
        for source, vector in states.items():
            found.setdefault(source, {})[i] = vector
        progress("reading states", i + 1, len(roster))
    said = tuple(f"{count:,} utterances could not be opened: {what}" for what, count in sorted(failed.items()))
    if not found:
        return (_none_opened(said, len(roster)),)
    return tuple(_source(name, vectors, said, n=len(roster)) for name, vectors in sorted(found.items()))


def _none_opened(said: tuple[str, ...], n: int) -> Lost:
    why = "; ".join(said) or NOT_THERE
    return Lost(
        because=f"from inner states: the live reasoner opened none of {n:,} utterances ({why})",
        remedy="bring the corpus that the table was judged on, or leave states out (option states: false)",
    )


def _states(reasoner: Attributable, row: Sequence[Utterance], name: str, condition: str) -> Mapping[str, FloatArray]:
    """Return the vectors of one turn, by source."""
    import torch

    turn = reasoner.attributable(row, utterance_id=name, condition=condition, rationale="")
    inputs: dict[str, dict[str, Any]] = {}
    for feature in turn.features:
        inputs.setdefault(feature.modality, {})[feature.name] = feature.values
    told: dict[str, FloatArray] = {}
    with torch.no_grad():
        for modality, values in inputs.items():
            told[modality] = _numbers(turn.encoded(modality, values))
            if modality != "text":
                told[f"raw_{modality}"] = np.concatenate([pooled(_numbers(value)) for value in values.values()])
    return told


def _numbers(tensor: Any) -> FloatArray:  # noqa: ANN401 - a tensor of one row
    return np.asarray(tensor[0].detach().float().cpu().numpy(), dtype=np.float64)


def pooled(values: FloatArray) -> FloatArray:
    """Return values `[T, ...]` as one vector whose length does not depend on T: mean and spread over time.

    A vector stays as it is.

    >>> pooled(np.array([[1.0, 2.0], [3.0, 2.0]])).tolist()
    [2.0, 2.0, 1.0, 0.0]
    """
    if values.ndim < 2:
        return values
    over_time = values.reshape(len(values), -1)
    vector = np.concatenate([over_time.mean(axis=0), over_time.std(axis=0)])
    if len(vector) <= MOST_VALUES:
        return vector
    return np.array([part.mean() for part in np.array_split(vector, MOST_VALUES)])


def _source(name: str, vectors: Mapping[int, FloatArray], said: tuple[str, ...], *, n: int) -> Source:
    """Lay the vectors of turns under each other; where their lengths differ, by mean, spread, least and greatest."""
    place = np.array(sorted(vectors))
    told = [vectors[i].ravel() for i in place]
    if len({len(vector) for vector in told}) > 1:
        told = [np.array([part.mean(), part.std(), part.min(), part.max()]) for part in told]
        said = (*said, "of unlike lengths: only mean, spread, least and greatest are looked at")
    if len(place) < n:
        said = (*said, f"{n - len(place):,} of {n:,} utterances have none of it")
    return Source(name=name, place=place, vectors=np.stack(told), caveats=said)
