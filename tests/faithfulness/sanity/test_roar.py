"""A bag of words that is trained again: what was ranked by use is missed, what was ranked otherwise is not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from affidavit.attributions import Span
from affidavit.case import Case
from affidavit.corpus import Corpus
from affidavit.live import Live
from affidavit.records import Finding
from affidavit.testing import ExaminationContract, case_of
from affidavit.utterances import Judgement, Utterance
from faithfulness.sanity.roar import EXAMINATION
from faithfulness.sanity.words import HOLE, erased, n_erased, word_values, words_of

pytestmark = pytest.mark.skipif(find_spec("captum") is None, reason="needs captum, of the extra explain")
LABELS = ("fear", "joy")
TELLING = {"fear": "dread", "joy": "delight"}
NEUTRAL = [f"word{i}" for i in range(40)]


@dataclass
class Bag:
    """Counts which words go with which label: a word's score is the log ratio of its shares."""

    scores: dict[str, float]
    toy: Any = None
    numbers_of: Any = None
    blind: bool = False
    """Whether what it attributes has nothing to do with its scores."""

    @classmethod
    def trained(cls, corpus: Corpus) -> Bag:
        counts: dict[str, Counter[str]] = {label: Counter() for label in LABELS}
        for turn in corpus.utterances:
            if turn.label is not None:
                counts[turn.label].update((turn.text or "").split())
        names = set(counts["fear"]) | set(counts["joy"])
        return cls({w: float(np.log((counts["joy"][w] + 1) / (counts["fear"][w] + 1))) for w in names})

    def judge_under(self, utterances: Sequence[Utterance], *, condition: str) -> list[Judgement]:
        return [Judgement(label=LABELS[int(self._sum(turn) > 0)]) for turn in utterances]

    def _sum(self, turn: Utterance) -> float:
        return sum(self.scores.get(word, 0.0) for word in (turn.text or "").split())

    def attributable(
        self, utterances: Sequence[Utterance], *, utterance_id: str, condition: str, rationale: str | None
    ) -> Any:
        import torch

        (turn,) = [turn for turn in utterances if turn.utterance_id == utterance_id]
        text = turn.text or ""
        rng = np.random.default_rng(len(text))
        own = [self.scores.get(text[a:b], 0.0) if not self.blind else rng.normal() for a, b in words_of(text)]
        feature = self.numbers_of("tokens", "text", [1.0] * len(own))
        spans = tuple(Span(modality="text", name=text[a:b], start_char=a, end_char=b) for a, b in words_of(text))
        weights = torch.tensor(own, dtype=torch.float32)

        def scores(states: Any) -> Any:
            total = states["text"] @ weights
            return torch.stack([-total, total], dim=1)

        return self.toy(scores=scores, features=(replace(feature, spans=spans),) if own else (), labels=LABELS)


@dataclass
class Again:
    """Trains anew, and remembers on what."""

    corpora: list[Corpus] = field(default_factory=list)

    def __call__(self, corpus: Corpus) -> Bag:
        self.corpora.append(corpus)
        return Bag.trained(corpus)


