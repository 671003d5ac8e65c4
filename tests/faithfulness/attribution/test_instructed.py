"""The smallest instructed reasoner that reads words alone, examined from end to end as a plan would."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from affidavit.case import Case
from affidavit.corpus import Corpus
from affidavit.live import Live
from affidavit.plan import Execution
from affidavit.protocols import silent
from affidavit.testing import case_of
from affidavit.utterances import Utterance
from faithfulness.attribution.examination import EXAMINATION as ATTRIBUTIONS
from faithfulness.sanity.examination import EXAMINATION as SANITY
from faithfulness.sanity.roar import EXAMINATION as ROAR
from reasoners.instructed.attributable import AttributableReasoner
from reasoners.instructed.door import REASONER
from reasoners.supervised import TRAINER

pytestmark = pytest.mark.skipif(find_spec("captum") is None, reason="needs captum, of the extra explain")
WORDS = {
    "anger": "you did it again and nobody told me so",
    "joy": "the best news that I have had all year",
    "sadness": "there is nothing left to wait for now",
}
RATIONALE = "{answer}. The words tell it, and the voice and the face are not there."


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    utterances = []
    for p in range(12):
        for t in range(2):
            label = list(WORDS)[(p + t) % 3]
            utterances.append(
                Utterance(
                    utterance_id=f"d{p}-{t}",
                    speaker_id=f"patient {p}",
                    dialogue_id=f"d{p}",
                    turn=t,
                    text=WORDS[label],
                    label=label,
                    sensitive={"accent": "north" if p % 2 else "south"},
                    rationales={"explain": RATIONALE.format(answer=label)},
                )
            )
    return Corpus(
        name="words", utterances=utterances, digest="sha256:1", licence="made by a test", label_space=tuple(WORDS)
    )


Train = Callable[[Corpus], Any]


@pytest.fixture(scope="module")
def train(tmp_path_factory: pytest.TempPathFactory) -> Train:
    def trained(corpus: Corpus) -> Any:
        options = {"audio": False, "visual": False}
        reasoner = REASONER.untrained(corpus, options, seed=1, execution=Execution(device="cpu", workers=0))
        TRAINER.train(
            reasoner,
            corpus,
            {"epochs": 1, "held_out": 0, "development": 0.2},
            folder=tmp_path_factory.mktemp("model"),
            rng=np.random.default_rng(0),
            progress=silent,
        )
        return reasoner

    return trained


@pytest.fixture(scope="module")
def case(corpus: Corpus, train: Train) -> Case:
    torch.set_num_threads(1)
    reasoner = train(corpus)
    told = reasoner.judge_under(corpus.utterances, condition="T")
    rows = [
        {
            "utterance_id": turn.utterance_id,
            "speaker_id": turn.speaker_id,
            "condition": "T",
            "accent": turn.sensitive["accent"],
            "y_true": turn.label,
            "y_pred": judgement.label,
            "rationale": RATIONALE.format(answer=judgement.label),
        }
        for turn, judgement in zip(corpus.utterances, told, strict=True)
    ]
    live = Live(
        corpus=corpus,
        offers=frozenset({"gradients"}),
        reasoner=lambda: AttributableReasoner(reasoner=reasoner),
    )
    return replace(case_of(pd.DataFrame(rows), by=("accent",)), live={"run": live})


def test_its_attributions_are_told(case: Case) -> None:
    told = ATTRIBUTIONS.examine(replace(case, options={"most_utterances": 4, "kept": 1}))
    found = {claim.finding.metric: claim.finding for claim in told.claims if not claim.finding.groups}
    controls = {f"cc_shap_{name}" for name in ("shuffled", "template", "random", "randomised")}
    assert {"cc_shap", "mm_shap_text"} | controls <= set(found)
    assert found["mm_shap_text"].estimate.value == 1, "it reads and does nothing else"
    assert not any("otherwise" in caveat for caveat in found["cc_shap"].caveats)


def test_its_attributions_fall_with_its_parameters(case: Case) -> None:
    told = SANITY.examine(replace(case, options={"most_utterances": 3, "n_steps": 8}))
    (table,) = [exhibit for exhibit in told.exhibits if exhibit.id == "attribution-randomisation"]
    layers = [name.split(",")[1].split()[0] for name in table.values["condition"]][::2]
    assert layers[:2] == ["model.explain", "model.emotion"]
    assert table.values["value"][0] == pytest.approx(1), "the writer has no say in the answer"


def test_it_is_trained_again_on_words_erased(case: Case, corpus: Corpus, train: Train) -> None:
    trained_on: Any = SimpleNamespace(load=lambda: corpus, again=train)
    options = {"retrain": True, "fractions": [0.3], "most_utterances": 12}
    asked = replace(case, options=options, trained_on={"run": trained_on}, folder=Path())
    assert ROAR.refuses(asked) is None
    told = ROAR.examine(asked)
    assert {claim.finding.metric for claim in told.claims} >= {"roar_accuracy", "roar_loss_beyond_random"}
    assert {exhibit.id for exhibit in told.exhibits} == {"roar-measures", "roar-curves"}
