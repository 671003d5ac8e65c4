"""Reasoning written anew: a mistake from which the model goes on, other words, and who cannot be asked for either."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from affidavit.corpus import Corpus
from affidavit.errors import PlanError
from affidavit.plan import Execution
from affidavit.predictions import Predictions, Reading
from affidavit.protocols import silent
from affidavit.testing.tables import case_of
from affidavit.utterances import Judgement, Utterance
from faithfulness.corruption.examination import EXAMINATION as CORRUPTION
from reasoners.instructed.shards import Shards
from reasoners.language.encoding import TextEncoder
from reasoners.language.items import Item
from reasoners.language.judging import judge_corpus
from reasoners.language.lexical import LexicalRewriter, mistaken, paraphrased
from reasoners.language.options import JudgingOptions
from reasoners.language.own_words import OwnRewriter
from reasoners.language.prompts import Given, Question
from reasoners.language.reasoner import LanguageReasoner
from reasoners.language.rewriting import NO_OTHER_WORDS, NOTHING_ELSE, Passage, Writer, torn
from reasoners.omni.noise import byte_tokenizer, tiny

LABELS = ("anger", "joy", "sadness")
THOUGHT = "She speaks to a friend. Her voice is loud because she shouts. So she is angry."
TURNS = tuple(
    Utterance(utterance_id=f"u{i}", speaker_id=f"s{i}", text=text, label=LABELS[i % 3])
    for i, text in enumerate(("Go away!", "My dog came back.", "It is over.", "Who cares?"))
)
CORPUS = Corpus(name="made", utterances=TURNS, digest="sha256:0", licence="none", label_space=LABELS)
EVERY = ("T", "T/mistake=0", "T/mistake=0.5", "T/paraphrase", "T/early=0.5")


@dataclass(slots=True, eq=False)
class Scripted(LanguageReasoner):
    """A genuine model from noise whose writing is put in its mouth; labels are scored behind what it then said."""

    says: dict[str, str] = field(default_factory=dict)
    """By what its question ends in, or by condition."""
    began: list[str] = field(default_factory=list)
    """What it was to go on from."""

    def _write(self, items: Sequence[Item], prefix: Any) -> list[str]:
        self.began += [item.thought or "" for item in items if item.goes_on]
        return [self.says.get(item.condition, f"{THOUGHT}</think><answer>joy</answer>") for item in items]

    def written_to(self, questions: Sequence[Question], *, stop: str, seeds: Sequence[int]) -> list[str]:
        return [self.says.get(str(question.pieces[0]).rsplit("\n", 1)[-1], "") for question in questions]


def scripted(writer: Writer | None, **says: str) -> Scripted:
    return Scripted(
        model=tiny("llama"),
        encoder=TextEncoder(byte_tokenizer()),
        labels=LABELS,
        asking=JudgingOptions(conditions=("T",), max_tokens=8),
        writer=writer,
        says=says,
    )


def judged(reasoner: LanguageReasoner, *conditions: str) -> Predictions:
    return judge_corpus(
        reasoner,
        CORPUS,
        JudgingOptions(conditions=conditions),
        reading=Reading(run="run", execution=Execution(device="cpu", workers=0, threads=1)),
        shards=Shards(None),
        progress=silent,
    )


def said(predictions: Predictions) -> dict[tuple[str, str], dict[str, Any]]:
    rows = predictions.side_tables["judgements"].to_pylist()
    return {(row["utterance_id"], row["condition"]): row for row in rows}


def unjudged(predictions: Predictions) -> dict[tuple[str, str], str]:
    rows = predictions.side_tables["unjudged"].to_pylist()
    return {(row["utterance_id"], row["condition"]): row["because"] for row in rows}


@pytest.mark.parametrize(
    ("sentence", "wrong"),
    [
        ("Her VOICE is Loud and fast.", "Her VOICE is Quiet and slow."),
        ("There is a frown, and she is angry.", "There is a smile, and she is angry."),
        ("It is not over.", "It is over."),
        ("She says that he carries it.", "She does not say that he carries it."),
        ("They don't know.", "They do know."),
        ("她很生气。", None),
        ("Hm.", None),
    ],
)
def test_a_sentence_is_made_false_by_its_cue_else_by_denying_it(sentence: str, wrong: str | None) -> None:
    assert mistaken(sentence, LABELS, seed=0) == wrong


def test_another_emotion_is_one_of_the_label_space_in_the_form_of_the_word_it_replaces() -> None:
    drawn = {mistaken("Anger is heard, she cries angrily.", LABELS, seed=seed) for seed in range(20)}
    assert drawn == {"Joy is heard, she cries happily.", "Sadness is heard, she cries sadly."}
    assert mistaken("She sighs, tired and worn.", ("worn", "joy"), seed=3) == "She sighs, tired and happy."
    assert mistaken("She is happy.", ("worn", "joy"), seed=3) == "She is worn."


def test_a_paraphrase_leaves_words_of_emotions_and_gives_up_where_the_list_has_nothing() -> None:
    assert paraphrased("Her tone shows anger because she is sad.") == "Her manner reveals anger since she is sad."
    assert paraphrased("Anger.") is None


@pytest.mark.parametrize(
    ("share", "before", "sentence"),
    [
        (0.0, "", "She speaks to a friend."),
        (0.5, "She speaks to a friend.", "Her voice is loud because she shouts."),
        (0.99, "She speaks to a friend. Her voice is loud because she shouts.", "So she is angry."),
    ],
)
def test_reasoning_is_cut_at_the_sentence_in_which_its_share_of_words_ends(
    share: float, before: str, sentence: str
) -> None:
    found = torn(THOUGHT, share)
    assert (found.before, found.sentence) == (before, sentence)
    assert torn("...", 0.5).sentence == "..."


def test_behind_a_mistake_the_model_goes_on_and_answers_behind_all_of_it() -> None:
    reasoner = scripted("lexical", **{"T/mistake=0.5": " Then she leaves.</think><answer>anger</answer>"})
    found = said(judged(reasoner, *EVERY))
    half = "She speaks to a friend. Her voice is quiet because she shouts."
    assert reasoner.began.count(half) == len(TURNS)
    assert {found[turn.utterance_id, "T/mistake=0.5"]["rationale"] for turn in TURNS} == {f"{half} Then she leaves."}
    assert found["u0", "T/mistake=0"]["rationale"].startswith("She does not speak to a friend.")
    shares = {under: [found["u0", under][f"prob_{label}"] for label in LABELS] for under in EVERY}
    assert len({tuple(np.round(row, 9)) for row in shares.values()}) == len(EVERY), "each is another answer"


def test_an_answer_behind_other_words_rests_on_them_and_the_report_says_how_other_they_are() -> None:
    predictions = judged(scripted("lexical"), "T", "T/paraphrase")
    found = said(predictions)
    assert found["u0", "T/paraphrase"]["rationale"] == (
        "She talks to a friend. Her voice is loud since she shouts. So she is angry."
    )
    assert any(line.startswith("paraphrase: written by word lists") for line in predictions.assumptions)
    assert "paraphrase: 12% of the words of 4 reasonings are not in the other one" in predictions.assumptions


def test_whose_reasoning_cannot_be_written_anew_is_counted_and_never_dropped() -> None:
    predictions = judged(scripted("lexical", T="Hm.</think>"), "T", "T/paraphrase", "T/mistake=0.5")
    wanted = {(turn.utterance_id, under) for turn in TURNS for under in ("T/paraphrase", "T/mistake=0.5")}
    assert unjudged(predictions) == dict.fromkeys(wanted, NO_OTHER_WORDS)


def test_the_model_itself_writes_when_it_is_named_and_what_comes_back_unchanged_is_no_change() -> None:
    again = {THOUGHT: '"A loud voice, hence anger."\nI hope this helps.'}
    found = judged(scripted("self", **again), "T", "T/paraphrase")
    assert said(found)["u0", "T/paraphrase"]["rationale"] == "A loud voice, hence anger."
    assert any("by the judged model itself" in line for line in found.assumptions)
    echoed = judged(scripted("self", **{THOUGHT: THOUGHT.upper()}), "T", "T/paraphrase")
    assert set(unjudged(echoed).values()) == {NOTHING_ELSE}
    silent_one = judged(scripted("self"), "T", "T/paraphrase")
    assert set(unjudged(silent_one).values()) == {NO_OTHER_WORDS}


def test_a_genuine_model_is_asked_in_a_batch_and_the_same_every_time() -> None:
    reasoner = LanguageReasoner(
        model=tiny("llama"),
        encoder=TextEncoder(byte_tokenizer()),
        labels=LABELS,
        asking=JudgingOptions(conditions=("T",), max_tokens=12),
        batch=2,
    )
    texts = ("She laughs.", "Her voice shakes and she looks down.", "No.")
    passages = [Passage(text=text, operator="paraphrase", labels=LABELS, seed=0) for text in texts]
    found = OwnRewriter(reasoner).rewritten(passages)
    assert found == OwnRewriter(reasoner).rewritten(passages)
    alone = [OwnRewriter(reasoner).rewritten([passage])[0] for passage in passages]
    assert found == alone, "what is written does not depend on who is asked beside it"
    assert all(text is None or "\n" not in text for text in found)


def test_going_on_from_nothing_is_thinking_from_the_start() -> None:
    reasoner = LanguageReasoner(
        model=tiny("llama"),
        encoder=TextEncoder(byte_tokenizer()),
        labels=LABELS,
        asking=JudgingOptions(conditions=("T",), max_tokens=12),
    )
    own = Item(utterance_id="u", condition="T", given=Given(text="Go away!"))
    [plain] = reasoner.answers([own])
    [begun] = reasoner.answers([replace(own, thought="", goes_on=True)])
    [after] = reasoner.answers([replace(own, thought="Her voice is quiet.", goes_on=True)])
    assert begun.said == plain.said
    assert isinstance(after.said, Judgement)
    assert (after.said.rationale or "").startswith("Her voice is quiet.")
    assert after.parsed is not None


def test_with_written_answers_every_condition_is_answered_in_words() -> None:
    """An answer behind reasoning that was put in its place is written as the one behind its own."""
    says = {"T": f"{THOUGHT}</think><answer>joy</answer>", "T/early=0.5": "sadness</answer>"}
    reasoner = scripted(None, **says)
    reasoner.asking = JudgingOptions(conditions=("T",), answer="written")
    found = said(judged(reasoner, "T", "T/early=0.5"))
    assert {row["y_pred"] for (_, under), row in found.items() if under == "T"} == {"joy"}
    cut = found["u0", "T/early=0.5"]
    assert cut["y_pred"] == "sadness"
    assert cut["rationale"] == "She speaks to a friend. Her voice is"


def test_the_examination_of_corrupted_reasoning_reads_all_four_ways() -> None:
    wrong = {f"T/mistake={share}": " Hence.</think><answer>anger</answer>" for share in ("0", "0.5")}
    table = judged(scripted("lexical", **wrong), *EVERY, "T/early=0", "T/filler").side_tables["judgements"]
    case = case_of(table.to_pandas(), ())
    assert CORRUPTION.refuses(case) is None
    testimony = CORRUPTION.examine(case)
    assert not testimony.refusals
    found = {claim.finding.metric for claim in testimony.claims}
    assert {"added_mistakes_aoc", "early_answering_aoc", "filler_change_rate", "paraphrase_change_rate"} <= found


@pytest.mark.parametrize("under", ["T/mistake=0.5", "T/paraphrase"])
def test_nobody_named_to_write_is_refused_with_whom_to_name(under: str) -> None:
    with pytest.raises(PlanError, match="nobody who writes") as caught:
        judged(scripted(None), "T", under)
    assert "rewriter: lexical" in str(caught.value)


def test_the_lists_are_asked_like_anybody() -> None:
    asked = [
        Passage(text="Her voice is loud.", operator=name, labels=LABELS, seed=0) for name in ("mistake", "paraphrase")
    ]
    assert LexicalRewriter().rewritten(asked) == ["Her voice is quiet.", None]
