"""A served model is shown what a condition shows and nothing else, and what it says becomes a table."""

from __future__ import annotations

from typing import Any

import pytest

from affidavit.corpus import Corpus
from affidavit.errors import PlanError
from affidavit.model_origins import Basis
from affidavit.predictions import Predictions
from tests.reasoners.served.conftest import LABELS, Judge, corpus_of
from tests.reasoners.served.endpoint import completion, parts_of, served, text_of, tokens, words_of

pytest.importorskip("httpx")
pytest.importorskip("tenacity")
pytest.importorskip("aiolimiter")

JOY = "<think>Warm words.</think><answer>joy</answer>"


def rows(predictions: Predictions, name: str = "judgements") -> list[dict[str, Any]]:
    return predictions.side_tables[name].to_pylist()


def test_answers_become_judgements_with_reasons_and_cues(words: Corpus, judge: Judge) -> None:
    reasons = "<think>She says “word” in a warm voice.</think><answer>joy</answer>"
    with served(lambda body, n: reasons) as (url, came):
        predictions = judge(words, url)
    assert predictions.n_rows == 12
    assert predictions.levels["reasoner"] == ("served-tiny-omni",)
    assert {row["y_pred"] for row in rows(predictions)} == {"joy"}
    assert {row["rationale"] for row in rows(predictions)} == {"She says “word” in a warm voice."}
    assert {row["modality"] for row in rows(predictions, "cues")} >= {"audio"}
    assert sorted(came.asked) == [f"word{i:02d}" for i in range(12)]
    assert set(came.keys) == {None}


def test_under_each_condition_only_what_it_shows_is_sent(seen: Corpus, judge: Judge) -> None:
    with served(lambda body, n: JOY) as (url, came):
        predictions = judge(seen, url, conditions=["TAV", "TA", "TV", "AV", "T", "A", "V"], frames=3)
    assert predictions.n_rows == 14
    shown = {
        (bool(words_of(body)), parts_of(body).count("input_audio"), parts_of(body).count("image_url"))
        for body in came.bodies
    }
    assert shown == {(t, a, 3 * v) for t in (True, False) for a in (0, 1) for v in (0, 1) if t or a or v}
    asked = [text_of(body) for body in came.bodies]
    assert not any(
        name in text for text in asked for name in ("u00", "u01", "person-", "talk-", "tone.wav", "face.mkv")
    )
    # the two turns share their media, so that without words they are one question
    assert len(came.bodies) == 2 * 4 + 3


def test_a_degraded_and_an_exchanged_input_are_sent_as_such(seen: Corpus, judge: Judge) -> None:
    conditions = ["TA", "TA/noise=10dB", "T/insert=tired", "TA/resampled=T"]
    with served(lambda body, n: JOY) as (url, came):
        predictions = judge(seen, url, conditions=conditions)
    assert predictions.conditions == ("TA", "TA/noise=10dB", "TA/resampled=T", "T/insert=tired")
    sent = {str(body["messages"][1]["content"]) for body in came.bodies}
    assert len(sent) == 2 + 2 + 2  # two turns that exchange their words ask what was asked already
    assert any("tired" in text for text in sent)
    assert any(line.startswith("inserted:") for line in predictions.assumptions)


def test_words_erased_by_a_rationale_are_asked_in_a_second_round(judge: Judge) -> None:
    corpus = corpus_of(2)
    with served(lambda body, n: f'<think>"{words_of(body)}" says it.</think><answer>joy</answer>') as (url, came):
        predictions = judge(corpus, url, conditions=["T", "T/only-rationale=50%"])
    assert came.bodies
    told = {row["condition"] for row in [*rows(predictions), *rows(predictions, "unjudged")]}
    assert told == {"T", "T/only-rationale=50%"}


def test_history_tells_the_turns_before_and_whether_the_same_person_spoke(words: Corpus, judge: Judge) -> None:
    with served(lambda body, n: JOY) as (url, came):
        judge(words, url, history=2)
    content = next(b["messages"][1]["content"] for b in came.bodies if words_of(b) == "word02")
    assert content.startswith("Before this turn:\nSomebody else: word00\nSomebody else: word01\n")


def test_log_probabilities_become_probabilities_of_labels(words: Corpus, judge: Judge) -> None:
    listed = tokens(
        ("<answer>", {"<answer>": 1.0}),
        ("s", {"s": 0.6, "joy": 0.3, "ang": 0.1}),
        ("ad", {"ad": 0.75, "urp": 0.25}),
        ("ness</answer>", {"ness</answer>": 1.0}),
    )
    said = "<answer>sadness</answer>"
    with served(lambda body, n: completion(said, logprobs=listed)) as (url, came):
        predictions = judge(words, url, probabilities="logprobs")
    assert {body["logprobs"] for body in came.bodies} == {True}
    row = rows(predictions)[0]
    found = {label: round(row[f"prob_{label}"], 6) for label in LABELS}
    assert found == {"anger": 0.1, "joy": 0.3, "sadness": 0.45, "surprise": 0.15}


