"""What a corpus knows of the words of its utterances: what was said, and what was said and felt in the turns before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence, Set

from affidavit.corpus import Corpus
from affidavit.utterances import Utterance
from faithfulness.grounding.evidence import Spoken
from faithfulness.grounding.history_words import LABELS_OF, earlier


def spoken_in(corpus: Corpus) -> Spoken:
    """Return the words of a corpus.

    A turn's past is that of its own dialogue. An utterance of no dialogue has a past that nobody knows; the first turn
    of a dialogue has none, and a claim of one is a claim of what was never shown.
    """
    dialogues: dict[str, list[Utterance]] = defaultdict(list)
    said: dict[str, tuple[str, ...]] = {}
    felt: dict[str, frozenset[str]] = {}
    for utterance in corpus.utterances:
        if utterance.dialogue_id is not None and utterance.turn is not None:
            dialogues[utterance.dialogue_id].append(utterance)
        elif utterance.text:
            said[utterance.utterance_id] = (utterance.text,)
    incomplete: set[str] = set()
    labelled = {utterance.speaker_id for utterance in corpus.utterances if utterance.label is not None}
    for turns in dialogues.values():
        ordered = sorted(turns, key=lambda turn: turn.turn or 0)
        for i, turn in enumerate(ordered):
            texts = tuple(each.text for each in (turn, *ordered[:i]) if each.text)
            if texts:
                said[turn.utterance_id] = texts
            past = _felt(ordered[:i])
            if past is not None:
                felt[turn.utterance_id] = past
            if any(_is_unknown(each, labelled) for each in ordered[:i]):
                incomplete.add(turn.utterance_id)
    return Spoken(said=said, felt_before=felt, felt_incomplete=frozenset(incomplete))


def _is_unknown(turn: Utterance, labelled: Set[str | None]) -> bool:
    """Say whether nobody knows what was felt in a turn, of a speaker whose feelings are labelled at all."""
    if turn.label is None:
        return turn.speaker_id in labelled
    return turn.label.casefold() not in LABELS_OF


def _felt(turns: Sequence[Utterance]) -> frozenset[str] | None:
    """Return cues of what was felt; empty where nobody was shown, None where the labels are not known."""
    if not turns:
        return frozenset()
    labels = {LABELS_OF.get(turn.label.casefold()) for turn in turns if turn.label is not None}
    known = frozenset(earlier(label) for label in labels if label is not None)
    return known or None
