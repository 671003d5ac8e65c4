"""The trainer's option `untaught`: labels that nobody is taught, as the test on held-out emotions needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from affidavit.corpus import Corpus
from affidavit.errors import PlanError
from affidavit.protocols import silent
from affidavit.utterances import Utterance
from reasoners.baselines.reasoner import BaselineReasoner
from reasoners.supervised import TRAINER, taught

Fit = Callable[[list[str], Path], list[str | None]]


@pytest.fixture
def fitted(text_only: BaselineReasoner, make_corpus: Callable[..., Corpus], monkeypatch: pytest.MonkeyPatch) -> Fit:
    """Train for an epoch, and return the labels that the losses were given."""

    def made(untaught: list[str], folder: Path) -> list[str | None]:
        met: list[str | None] = []
        losses = BaselineReasoner.losses

        def watched(
            self: BaselineReasoner, units: Sequence[Sequence[Utterance]], *, rng: np.random.Generator
        ) -> torch.Tensor:
            met.extend(turn.label for unit in units for turn in unit)
            return losses(self, units, rng=rng)

        options = {"epochs": 1, "held_out": 0, "development": 0.2, "untaught": untaught}
        with monkeypatch.context() as patch:
            patch.setattr(BaselineReasoner, "losses", watched)
            rng = np.random.default_rng(0)
            TRAINER.train(text_only, make_corpus(8), options, folder=folder, rng=rng, progress=silent)
        return met

    return made


@pytest.fixture
def text_only(make_reasoner: Callable) -> BaselineReasoner:
    made: BaselineReasoner = make_reasoner("bc-lstm", changes={"audio": None, "visual": None})
    return made


def test_nobody_is_taught_what_is_untaught(fitted: Fit, tmp_path: Path) -> None:
    all_of_them = fitted([], tmp_path / "all")
    some = fitted(["joy"], tmp_path / "some")
    assert {"anger", "joy", "sadness"} < set(all_of_them)
    assert {"anger", "sadness"} == set(some) - {None}
    assert some.count(None) == all_of_them.count(None) + all_of_them.count("joy"), "the turns stay, as context"


def test_a_label_that_there_is_not_is_refused(fitted: Fit, tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="untaught") as caught:
        fitted(["surprise"], tmp_path)
    assert caught.value.slug == "plan-invalid"


def test_utterances_keep_everything_else() -> None:
    turn = Utterance(utterance_id="a", text="No.", label="joy", intensity=3.0, rationales={"evidence": "Joy."})
    other = Utterance(utterance_id="b", text="No.", label="anger", intensity=3.0)
    groups = taught({"p": (turn, other)}, frozenset({"joy"}))
    assert groups["p"] == (Utterance(utterance_id="a", text="No."), other)
