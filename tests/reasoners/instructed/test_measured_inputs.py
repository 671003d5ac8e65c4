"""What is kept of an utterance while a model trains takes as many bytes as docs/reasoner.md says."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from affidavit.corpus import Corpus
from affidavit.protocols import silent
from reasoners.instructed.hearing import HOP_S
from reasoners.instructed.inputs import perceive, senses_of
from reasoners.instructed.sizes import SIZES

BYTES_PER_S, FUNCTIONALS = 8_000, 1_136
PICTURES = {"tiny": 8 * 64 * 64, "small": 8 * 64 * 64, "base": 8 * 224 * 224 * 3, "full": 8 * 224 * 224 * 3}


@pytest.mark.parametrize("size", SIZES)
def test_bytes_kept_of_an_utterance(size: str, make_corpus: Callable[..., Corpus]) -> None:
    spoken = [turn for turn in make_corpus(1).utterances if turn.video is not None]
    kept = list(perceive(spoken, senses_of(SIZES[size]), progress=silent))
    for item in kept:
        assert item.mel is not None
        assert item.functionals is not None
        assert item.frames is not None
        assert item.mel.nbytes == pytest.approx(BYTES_PER_S * HOP_S * len(item.mel))
        assert item.functionals.nbytes == FUNCTIONALS
        assert item.frames.nbytes == PICTURES[size]
        assert all(part.base is None for part in (item.mel, item.functionals, item.frames)), "a view keeps its whole"
