"""Splits a corpus by who is counted, so that nobody is both trained on and judged.

The unit is the patient (else the speaker); a dialogue belongs wholly to its unit. Where speakers recur across
dialogues so that no such split exists, it is refused, and `dialogue` must be asked for by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final, Literal

import numpy as np

from affidavit.corpus import Corpus
from affidavit.errors import PlanError
from affidavit.utterances import Utterance

SplitBy = Literal["unit", "dialogue"]
_LARGEST_SHARE: Final = 1.0
_LONG: Final = 4


def dialogue_of(utterance: Utterance) -> str:
    """Return the dialogue's id; an utterance outside any dialogue is one of its own."""
    return utterance.dialogue_id or f"?utterance {utterance.utterance_id}"


def dialogues(utterances: Sequence[Utterance]) -> dict[str, tuple[Utterance, ...]]:
    """Return the utterances by dialogue, turns in order; dialogues in the order of their first utterance."""
    found: dict[str, list[Utterance]] = {}
    for utterance in utterances:
        found.setdefault(dialogue_of(utterance), []).append(utterance)
    return {name: tuple(sorted(turns, key=_turn)) for name, turns in found.items()}


def grouped(utterances: Sequence[Utterance], *, by: SplitBy = "unit") -> dict[str, tuple[Utterance, ...]]:
    """Return the utterances by unit, or by dialogue; each group's dialogues whole and its turns in order.

    Raises:
        PlanError: `by` is `unit` and two units share a dialogue.
    """
    if by == "dialogue":
        return dialogues(utterances)
    groups: dict[str, list[Utterance]] = {}
    for name, turns in dialogues(utterances).items():
        units = list(dict.fromkeys(turn.unit for turn in turns))
        if len(units) > 1:
            raise PlanError(
                "two units share a dialogue, so no split keeps both units and dialogues apart",
                slug="units-overlap",
                where=f"dialogue {name}",
                found=", ".join(units[:3]),
                allowed="dialogues that belong to one unit (the patient, clinician turns included)",
                remedy="give every turn the patient's unit_id, or split by dialogue (split_by: dialogue) knowingly",
            )
        groups.setdefault(units[0], []).extend(turns)
    return {name: tuple(turns) for name, turns in groups.items()}


def labelled(corpus: Corpus, *, by: SplitBy = "unit") -> dict[str, tuple[Utterance, ...]]:
    """Return the groups with something to learn from: those of which any turn has a label.

    Raises:
        PlanError: a label is outside the label space; two units share a dialogue; nobody has a label.
    """
    strange = sorted({turn.label for turn in corpus.utterances if turn.label is not None} - set(corpus.label_space))
    if strange:
        raise PlanError(
            "the corpus has labels outside its label space",
            slug="row-label",
            where=f"corpus {corpus.name}",
            found=", ".join(strange),
            allowed=", ".join(corpus.label_space),
            remedy="map the labels in the corpus's options",
        )
    groups = grouped(corpus.utterances, by=by)
    found = {name: turns for name, turns in groups.items() if any(turn.label is not None for turn in turns)}
    if not found:
        raise PlanError(
            "nobody in the corpus has a label to learn from",
            slug="plan-impossible",
            where=f"corpus {corpus.name}",
            found=f"{len(groups):,} units without any label",
            allowed="turns with labels, such as " + ", ".join(corpus.label_space),
            remedy="bring a corpus with labels, or name its label column",
        )
    return found


def split(names: Sequence[str], shares: Mapping[str, float], *, seed: int) -> dict[str, tuple[str, ...]]:
    """Deal names to parts at random; what the shares leave goes to `train`, and each part keeps the order given.

    Raises:
        PlanError: the shares leave nothing to train on, or a part would be empty.
    """
    order = np.random.default_rng(seed).permutation(len(names))
    counts = {part: round(share * len(names)) for part, share in shares.items()}
    counts["train"] = len(names) - sum(counts.values())
    if sum(shares.values()) >= _LARGEST_SHARE or min(counts.values()) < 1:
        raise PlanError(
            "the shares leave a part of the split empty",
            slug="plan-impossible",
            found=", ".join(f"{part}: {count} of {len(names)}" for part, count in counts.items()),
            allowed="at least one unit in every part",
            remedy="choose smaller shares, or bring more units",
        )
    dealt, start = {}, 0
    for part, count in counts.items():
        chosen = set(order[start : start + count].tolist())
        dealt[part] = tuple(name for i, name in enumerate(names) if i in chosen)
        start += count
    return dealt


def rows(utterances: Sequence[Utterance], *, max_turns: int) -> list[tuple[Utterance, ...]]:
    """Cut a unit's utterances into rows of whole dialogues, at most `max_turns` a row; a longer one is a row alone.

    A dialogue of more than four times that is cut into consecutive pieces: memory grows with the square of a row.
    """
    cut: list[list[Utterance]] = []
    for dialogue in _pieces(utterances, at_most=_LONG * max_turns):
        if cut and len(cut[-1]) + len(dialogue) <= max_turns:
            cut[-1].extend(dialogue)
        else:
            cut.append(dialogue)
    return [tuple(row) for row in cut]


def _pieces(utterances: Sequence[Utterance], *, at_most: int) -> Iterator[list[Utterance]]:
    for _, turns in groupby(utterances, key=dialogue_of):
        dialogue = list(turns)
        yield from (dialogue[at : at + at_most] for at in range(0, len(dialogue), at_most))


def _turn(utterance: Utterance) -> int:
    return 0 if utterance.turn is None else utterance.turn