@pytest.fixture(scope="session")
def bag_case(toy: Any, numbers_of: Any) -> Callable[..., tuple[Case, Again]]:
    def made(
        *, n_units: int = 20, blind: bool = False, options: dict[str, Any] | None = None, silent: int = 0
    ) -> tuple[Case, Again]:
        rng = np.random.default_rng(4)
        utterances = []
        for i in range(6 * n_units):
            label = LABELS[int(rng.random() < 0.5)]
            words = [*rng.choice(NEUTRAL, 7, replace=False).tolist(), TELLING[label], TELLING[label]]
            text = " ".join(words[k] for k in rng.permutation(len(words)))
            utterances.append(
                Utterance(
                    utterance_id=f"u{i:03d}", speaker_id=f"s{i // 6}", text=None if i < silent else text, label=label
                )
            )
        corpus = Corpus(name="words", utterances=utterances, digest="sha256:0", licence="made by a test")
        bag = replace(Bag.trained(corpus), toy=toy, numbers_of=numbers_of, blind=blind)
        told = bag.judge_under(utterances, condition="T")
        frame = pd.DataFrame(
            [
                {
                    "utterance_id": turn.utterance_id,
                    "speaker_id": turn.speaker_id,
                    "condition": "T",
                    "accent": ("Irish", "Welsh")[i // 6 % 2],
                    "age": ("18-39", "40+")[i // 12 % 2],
                    "y_true": turn.label,
                    "y_pred": answer.label,
                }
                for i, (turn, answer) in enumerate(zip(utterances, told, strict=True))
            ]
        )
        again = Again()
        live = Live(corpus=corpus, offers=frozenset({"gradients"}), reasoner=lambda: bag)
        case = case_of(frame, options={"retrain": True, "most_utterances": 60, **(options or {})})
        trained_on: Any = SimpleNamespace(load=lambda: corpus, again=again)
        return replace(case, live={"run": live}, trained_on={"run": trained_on}), again

    return made


def everybody(case: Case) -> dict[str, Finding]:
    assert EXAMINATION.refuses(case) is None
    found = [claim.finding for claim in EXAMINATION.examine(case).claims]
    return {finding.metric: finding for finding in found if not finding.groups}


@pytest.mark.parametrize("how", ["f-fidelity", "roar"])
def test_words_that_the_model_uses_are_missed_and_words_ranked_blindly_are_not(how: str, bag_case: Any) -> None:
    options = {"how": how, "fractions": [0.25]}
    used, blind = (everybody(bag_case(options=options, blind=blind)[0]) for blind in (False, True))
    assert used["roar_accuracy"].estimate.value == pytest.approx(1)
    found = used["roar_loss_beyond_random"].estimate.interval
    assert found is not None
    assert found.low > 0.05
    nothing = blind["roar_loss_beyond_random"].estimate
    assert abs(nothing.value or 0) < 0.1
    assert "roar_loss_beyond_random_difference" in used
    ends = [name.split("/")[-1] for name in used["roar_loss_beyond_random"].controls or ()]
    assert ends[0] == "roar_accuracy_without_random"


def test_once_for_f_fidelity_and_for_every_ranking_and_fraction_for_roar(bag_case: Any) -> None:
    case, again = bag_case(n_units=6)
    EXAMINATION.examine(case)
    assert len(again.corpora) == 1
    holes = [(turn.text or "").count(HOLE) for turn in again.corpora[0].utterances]
    assert set(holes) == {0, 1, 3, 4}, "none, a tenth, three tenths and half of nine words, at random"
    case, again = bag_case(n_units=6, options={"how": "roar", "fractions": [0.1, 0.5]})
    EXAMINATION.examine(case)
    counts = [sum((turn.text or "").count(HOLE) for turn in corpus.utterances) for corpus in again.corpora]
    assert counts == [0, 36, 144, 36, 144], "attributed, then at random; as many words at each fraction"
    assert len({corpus.digest for corpus in again.corpora}) == 5
    ids = [[turn.utterance_id for turn in corpus.utterances] for corpus in again.corpora]
    assert ids.count(ids[0]) == 5


def test_it_refuses_unless_it_is_asked_to_train_and_can(bag_case: Any) -> None:
    case, again = bag_case(n_units=4)
    unasked = EXAMINATION.refuses(replace(case, options={}))
    assert "1 time" in unasked.because
    assert "retrain: true" in unasked.remedy
    many = EXAMINATION.refuses(replace(case, options={"how": "roar"}))
    assert "7 times" in many.because
    elsewhere = EXAMINATION.refuses(replace(case, trained_on={}))
    assert "not trained by this plan" in elsewhere.because
    assert EXAMINATION.refuses(replace(case, live={})) is not None
    assert again.corpora == []


def test_who_has_no_words_takes_no_part(bag_case: Any) -> None:
    case, _ = bag_case(n_units=4, silent=5)
    found = everybody(case)["roar_accuracy"].estimate
    assert found.n == 24 - 5
    mute, _ = bag_case(n_units=4, silent=24)
    told = EXAMINATION.examine(mute)
    assert not told.claims
    assert "no utterance that was judged has words" in told.refusals[0].because


def test_words_are_counted_in_two_scripts() -> None:
    assert [text[a:b] for text in ["他很 sad ok。"] for a, b in words_of(text)] == ["他", "很", "sad", "ok。"]
    assert erased("a b  c", {0, 2}) == f"{HOLE} b  {HOLE}"
    assert erased("", {0}) == ""
    assert [n_erased(n, share) for n, share in ((9, 0.1), (1, 0.1), (0, 0.5), (3, 0.99))] == [1, 1, 0, 3]
    tokens = [Span(modality="text", name=" b", start_char=1, end_char=3), Span(modality="audio", name="x")]
    assert word_values("a b", tokens, np.array([2.0, 9.0])).tolist() == [0.0, 2.0]


@pytest.mark.parametrize("check", sorted(name for name in dir(ExaminationContract) if name.startswith("test_")))
def test_it_keeps_the_contract(check: str, bag_case: Any) -> None:
    class Contract(ExaminationContract):
        examination = EXAMINATION

        def make_case(self) -> Case:
            case: Case = bag_case(n_units=4, options={"fractions": [0.3]})[0]
            return case

    getattr(Contract(), check)()
