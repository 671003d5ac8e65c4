"""Renderings judged by any reasoner: one table, plain conditions untouched, refusals with a remedy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from affidavit.corpus import Corpus
from affidavit.errors import PlanError
from affidavit.judged_renderings import judged_with_renderings
from affidavit.judgements import Judged, side_tables
from affidavit.predictions import Predictions, Reading, predictions_from
from affidavit.protocols import Progress, silent
from affidavit.rendering import rendered, rendering_conditions
from affidavit.tables import from_arrow
from affidavit.utterances import Cue, Judgement, MediaSpan, Utterance

LABELS = ("anger", "joy")
READING = Reading(run="run", by=("accent",))


def sound(name: str) -> MediaSpan:
    return MediaSpan(path=Path(f"{name}.wav"))


@dataclass(frozen=True, kw_only=True)
class Mirror:
    """Renders by writing the level into the file's name, or into the text; whatever it renders, it shouts the words."""

    utterances: tuple[Utterance, ...]
    levels: Mapping[str, tuple[str, ...]] = field(
        default_factory=lambda: {"voice-age": ("18-34", "75 and over"), "transcript": ("neutral",)}
    )

    def render(self, concept: str, level: str, *, progress: Progress) -> Corpus:
        del progress
        said = "plainly" if concept == "transcript" else "AS SAID"
        heard = sound(level if concept == "voice-age" else "own")
        shown = tuple(replace(u, text=said, audio=heard, label=None) for u in self.utterances)
        return Corpus(name="mirror", utterances=shown, digest=f"{concept}={level}", licence="none")


