"""Tokens are tagged by the clause that they stand in, and the area is the share of pairs in the right order."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from faithfulness.attribution.evidence_tokens import auroc, cited_by_token, evidence_auroc, falls_of

TEXT, AUDIO, VIDEO = range(3)
EVERYTHING = np.ones(3, dtype=bool)


@pytest.mark.parametrize("seed", range(15))
def test_the_area_counts_pairs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    positive, negative = rng.integers(0, 5, 7).astype(float), rng.integers(0, 5, 9).astype(float)
    pairs = [(p > n) + 0.5 * (p == n) for p, n in product(positive, negative)]
    assert auroc(positive, negative) == pytest.approx(np.mean(pairs))
    assert np.isnan(auroc(positive, np.array([])))
    assert np.isnan(auroc(np.array([]), negative))


def test_words_that_hang_on_what_they_cite_score_one_and_the_other_way_round_nothing() -> None:
    cited = np.zeros((4, 3), dtype=bool)
    cited[1, AUDIO] = cited[2, VIDEO] = True
    falls = np.array([[9.0, 9.0, 9.0], [0.0, 2.0, 0.1], [0.1, 0.0, 3.0], [5.0, 5.0, 5.0]])
    assert evidence_auroc(falls, cited, EVERYTHING) == 1
    assert evidence_auroc(-falls, cited, EVERYTHING) == 0
    assert np.isnan(evidence_auroc(falls, np.zeros_like(cited), EVERYTHING)), "nothing cited"
    assert np.isnan(evidence_auroc(falls, np.ones_like(cited), EVERYTHING)), "nothing left uncited"


def test_a_cited_modality_that_is_not_there_moves_nothing_and_an_uncited_one_takes_no_part() -> None:
    there = np.array([True, True, False])
    cited = np.array([[False, False, True]])
    falls, _ = falls_of({"text": np.array([1.0]), "audio": np.array([2.0])}, np.array([3.0]))
    assert falls.tolist() == [[2.0, 1.0, 0.0]]
    assert evidence_auroc(falls, cited, there) == 0, "text and audio move the word that cites the face, which is not"
    assert evidence_auroc(falls, ~cited & there, there) != 0.5
    only = np.array([[True, False, False]])
    assert evidence_auroc(falls, only, there) == 1, "of text and audio alone"


def test_what_single_precision_leaves_is_ranked_as_equal() -> None:
    noise = np.random.default_rng(0).uniform(0, 1e-6, (6, 3))
    cited = np.tile([True, False, False], (6, 1))
    assert evidence_auroc(noise * [2, 1, 1], cited, EVERYTHING) == 0.5


def test_a_token_cites_what_its_clause_cites() -> None:
    tokens = ["Joy", ".", " The", " vo", "ice", " is", " high", ";", " her", " face", " smiles", ".", "<end>"]
    cited = cited_by_token(tokens, "Joy. The voice is high; her face smiles.")
    assert cited[:, AUDIO].nonzero()[0].tolist() == [2, 3, 4, 5, 6]
    assert cited[:, VIDEO].nonzero()[0].tolist() == [8, 9, 10]
    assert not cited[:, TEXT].any()


def test_the_same_clause_twice_is_found_twice() -> None:
    cited = cited_by_token([" The", " voice", ".", " The", " voice", "."], "The voice. The voice.")
    assert cited[:, AUDIO].tolist() == [True, True, False, True, True, False]


def test_chinese_is_read_and_bytes_of_a_character_are_passed_over() -> None:
    tokens = ["他", "的", "\ufffd", "\ufffd", "音", "很", "低"]
    cited = cited_by_token(tokens, "他的声音很低")
    assert cited[[0, 1, 4, 5, 6], AUDIO].all()
    assert not cited[[2, 3]].any()


@pytest.mark.parametrize(
    "rationale", ["", "   ", "<b>voice</b> &amp; <script>", "\u202evoice", "((((" * 50, "voice " * 400, "\x00"]
)
def test_hostile_rationales_are_only_texts(rationale: str) -> None:
    tokens = [rationale[i : i + 3] for i in range(0, len(rationale), 3)]
    cited = cited_by_token(tokens, rationale)
    assert cited.shape == (len(tokens), 3)
    assert cited_by_token(["quite", " other", " tokens"], rationale).shape == (3, 3)
