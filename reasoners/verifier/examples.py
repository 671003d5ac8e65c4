"""Sentences with the emotions that they speak of: from a user's table, or from a corpus's reference rationales."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import pyarrow as pa

from affidavit.corpus import Corpus
from affidavit.digests import digest_of, file_digest
from affidavit.errors import ColumnError, PlanError, RowError
from affidavit.schema import UNKNOWN
from affidavit.tables import RawTable, open_table
from affidavit.texts import as_text
from affidavit.utterances import Utterance
from reasoners.verifier.emotions import NEUTRAL, targets_of
from reasoners.verifier.masking import masked, says_something
from reasoners.verifier.sentences import statements

TEXT: Final = ("text", "sentence", "utterance")
EMOTION: Final = ("emotion", "emotions", "label", "labels")
UNIT: Final = ("unit_id", "patient_id", "speaker_id")
_SEVERAL: Final = (";", "|", ",")
_OF_ONE: Final = 0.8
"""A statement belongs to a label under which it stands at least this often, of all the times that it stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One sentence."""

    text: str
    emotions: frozenset[int]
    """Indices of the verifier; one or more."""
    unit: str
    """Whose sentence it is: who is dealt to a fold, and what an interval is over."""
    groups: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentences:
    """What a verifier is trained on, and where it is from."""

    examples: tuple[Example, ...]
    source: str
    """A file's name or a corpus's; never where on this machine."""
    digest: str
    licence: str | None
    """None where nobody named one."""
    has_units: bool = True
    told: tuple[str, ...] = ()
    """What had to be assumed."""


def read_sentences(path: Path, *, by: Sequence[str] = (), licence: str | None = None) -> Sentences:
    """Read a table: a column of sentences, one of emotion words (several parted by `;`, `|` or `,`).

    A column `unit_id`, `patient_id` or `speaker_id` says whose sentence it is; without one each row stands for itself.
    `by` names columns of groups.

    Raises:
        TableError: it does not open. ColumnError: a column is missing.
        RowError: an emotion word is not in the map, or a row has no sentence or no emotion.
    """
    raw = open_table(path)
    text, emotion = _column(raw, TEXT), _column(raw, EMOTION)
    unit = next((name for name in UNIT if name in raw.columns), None)
    for feature in by:
        _column(raw, (feature,))
    columns = _texts(raw, [text, emotion, *by, *([] if unit is None else [unit])])
    words = [_words(cell) for cell in columns[emotion]]
    targets = targets_of(sorted({word for some in words for word in some}), where=raw.name)
    for row, (sentence, some) in enumerate(zip(columns[text], words, strict=True), start=1):
        if not sentence.strip() or not some:
            raise _lacking(raw.name, row)
    units = columns[unit] if unit is not None else [str(row) for row in range(len(words))]
    examples = tuple(
        Example(
            text=columns[text][i],
            emotions=frozenset(targets[word] for word in words[i]),
            unit=units[i] or f"row {i}",
            groups={feature: columns[feature][i] or UNKNOWN for feature in by},
        )
        for i in range(len(words))
    )
    told = () if unit is not None else ("each row counts as a unit: intervals may be too narrow",)
    return Sentences(
        examples=examples,
        source=f"table {path.name}",
        digest=file_digest(path),
        licence=licence,
        has_units=unit is not None,
        told=told,
    )


def rationale_sentences(corpus: Corpus, utterances: Sequence[Utterance], *, by: Sequence[str] = ()) -> Sentences:
    """Return the statements of reference rationales, each with its turn's label.

    A statement that stands under several labels alike ("the voice agrees") tells none of them, and is neutral.

    Raises:
        PlanError: no turn has both a label and a reference rationale. RowError: a label is not in the map.
    """
    some = [turn for turn in utterances if turn.label is not None and turn.rationales]
    if not some:
        raise PlanError(
            "there are no reference rationales to train a verifier on",
            slug="plan-impossible",
            where=f"corpus {corpus.name}",
            found=f"{len(utterances)} utterances, none with both a label and a rationale",
            remedy="train a verifier on a table of sentences (affidavit verifier train), and name its folder",
        )
    targets = targets_of(sorted({str(turn.label) for turn in some}), where=f"corpus {corpus.name}")
    found = [_example(turn, text, targets, by) for turn in some for text in _different(turn)]
    return Sentences(
        examples=tuple(_told_apart(found)),
        source=f"reference rationales of corpus {corpus.name}",
        digest=digest_of([corpus.digest, sorted(turn.utterance_id for turn in some)]),
        licence=corpus.licence,
        told=("each statement of a rationale has its turn's label; one that stands under several labels is neutral",),
    )


def with_masked(examples: Iterable[Example]) -> list[Example]:
    """Return the examples, and each again without emotion words where that leaves something to read."""
    twins = []
    for example in examples:
        hidden = masked(example.text)
        if hidden != example.text and says_something(hidden):
            twins.append(replace(example, text=hidden))
    return [*examples, *twins]


def counted(examples: Sequence[Example]) -> Counter[int]:
    """Return how many sentences speak of each emotion."""
    return Counter(index for example in examples for index in example.emotions)


def _different(turn: Utterance) -> list[str]:
    """Return the statements of a turn's rationales, each once."""
    return list(dict.fromkeys(text for told in turn.rationales.values() for text in statements(told)))


def _example(turn: Utterance, text: str, targets: Mapping[str, int], by: Sequence[str]) -> Example:
    groups = {feature: turn.sensitive.get(feature, UNKNOWN) for feature in by}
    return Example(text=text, emotions=frozenset({targets[str(turn.label)]}), unit=turn.unit, groups=groups)


def _told_apart(examples: Sequence[Example]) -> list[Example]:
    """Give statements that stand under several labels alike to neutral; what names an emotion keeps its own."""
    under: dict[str, Counter[frozenset[int]]] = defaultdict(Counter)
    for example in examples:
        under[_plain(example.text)][example.emotions] += 1
    neutral = frozenset({NEUTRAL})
    return [
        replace(example, emotions=neutral) if _alike(under[_plain(example.text)]) else example for example in examples
    ]


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _alike(labels: Counter[frozenset[int]]) -> bool:
    return len(labels) > 1 and labels.most_common(1)[0][1] < _OF_ONE * labels.total()


def _words(cell: str) -> list[str]:
    for mark in _SEVERAL[1:]:
        cell = cell.replace(mark, _SEVERAL[0])
    return [word.strip() for word in cell.split(_SEVERAL[0]) if word.strip()]


def _column(raw: RawTable, names: Sequence[str]) -> str:
    by_plain = {column.strip().casefold(): column for column in raw.columns}
    for name in names:
        if name.casefold() in by_plain:
            return by_plain[name.casefold()]
    raise ColumnError(
        "the table of sentences lacks a column",
        slug="column-missing",
        where=raw.name,
        found=", ".join(raw.columns),
        allowed=" or ".join(names),
        remedy="name the column so; docs/verifier.md shows such a table",
    )


def _texts(raw: RawTable, names: Sequence[str]) -> dict[str, list[str]]:
    table = pa.Table.from_batches(list(raw.batches(list(dict.fromkeys(names)))))
    texts = {name: as_text(table.column(name).combine_chunks(), name).to_pylist() for name in table.column_names}
    return {name: [cell or "" for cell in cells] for name, cells in texts.items()}


def _lacking(name: str, row: int) -> RowError:
    return RowError(
        "a row has no sentence, or no emotion",
        slug="row-value",
        where=f"{name}, row {row}",
        allowed="a sentence and at least one emotion word; neutral where it speaks of none",
        remedy="fill the cell, or leave the row out",
    )
