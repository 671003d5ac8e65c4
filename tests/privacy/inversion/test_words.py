"""Words are read off the rows of their embedding; noise leaves what anybody would guess."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
import torch

from affidavit.exhibits import ExhibitTable
from affidavit.records import Finding
from privacy.inversion.examination import EXAMINATION
from privacy.inversion.words import Habits, share_of, words_in, words_of
from tests.privacy.inversion.talking import ADDED, WORDS, talk, talking_case


def habits(often: Mapping[int, float], *, signal: float = 1.0) -> Habits:
    told = np.zeros(WORDS)
    told[list(often)] = list(often.values())
    return Habits(often=told, added=frozenset({ADDED}), signal=signal)


def test_of_a_plain_update_the_rows_that_are_not_zero_are_the_words() -> None:
    rows = torch.zeros(WORDS, 8)
    rows[[ADDED, 5, 9]] = 1e-20
    assert words_in(rows.double(), habits({3: 1.0}), 1, noise=0.0) == {5, 9}


def test_noise_with_a_signal_tells_rare_words_and_noise_alone_the_usual_ones() -> None:
    rng = np.random.default_rng(0)
    usual = habits(dict.fromkeys(range(10, 15), 0.6))
    noise = torch.tensor(rng.normal(size=(WORDS, 8)))
    said = [20, 30, 40]
    loud, quiet = noise * 0.01, noise.clone() * 30
    loud[said] += 1.0
    assert words_in(loud, usual, 1, noise=0.01) == set(said)
    assert words_in(quiet, usual, 1, noise=30.0) < set(range(10, 15))


def test_a_batch_has_a_word_if_any_turn_has_it() -> None:
    np.testing.assert_allclose(habits({4: 0.5}).in_batch(3)[4], 1 - 0.5**3)
    assert ADDED not in habits({ADDED: 1.0, 4: 0.5}).usual(1, 1)


def test_nothing_said_has_no_share() -> None:
    assert np.isnan(share_of(frozenset({1}), frozenset()))
    assert share_of(frozenset(), frozenset({1})) == 0.0


@cache
def told(
    n_units: int = 8, batch_sizes: tuple[int, ...] = (1, 4), **options: object
) -> tuple[dict[str, Finding], dict[str, pd.DataFrame]]:
    case = talking_case(talk(), n_units=n_units, batch_sizes=batch_sizes, **options)
    assert EXAMINATION.refuses(case) is None
    testimony = EXAMINATION.examine(case)
    return {claim.finding.metric: claim.finding for claim in testimony.claims}, {
        exhibit.id: frame_of(exhibit) for exhibit in testimony.exhibits
    }


def frame_of(exhibit: ExhibitTable) -> pd.DataFrame:
    return pd.DataFrame(exhibit.values)


def value(finding: Finding) -> float:
    assert finding.estimate.value is not None
    return finding.estimate.value


def test_what_the_reader_adds_to_every_text_is_no_word() -> None:
    case = talking_case(talk())
    live = case.live["run"]
    turn = live.reasoner().attributable(live.corpus.utterances, utterance_id="p00-0", condition="TA", rationale="")
    assert len(words_of(turn)) == 5
    assert ADDED not in words_of(turn)


def test_a_plain_update_gives_away_every_word_label_and_voice_whatever_the_batch() -> None:
    findings, exhibits = told()
    rows = exhibits["inversion-by-setting"].set_index(["batch", "update", "metric"])["value"]
    for batch in (1, 4):
        assert value(findings[f"inversion_batch_{batch}_word_recall"]) == 1.0
        assert rows[batch, "plain", "word_precision"] == 1.0
        assert rows[batch, "plain", "psnr"] > 60
        assert rows[batch, "plain", "control_psnr"] < 25
        top = findings["inversion_input_match_rate"]
        assert value(findings[f"inversion_batch_{batch}_match_rate"]) == value(top)
    assert value(findings["inversion_batch_1_label_recovery"]) == 1.0


def test_under_noise_words_fall_to_what_anybody_would_guess_and_the_voice_to_the_average() -> None:
    findings, exhibits = told()
    rows = exhibits["inversion-by-setting"].set_index(["batch", "update", "metric"])["value"]
    for batch in (1, 4):
        hidden = findings[f"inversion_batch_{batch}_clipped_noised_word_recall"]
        assert hidden.null_expectation is not None
        assert value(hidden) <= hidden.null_expectation.high + 0.1
        psnr, usual = (rows[batch, "clipped and noised", name] for name in ("psnr", "control_psnr"))
        assert psnr <= usual + 1.0


def test_a_little_noise_hides_little() -> None:
    findings, _ = told(noise_multiplier=1e-6, batch_sizes=(1,))
    assert value(findings["inversion_batch_1_clipped_noised_word_recall"]) > 0.9
    assert value(findings["inversion_batch_1_clipped_noised_label_recovery"]) == 1.0, (
        "a bias of noise alone is not read"
    )
    assert value(findings["inversion_batch_1_clipped_noised_match_rate"]) == value(
        findings["inversion_batch_1_match_rate"]
    )


def test_each_part_gives_away_what_it_holds() -> None:
    _, exhibits = told()
    parts = exhibits["inversion-by-part"].set_index(["part", "metric"])["value"]
    assert parts["emotion", "label_recovered"] == 1.0
    assert parts["word", "word_recall"] == 1.0
    assert ("voice", "label_recovered") not in parts.index
    assert ("emotion", "word_recall") not in parts.index
    assert ("word", "state_match_rate") not in parts.index
    assert parts["voice", "state_match_rate"] > 0.5
    named = [parts[part, "gradient_share"] for part in ("emotion", "read", "word", "hear", "voice")]
    assert parts["all that is trained", "gradient_share"] == pytest.approx(1.0)
    assert sum(named) == pytest.approx(1.0, abs=1e-4)


def test_what_is_frozen_is_not_attacked() -> None:
    module = talk()
    for part in (module.word, module.voice):
        part.requires_grad_(False)
    testimony = EXAMINATION.examine(talking_case(module, batch_sizes=[1], steps=2))
    findings = {claim.finding.metric: claim.finding for claim in testimony.claims}
    assert not any("word" in metric for metric in findings)
    said = findings["inversion_batch_1_match_rate"].caveats
    assert "the embedding of words is not trained: no word is read off it" in said
    assert any("found by matching gradients" in one for one in said)
    parts = set(frame_of(testimony.exhibits[1])["part"])
    assert parts == {"all that is trained", "emotion", "read", "hear"}


def test_where_nothing_is_trained_nothing_is_sent() -> None:
    module = talk().requires_grad_(False)
    testimony = EXAMINATION.examine(talking_case(module, batch_sizes=[1]))
    assert not testimony.claims
    assert "nothing of the reasoner is trained" in testimony.refusals[0].because


def test_a_first_turn_without_a_text_takes_nobody_elses_words_away() -> None:
    case = talking_case(talk(), batch_sizes=[1], n_units=5)
    talker = case.live["run"].reasoner()
    silent = replace(talker, silent=frozenset({"p00-0", "p00-1"}))
    live = {"run": replace(case.live["run"], reasoner=lambda: silent)}
    testimony = EXAMINATION.examine(replace(case, live=live))
    findings = {claim.finding.metric: claim.finding for claim in testimony.claims}
    assert findings["inversion_batch_1_word_recall"].estimate.n == 4
    assert value(findings["inversion_batch_1_word_recall"]) == 1.0


def test_turns_without_words_are_no_words_lost() -> None:
    case = talking_case(talk(), batch_sizes=[1], n_units=5)
    live = case.live["run"]
    talker = live.reasoner()
    for name, (_, voice) in list(talker.said.items())[:2]:
        talker.said[name] = ((), voice)
    testimony = EXAMINATION.examine(case)
    (finding,) = (
        claim.finding for claim in testimony.claims if claim.finding.metric == "inversion_batch_1_word_recall"
    )
    assert finding.estimate.n == 4
