"""All that attributing one judgement gives: shares, self-consistency, evidence tokens, erasure; beside their controls.

The rationale is the one in the table, scored as it stands there. Two others are scored on the same turn: another
judgement's with the same answer (shuffled), and a template that cites everything. Random attributions are the
rationale's own, dealt anew among the inputs. Last, everything is asked of the same model with all its parameters drawn
anew (randomised).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from affidavit.attributable import AttributableTurn, Features
from affidavit.attributions import Attribution, emotion_target
from affidavit.citations import can_be_read
from affidavit.seeds import seed_of
from affidavit.statistics.types import FloatArray
from faithfulness.attribution.consistency import cc_shap, cosine, modality_shares, rationale_shares, signed_shares
from faithfulness.attribution.convergence import unconverged
from faithfulness.attribution.drawing import Drawn
from faithfulness.attribution.erasing import losses, with_filling
from faithfulness.attribution.evidence_tokens import NAMES, cited_by_token, evidence_auroc, falls_of
from faithfulness.attribution.explaining import explained, joined_features
from faithfulness.attribution.modality_shapley import modality_game
from faithfulness.attribution.opening import MOST_CHARACTERS, Bench
from faithfulness.attribution.options import MethodOptions
from faithfulness.attribution.targets import Targets, named_targets, rationale_tokens
from faithfulness.sanity.randomised import draw_anew, restored

TEMPLATE: Final = "The words all point to {answer}. The voice points to it as well. The face points to it as well."
"""It cites everything, each modality in a clause of its own, so that its words too can be held against modalities."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Asked:
    """One judgement, and the rationales that are scored on its turn."""

    utterance_id: str
    answer: str
    rationale: str
    can_be_read: bool
    """Whether anybody knows what the rationale cites."""
    other: str | None
    """Another judgement's with the same answer; None where there is none."""
    other_can_be_read: bool


@dataclass(slots=True, kw_only=True, eq=False)
class Study:
    """One run's attributions, as they are made."""

    bench: Bench
    options: MethodOptions
    seed: int
    kept: int
    """Of so many judgements the tokens' attributions are kept as well."""
    numbers: list[dict[str, float]] = field(default_factory=list)
    attributions: list[Attribution] = field(default_factory=list)
    counted: Counter[str] = field(default_factory=Counter)
    """Judgements of which something is to be said."""
    donor: dict[str, Features] = field(default_factory=dict)
    """The inputs of the judgement before, by name: what is put in the place of what is erased."""

    def add(self, asked: Asked) -> None:
        """Attribute a judgement; what cannot be attributed gives no numbers."""
        turn = self.bench.turn(asked.utterance_id, asked.rationale)
        self.numbers.append({} if turn is None else self._measured(turn, asked))
        if turn is not None:
            self.donor = {feature.name: feature for feature in turn.features}

    def _measured(self, turn: AttributableTurn, asked: Asked) -> dict[str, float]:
        if asked.answer not in turn.labels or not turn.features:
            self.counted["have an answer or an input that the reasoner does not know"] += 1
            return {}
        rng = np.random.default_rng(seed_of(self.seed, asked.utterance_id))
        answer = named_targets(turn, [emotion_target(asked.answer)])
        features = joined_features(turn, self.options.most_spans)
        spoken = bool(asked.rationale) and bool(turn.tokens)
        targets = _with_tokens(turn, answer) if spoken else answer
        told = explained(turn, targets, features, options=self.options, rng=rng)
        first, tokens = told[0], told[1:]
        self._keep(first, tokens)
        self._compare(turn, asked.answer)
        found = self._of_answer(turn, answer, first)
        found |= self._erased(turn, asked.answer, features, first.values, rng)
        if tokens:
            found |= self._of_rationale(turn, asked, first.values, tokens, rng)
            found |= self._controls(turn, asked, features, first.values, rng)
        return _excess(found)

    def _keep(self, first: Attribution, tokens: Sequence[Attribution]) -> None:
        self.attributions.append(first)
        if self.counted["kept"] < self.kept:
            self.attributions += tokens
            self.counted["kept"] += 1

    def _compare(self, turn: AttributableTurn, answer: str) -> None:
        with torch.no_grad():
            now = turn.labels[int(turn.concluded({}, rationale=False)[0].argmax())]
        self.counted["are answered otherwise by the reasoner as it was opened"] += int(now != answer)

    def _of_answer(self, turn: AttributableTurn, answer: Targets, first: Attribution) -> dict[str, float]:
        found = {f"mm_shap_{name}": share for name, share in modality_shares(first.values, first.spans).items()}
        if turn.modalities:
            game = modality_game(turn, answer)
            found |= {f"score_shapley_{name}": float(v) for name, v in zip(game.players, game.values[0], strict=True)}
        if first.convergence_delta is not None:
            found["unconverged_rate"] = float(len(unconverged([first])))
        return found

    def _erased(
        self,
        turn: AttributableTurn,
        label: str,
        features: Sequence[Features],
        values: FloatArray,
        rng: np.random.Generator,
    ) -> dict[str, float]:
        found = losses(turn, label, features, values, rng=rng).named("")
        filled = with_filling(features, self.donor)
        return found if filled is None else found | losses(turn, label, filled, values, rng=rng).named("_resampled")

    def _of_rationale(
        self,
        turn: AttributableTurn,
        asked: Asked,
        answer: FloatArray,
        tokens: Sequence[Attribution],
        rng: np.random.Generator,
    ) -> dict[str, float]:
        values = np.stack([item.values for item in tokens])
        own = rationale_shares(values)
        found = {
            "cc_shap": cc_shap(answer, values),
            "cc_shap_random": cosine(signed_shares(answer[None])[0], own[rng.permutation(len(own))]),
            "rationale_unmoved_rate": float(np.isnan(own).any()),
            "evidence_token_auroc": self._auroc(turn, asked.rationale) if asked.can_be_read else float("nan"),
        }
        delta = [item for item in tokens if item.convergence_delta is not None]
        if delta:
            found["unconverged_token_rate"] = len(unconverged(delta)) / len(delta)
        return found

    def _controls(
        self,
        turn: AttributableTurn,
        asked: Asked,
        features: Sequence[Features],
        answer: FloatArray,
        rng: np.random.Generator,
    ) -> dict[str, float]:
        found: dict[str, float] = {}
        bench = replace(self.bench, failed=Counter())  # the judgement itself is no failure
        template = TEMPLATE.format(answer=asked.answer)
        for name, text in (("shuffled", asked.other), ("template", template)):
            other = None if text is None else bench.turn(asked.utterance_id, text)
            if other is None or text is None or not other.tokens:
                continue
            told = explained(other, rationale_tokens(other), features, options=self.options, rng=rng)
            found[f"cc_shap_{name}"] = cc_shap(answer, np.stack([item.values for item in told]))
            if name == "template" or asked.other_can_be_read:
                found[f"evidence_token_auroc_{name}"] = self._auroc(other, text)
        return found

    def _auroc(self, turn: AttributableTurn, rationale: str) -> float:
        """Return the area of one rationale; NaN where nothing could be told apart."""
        cited = cited_by_token(turn.tokens, rationale[:MOST_CHARACTERS])
        if not cited.any() or not turn.modalities:
            return float("nan")
        return evidence_auroc(*_falls(turn, cited))

    def randomise(self, asked: Sequence[Asked], *, progress: Callable[[int, int], None]) -> None:
        """Attribute the same judgements and rationales again, all parameters of the model drawn anew for each of them.

        A model without parts that could be drawn gives no numbers. It has its own parameters again afterwards.
        """
        again = replace(self.bench, failed=Counter())
        known = [(one, found) for one, found in zip(asked, self.numbers, strict=True) if "cc_shap" in found]
        for done, (one, found) in enumerate(known, start=1):
            turn = again.turn(one.utterance_id, one.rationale)
            if turn is not None and turn.layers:
                rng = np.random.default_rng(seed_of(self.seed, one.utterance_id, "parameters"))
                with restored(turn.module):
                    for layer in turn.layers:
                        draw_anew(turn.module, layer, rng)
                    found |= self._of_chance(turn.anew(), one)
            progress(done, len(known))

    def _of_chance(self, turn: AttributableTurn, asked: Asked) -> dict[str, float]:
        rng = np.random.default_rng(seed_of(self.seed, asked.utterance_id, "anew"))
        targets = _with_tokens(turn, named_targets(turn, [emotion_target(asked.answer)]))
        features = joined_features(turn, self.options.most_spans)
        first, *tokens = explained(turn, targets, features, options=self.options, rng=rng)
        found = {"cc_shap_randomised": cc_shap(first.values, np.stack([item.values for item in tokens]))}
        if asked.can_be_read:
            found["evidence_token_auroc_randomised"] = self._auroc(turn, asked.rationale)
        return found

    @property
    def caveats(self) -> tuple[str, ...]:
        """What every finding says of judgements that are not as they should be."""
        said = (f"{count:,} {what}" for what, count in sorted(self.counted.items()) if count and what != "kept")
        return (*said, *self.bench.caveats)