def test_an_endpoint_without_log_probabilities_leaves_the_table_without_probabilities(
    words: Corpus, judge: Judge
) -> None:
    with served(lambda body, n: JOY) as (url, _):
        predictions = judge(words, url, probabilities="logprobs")
    assert "prob_joy" not in predictions.columns
    assert any(line.startswith("12 judgements have no probabilities") for line in predictions.assumptions)


def test_samples_vote_and_their_shares_are_the_probabilities(words: Corpus, judge: Judge) -> None:
    said = ["joy", "anger", "boredom", "joy"]
    with served(lambda body, n: f"<think>{n}</think><answer>{said[body['seed'] % 4]}</answer>") as (url, came):
        predictions = judge(words, url, probabilities="samples", samples=4, temperature=0.7)
    assert len(came.bodies) == 48
    assert len({body["seed"] for body in came.bodies}) == 4
    row = rows(predictions)[0]
    assert row["y_pred"] == "joy"
    assert (row["prob_joy"], row["prob_anger"], row["prob_sadness"]) == (pytest.approx(2 / 3), pytest.approx(1 / 3), 0)
    assert any("12 of 48 completions gave no label" in line for line in predictions.assumptions)


def test_reasoning_that_the_endpoint_took_out_is_the_rationale(words: Corpus, judge: Judge) -> None:
    with served(lambda body, n: completion("<answer>joy</answer>", reasoning_content="A laugh.")) as (url, _):
        predictions = judge(words, url)
    assert {row["rationale"] for row in rows(predictions)} == {"A laugh."}


def test_without_rationales_none_are_asked_for_or_kept(words: Corpus, judge: Judge) -> None:
    with served(lambda body, n: "Well: <answer>joy</answer>") as (url, came):
        predictions = judge(words, url, rationales="none")
    assert "<think>" not in came.bodies[0]["messages"][1]["content"]
    assert "rationale" not in predictions.side_tables["judgements"].column_names


def test_tokens_are_counted_and_priced_and_what_is_not_counted_is_not_nothing(words: Corpus, judge: Judge) -> None:
    priced = {"price_in": 2.0, "price_out": 10.0, "currency": "EUR"}
    with served(lambda body, n: JOY) as (url, _):
        whole = judge(words, url, **priced)
    told = "12 requests took 1200 tokens of prompts and 120 of completions: 0.0036 EUR at 2 and 10 EUR for a million"
    assert told in whole.assumptions
    with served(lambda body, n: completion(JOY, usage={} if words_of(body) == "word00" else None)) as (url, _):
        part = judge(words, url, **priced)
    lacking = (
        "at least 1100 tokens of prompts and 110 of completions, and of 1 answers it told no count: at least 0.0033"
    )
    assert any(lacking in line for line in part.assumptions)


def test_the_report_repeats_whose_word_the_weights_are(words: Corpus, judge: Judge) -> None:
    with served(lambda body, n: JOY) as (url, _):
        predictions = judge(words, url, weights="R1-Omni-0.5B", licence="Apache-2.0")
    (model,) = predictions.models
    assert (model.source, model.licence, model.digest, model.basis) == ("R1-Omni-0.5B", "Apache-2.0", None, Basis.PLAN)
    assert any("the endpoint's word" in line for line in predictions.assumptions)


def test_a_key_comes_from_the_environment_and_is_written_nowhere(
    words: Corpus, judge: Judge, monkeypatch: pytest.MonkeyPatch, own_cache: Any
) -> None:
    monkeypatch.setenv("THE_KEY", "very-secret")
    with served(lambda body, n: JOY if n > 1 or words_of(body) != "word03" else completion("", usage={})) as (
        url,
        came,
    ):
        predictions = judge(words, url, key_variable="THE_KEY")
    assert set(came.keys) == {"Bearer very-secret"}
    kept = b"".join(path.read_bytes() for path in own_cache.rglob("*") if path.is_file())
    assert b"very-secret" not in kept
    assert "very-secret" not in str((predictions.assumptions, predictions.side_tables))


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"key_variable": "NOT_SET_ANYWHERE"}, "not in the environment"),
        ({"url": "ftp://host/v1"}, "cannot be called"),
        ({"url": "http://me:secret@host/v1"}, "holds more than an address"),
        ({"url": "http://host/v1?key=secret"}, "holds more than an address"),
        ({"samples": 3}, "samples"),
        ({"probabilities": "samples", "temperature": 0.5}, "samples"),
        ({"api_key": "secret"}, "api_key: unknown key"),
        ({"conditions": ["T/history=0"]}, "cannot be judged under"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_asked(
    words: Corpus, judge: Judge, options: dict[str, Any], match: str
) -> None:
    with served(lambda body, n: JOY) as (url, came), pytest.raises(PlanError, match=match) as caught:
        judge(words, options.get("url", url), **{k: v for k, v in options.items() if k != "url"})
    assert came.bodies == []
    assert "secret@" not in str(caught.value)
    assert "key=secret" not in str(caught.value)
