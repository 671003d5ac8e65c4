"""A small clinic that was audited: a reasoner that says the corpus's own rationales, and one cue that is not there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from affidavit.bundle import write_bundle
from affidavit.conditions import Condition
from affidavit.corpus import Corpus
from affidavit.judgements import Judged, Unjudged, judgement_table, side_tables, to_judge, why_not_available
from affidavit.plan import AuditPlan
from affidavit.predictions import Predictions, Reading, predictions_from
from affidavit.protocols import Progress, silent
from affidavit.registry import Door, register
from affidavit.run import run_plan
from affidavit.sources import load_corpus
from affidavit.tables import from_arrow
from affidavit.testing.tables import FAST
from affidavit.utterances import Cue, Judgement, Utterance

CONDITIONS = ("TAV", "TA", "TV", "A")
INVENTED = Cue(modality="audio", quote="a trembling voice", start_s=0.2, end_s=0.9)
CORPUS = {"seed": 0, "n_utterances": 24, "media": "patients", "workers": 1}


@dataclass(frozen=True)
class Told:
    """Behind the door `reasoners` for one test session; kept in the cache as a real one is."""

    name: str = "told"
    cache_version: str = "1"

    def judge(
        self,
        corpus: Corpus | None,
        options: Mapping[str, Any],
        *,
        reading: Reading,
        rng: np.random.Generator,
        progress: Progress,
    ) -> Predictions:
        assert corpus is not None
        judged, unjudged = [], []
        for utterance in to_judge(corpus.utterances):
            for condition in CONDITIONS:
                why = why_not_available(utterance, Condition.parse(condition))
                if why is None:
                    judged.append(Judged(utterance=utterance, condition=condition, judgement=_said(utterance, corpus)))
                else:
                    unjudged.append(Unjudged(utterance_id=utterance.utterance_id, condition=condition, because=why))
        table = judgement_table(judged, reasoner=self.name, label_space=corpus.label_space)
        predictions = predictions_from(from_arrow(table, name=corpus.name, format_name="judged"), reading)
        told = side_tables(judged, unjudged, reasoner=self.name, label_space=corpus.label_space)
        return replace(predictions, side_tables=told)


def _said(utterance: Utterance, corpus: Corpus) -> Judgement:
    rationale = utterance.rationales.get("evidence", "")
    rest = 0.4 / (len(corpus.label_space) - 1)
    label = utterance.label or corpus.label_space[0]
    return Judgement(
        label=label,
        probabilities={name: 0.6 if name == label else rest for name in corpus.label_space},
        rationale=f"{rationale} There is a trembling voice.",
        cues=(*utterance.cues, INVENTED),
    )


def told_plan(**corpus: Any) -> AuditPlan:
    """Return the plan of the audit; options of the clinic may be others."""
    return AuditPlan.model_validate(
        {
            "title": "A clinic that was told",
            "runs": {"told": {"reasoner": "told", "corpus": {"name": "clinic", "options": {**CORPUS, **corpus}}}},
            "by": ["age"],
            "statistics": FAST.model_dump(),
            "examinations": ["performance", "cue-grounding"],
        }
    )


def audited(folder: Path, plan: AuditPlan | None = None) -> Path:
    """Audit that clinic and return its bundle: `folder/bundle`."""
    register(Door.REASONERS, "told", Told())
    report = run_plan(plan or told_plan(), folder=folder)
    return write_bundle(report, folder / "bundle", renderings=())


def patients(**corpus: Any) -> tuple[Utterance, ...]:
    """Return the judged utterances of that clinic."""
    return to_judge(load_corpus("clinic", {**CORPUS, **corpus}, progress=silent).utterances)