def _with_tokens(turn: AttributableTurn, answer: Targets) -> Targets:
    """Return the answer and every token of the rationale."""
    if not turn.tokens:
        return answer
    tokens = rationale_tokens(turn)
    return Targets(names=(*answer.names, *tokens.names), columns=(*answer.columns, *tokens.columns), rationale=True)


def _falls(turn: AttributableTurn, cited: NDArray[np.bool_]) -> tuple[FloatArray, NDArray[np.bool_], NDArray[np.bool_]]:
    """Return how far each token falls without each modality, what is cited, and what is there."""
    shown = frozenset(turn.modalities)
    sets = [shown, *(shown - {name} for name in turn.modalities)]
    with torch.no_grad():
        scores = turn.under(sets, rationale=True)[:, len(turn.labels) :].double().cpu().numpy()
    without = dict(zip(turn.modalities, scores[1:], strict=True))
    falls, there = falls_of({name: without[name] for name in NAMES if name in without}, scores[0])
    return falls, cited, there


def _excess(found: dict[str, float]) -> dict[str, float]:
    """Return the numbers, with what each has beyond its shuffled control."""
    for name in ("cc_shap", "evidence_token_auroc"):
        if name in found and f"{name}_shuffled" in found:
            found[f"{name}_excess"] = found[name] - found[f"{name}_shuffled"]
    return found


def asked_of(drawn: Drawn, rng: np.random.Generator) -> list[Asked]:
    """Return the judgements that are to be attributed, each with another's rationale."""
    readable: list[bool] = can_be_read(pa.array(drawn.rationales, pa.string())).to_pylist()
    return [
        Asked(
            utterance_id=drawn.utterance_ids[i],
            answer=drawn.answers[i],
            rationale=drawn.rationales[i],
            can_be_read=readable[i],
            other=None if other is None else drawn.rationales[other],
            other_can_be_read=other is not None and readable[other],
        )
        for i, other in enumerate(drawn.others(rng))
    ]
