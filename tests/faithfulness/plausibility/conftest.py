"""A small marked corpus, judgements of it, and a live reasoner whose score is a sum over words."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from affidavit.attributable import Features
from affidavit.attributions import JudgementKey, Span
from affidavit.case import Case, EvidenceBook
from affidavit.corpus import Corpus
from affidavit.judgements import Judged, cue_table, judgement_table
from affidavit.live import Live
from affidavit.predictions import Reading, predictions_from
from affidavit.tables import from_arrow
from affidavit.testing.tables import FAST
from affidavit.utterances import Cue, Judgement, Utterance
from faithfulness.plausibility.passages import words_of

if TYPE_CHECKING:
    import torch

BY = ("accent", "age")
WORDS = ("the", "bus", "came", "late", "and", "we", "sat", "there", "with", "tea", "for", "an", "hour", "or", "two")
FELT = {"joy": "passed", "anger": "stole", "sadness": "died"}
KINDS = 512


def corpus(n_dialogues: int = 36, *, seed: int = 0) -> Corpus:
    """Return dialogues of four turns; three have a marked word of their own, the last one a marked word before it."""
    rng = np.random.default_rng(seed)
    utterances: list[Utterance] = []
    for d in range(n_dialogues):
        label = list(FELT)[d % 3]
        for turn in range(4):
            words = rng.choice(WORDS, size=rng.integers(6, 12)).tolist()
            words.insert(int(rng.integers(1, 6)), FELT[label])
            before = utterances[-1].utterance_id if turn == 3 else None
            utterances.append(
                Utterance(
                    utterance_id=f"d{d}-{turn}",
                    speaker_id=f"s{d}",
                    dialogue_id=f"d{d}",
                    turn=turn,
                    text=" ".join(words).capitalize() + " . So it was .",
                    label=label,
                    sensitive={"accent": ("Irish", "Scottish", "Welsh")[d % 3], "age": ("18-39", "40+")[d // 3 % 2]},
                    cues=(Cue(modality="text", quote=FELT[label], utterance_id=before),),
                )
            )
    return Corpus(
        name="small", utterances=tuple(utterances), digest="sha256:0", licence="none", label_space=tuple(FELT)
    )


def quoting(utterance: Utterance) -> str:
    """Return a rationale that quotes the marked word."""
    return f'The words say "{FELT[str(utterance.label)]}".'


def case(
    marked: Corpus,
    say: Callable[[Utterance], str | None] = quoting,
    *,
    conditions: Sequence[str] = ("T",),
    cues: Callable[[Utterance], tuple[Cue, ...]] = lambda utterance: (),
    offers: frozenset[str] = frozenset(),
    reasoner: object = None,
    **options: Any,
) -> Case:
    """Return a case of one live run in which every answer is right."""
    judged = [
        Judged(
            utterance=utterance,
            condition=condition,
            judgement=Judgement(label=str(utterance.label), rationale=say(utterance), cues=cues(utterance)),
        )
        for utterance in marked.utterances
        for condition in conditions
    ]
    table = judgement_table(judged, reasoner="small", label_space=marked.label_space)
    return case_of_table(table, marked, side={"cues": cue_table(judged)}, offers=offers, reasoner=reasoner, **options)


def case_of_table(
    table: pa.Table,
    marked: Corpus,
    *,
    side: Mapping[str, pa.Table] | None = None,
    offers: frozenset[str] = frozenset(),
    reasoner: object = None,
    **options: Any,
) -> Case:
    """Return a case of a table of judgements on a corpus."""
    by = tuple(feature for feature in BY if f"group_{feature}" in table.column_names)
    read = predictions_from(from_arrow(table, name="t", format_name="judged"), Reading(run="run", by=by))
    runs = {"run": replace(read, side_tables=side or {})}
    return Case(
        runs=runs,
        by=by,
        depth=2,
        statistics=FAST,
        book=EvidenceBook(runs=runs, by=by, statistics=FAST, seed=0),
        rng=np.random.default_rng(0),
        live={"run": Live(corpus=marked, offers=offers, reasoner=lambda: reasoner)},
        options=options,
    )


def kind(word: str) -> int:
    return zlib.crc32(word.encode()) % KINDS


@dataclass(frozen=True, kw_only=True, eq=False)
class Turn:
    """A turn whose first label scores the sum of its words' weights times how much of each word there is."""

    key: JudgementKey
    features: tuple[Features, ...]
    kinds: tuple[int, ...]
    module: Any
    labels: tuple[str, ...] = ("joy", "anger")
    tokens: tuple[str, ...] = ()
    layers: tuple[str, ...] = ("weights",)
    embedded: None = None

    @property
    def modalities(self) -> tuple[str, ...]:
        return ("text",)

    def anew(self) -> Turn:
        return replace(self)

    def encoded(self, modality: str, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
        assert modality == "text"
        return inputs["words"]

    def concluded(self, states: Mapping[str, torch.Tensor], *, rationale: bool) -> torch.Tensor:
        import torch

        values = states.get("text", self.features[0].values)
        first = values @ self.module.weights[0, list(self.kinds)]
        return torch.stack([first, torch.zeros_like(first) - 99.0], dim=1)

    def under(self, shown: Sequence[frozenset[str]], *, rationale: bool) -> torch.Tensor:
        import torch

        kept = [self.features[0].values if "text" in some else self.features[0].baseline for some in shown]
        return self.concluded({"text": torch.cat(kept)}, rationale=rationale)


@dataclass(frozen=True, kw_only=True, eq=False)
class WordReader:
    """A live reasoner that weighs some words and no others."""

    weighed: Mapping[str, float] = field(default_factory=lambda: dict.fromkeys(FELT.values(), 5.0))
    modality: str = "text"
    asked: list[str] = field(default_factory=list)

    def attributable(
        self, utterances: Sequence[Utterance], *, utterance_id: str, condition: str, rationale: str | None
    ) -> Turn:
        self.asked.append(utterance_id)
        (turn,) = (u for u in utterances if u.utterance_id == utterance_id)
        words = words_of(turn.text or "")
        return Turn(
            key=JudgementKey(utterance_id=utterance_id, reasoner="small", condition=condition),
            features=(self._features(words),),
            kinds=tuple(kind(word) for word, _, _ in words),
            module=self.module,
        )

    def _features(self, words: Sequence[tuple[str, int, int]]) -> Features:
        import torch

        return Features(
            name="words",
            modality=self.modality,
            values=torch.ones(1, len(words)),
            baseline=torch.zeros(1, len(words)),
            groups=torch.arange(len(words))[None],
            spans=tuple(
                Span(modality=self.modality, name=word, start_char=start, end_char=end) for word, start, end in words
            ),
            window=(1,),
        )

    @cached_property
    def module(self) -> Any:
        return _module(self.weighed)


def _module(weighed: Mapping[str, float]) -> Any:
    import torch

    module = torch.nn.Module()
    weights = 0.01 * torch.linspace(-1, 1, KINDS)[None].clone()
    for word, weight in weighed.items():
        weights[0, kind(word)] = weight
    module.weights = torch.nn.Parameter(weights)
    return module