def corpus(n: int = 6, *, renders: bool = True) -> Corpus:
    utterances = tuple(
        Utterance(
            utterance_id=f"u{i}",
            speaker_id=f"s{i // 2}",
            text="as said",
            audio=sound("own"),
            label=LABELS[i % 2],
            sensitive={"accent": ("north", "south")[i // 2 % 2]},
            cues=(Cue(modality="text", quote="said"),),
        )
        for i in range(n)
    )
    return Corpus(
        name="said",
        utterances=utterances,
        digest="sha256:0",
        licence="none",
        label_space=LABELS,
        rendering=Mirror(utterances=utterances) if renders else None,
    )


class Reader:
    """Says joy of what sounds old, anger of everything else; notes what it was asked."""

    def __init__(self, *, rationales: bool = True) -> None:
        self.asked: list[tuple[str, list[str]]] = []
        self.rationales = rationales

    def __call__(self, corpus: Corpus | None, options: Mapping[str, Any]) -> Predictions:
        assert corpus is not None
        conditions = options["conditions"]
        self.asked.append((corpus.digest, list(conditions)))
        judged = [
            Judged(utterance=utterance, condition=condition, judgement=self._judgement(utterance))
            for utterance in corpus.utterances
            for condition in conditions
        ]
        tables = side_tables(judged, (), reasoner="reader", label_space=LABELS)
        raw = from_arrow(tables["judgements"], name=corpus.name, format_name="judged")
        predictions = predictions_from(raw, READING, progress=silent)
        return replace(predictions, assumptions=(f"read {corpus.digest}",), side_tables=tables)

    def _judgement(self, utterance: Utterance) -> Judgement:
        assert utterance.audio is not None
        heard = utterance.audio.path.stem
        label = "joy" if "75" in heard else "anger"
        shares = {name: 0.9 if name == label else 0.1 for name in LABELS}
        said = f"{utterance.text}, {heard}" if self.rationales or heard == "own" else None
        return Judgement(label=label, probabilities=shares, rationale=said)


CONDITIONS = ["TAV", "TA", "TAV/voice-age=75-and-over", "TA/voice-age=75-and-over", "TAV/voice-age=18-34"]


def test_one_table_holds_the_plain_conditions_and_the_renderings() -> None:
    reader = Reader()
    found = judged_with_renderings(reader, corpus(), {"conditions": CONDITIONS}, reading=READING, progress=silent)
    assert set(found.conditions) == set(CONDITIONS)
    assert reader.asked == [
        ("sha256:0", ["TAV", "TA"]),
        ("voice-age=75 and over", ["TAV", "TA"]),
        ("voice-age=18-34", ["TAV"]),
    ]
    frame = found.to_frame()
    assert len(frame) == 6 * len(CONDITIONS)
    by_condition = frame.groupby("condition", observed=True)
    assert set(by_condition.get_group("TA/voice-age=75-and-over")["y_pred"]) == {"joy"}
    assert set(by_condition.get_group("TAV/voice-age=18-34")["rationale"]) == {"as said, 18-34"}
    assert set(by_condition.get_group("TAV")["rationale"]) == {"as said, own"}
    # who it is and what was felt are the corpus's own, whatever the rendering says
    assert by_condition.get_group("TAV/voice-age=18-34")["y_true"].tolist() == list(LABELS) * 3
    assert found.unit == "speaker_id"
    assert set(found.side_tables["judgements"]["condition"].to_pylist()) == set(CONDITIONS)
    assert set(found.assumptions) >= {"read sha256:0", "read voice-age=18-34"}


def test_plain_conditions_are_judged_as_they_would_be_without_renderings() -> None:
    alone = Reader()(corpus(), {"conditions": ["TAV", "TA"]})
    both = judged_with_renderings(Reader(), corpus(), {"conditions": CONDITIONS}, reading=READING, progress=silent)
    frame = both.to_frame()
    plain = frame[frame["condition"].isin(["TAV", "TA"])].reset_index(drop=True)
    assert plain.astype(str).equals(alone.to_frame()[list(plain.columns)].astype(str))


def test_a_rendering_without_rationales_leaves_theirs_empty() -> None:
    found = judged_with_renderings(
        Reader(rationales=False), corpus(), {"conditions": CONDITIONS}, reading=READING, progress=silent
    )
    frame = found.to_frame()
    assert frame[frame["condition"] == "TAV/voice-age=18-34"]["rationale"].isna().all()
    assert frame[frame["condition"] == "TAV"]["rationale"].notna().all()


@pytest.mark.parametrize("options", [{"conditions": ["TAV", "TAV/noise=10dB", "what?"]}, {"conditions": "TAV"}, {}])
def test_without_renderings_the_reasoner_is_asked_once_with_what_was_said(options: dict[str, Any]) -> None:
    asked: list[tuple[Corpus | None, Mapping[str, Any]]] = []
    given = corpus(renders=False)

    def judge(which: Corpus | None, told: Mapping[str, Any]) -> Predictions:
        asked.append((which, told))
        return Reader()(given, {"conditions": ["TAV"]})

    judged_with_renderings(judge, given, options, reading=READING, progress=silent)
    judged_with_renderings(judge, None, {"conditions": ["TAV/voice-age=18-34"]}, reading=READING, progress=silent)
    assert asked == [(given, options), (None, {"conditions": ["TAV/voice-age=18-34"]})]


@pytest.mark.parametrize(
    ("condition", "renders", "said"),
    [
        ("TAV/voice-age=18-34", False, "makes its own media"),
        ("TAV/voice-age=old", True, "voice-age=75-and-over"),
        ("TAV/face=female", True, "transcript=neutral"),
        ("T/voice-age=18-34", True, "audio"),
        ("AV/transcript=neutral", True, "text"),
        ("TAV/voice-age", True, "voice-age=18-34"),
    ],
)
def test_what_cannot_be_rendered_is_refused_before_anything_is_judged(condition: str, renders: bool, said: str) -> None:
    reader = Reader()
    with pytest.raises(PlanError, match="cannot be rendered") as refused:
        judged_with_renderings(
            reader, corpus(renders=renders), {"conditions": ["TAV", condition]}, reading=READING, progress=silent
        )
    assert said in str(refused.value)
    assert refused.value.remedy
    assert not reader.asked


def test_a_part_of_a_corpus_renders_as_that_part() -> None:
    whole = corpus()
    part = replace(whole, utterances=whole.utterances[3:5])
    shown = rendered(part, "voice-age", "75-and-over", progress=silent)
    assert [u.utterance_id for u in shown.utterances] == ["u3", "u4"]
    assert [u.label for u in shown.utterances] == [u.label for u in part.utterances]
    assert not any(u.cues for u in shown.utterances)
    assert shown.rendering is None
    assert shown.digest != part.digest


def test_conditions_of_a_corpus_are_listed() -> None:
    listed = rendering_conditions(corpus(), "TA")
    assert listed == ("TA/voice-age=18-34", "TA/voice-age=75-and-over", "TA/transcript=neutral")
    assert rendering_conditions(corpus(renders=False)) == ()


def test_rows_are_in_the_order_of_the_conditions_asked_for() -> None:
    found = judged_with_renderings(Reader(), corpus(), {"conditions": CONDITIONS}, reading=READING, progress=silent)
    shown = found.to_frame()["condition"].astype(str).to_numpy()
    first = np.array([np.flatnonzero(shown == name)[0] for name in CONDITIONS])
    assert (np.diff(first[[0, 1, 2, 4]]) > 0).all()


def test_a_modality_that_was_taken_away_stays_away_and_strange_ids_are_refused() -> None:
    whole = corpus()
    bare = replace(whole, utterances=tuple(replace(u, text=None) for u in whole.utterances))
    shown = rendered(bare, "transcript", "neutral", progress=silent)
    assert [u.text for u in shown.utterances] == [None] * 6
    renamed = replace(whole, utterances=tuple(replace(u, utterance_id=f"x{u.utterance_id}") for u in whole.utterances))
    with pytest.raises(PlanError, match="lacks an utterance"):
        rendered(renamed, "transcript", "neutral", progress=silent)


def test_nothing_but_the_rendered_modality_is_taken_from_a_rendering() -> None:
    """The mirror shouts the words whatever it renders; a voice brings its sound alone."""
    whole = corpus()
    masked = replace(whole, utterances=tuple(replace(u, text="[masked]") for u in whole.utterances))
    old = rendered(masked, "voice-age", "75-and-over", progress=silent)
    assert {u.text for u in old.utterances} == {"[masked]"}
    assert {u.audio for u in old.utterances} == {sound("75 and over")}
    plain = rendered(whole, "transcript", "neutral", progress=silent)
    assert {(u.text, u.audio) for u in plain.utterances} == {("plainly", sound("own"))}


def test_a_rendering_that_loses_what_was_to_be_rendered_is_refused() -> None:
    """Judged without the sound, the answer would change for want of it and not for whose it is."""

    @dataclass(frozen=True, kw_only=True)
    class Mute(Mirror):
        def render(self, concept: str, level: str, *, progress: Progress) -> Corpus:
            made = Mirror.render(self, concept, level, progress=progress)
            return replace(made, utterances=tuple(replace(u, audio=None) for u in made.utterances))

    whole = corpus()
    mute = replace(whole, rendering=Mute(utterances=tuple(whole.utterances)))
    with pytest.raises(PlanError, match="its audio"):
        rendered(mute, "voice-age", "18-34", progress=silent)
    assert rendered(mute, "transcript", "neutral", progress=silent).utterances[0].text == "plainly"
