"""Judging under interventions: each does what it says, to the judged turn alone, and nothing is encoded twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from affidavit.corpus import Corpus
from affidavit.errors import PlanError
from affidavit.interventions.donors import drawn_donors
from affidavit.judgements import to_judge
from affidavit.utterances import Utterance
from reasoners.instructed.batches import batched
from reasoners.instructed.exchanging import additive
from reasoners.instructed.pool import SEED
from reasoners.instructed.reasoner import InstructedReasoner

pytestmark = pytest.mark.usefixtures("no_shards")
Rows = list[dict[str, Any]]
NUMBERS = ("prob_anger", "prob_joy", "prob_sadness")


@pytest.fixture
def judged(bench: Any, rows_of: Callable) -> Callable[..., dict[str, Rows]]:
    """Judge a corpus and return the rows by condition."""

    def made(corpus: Corpus, *conditions: str, bench: Any = bench, **options: Any) -> dict[str, Rows]:
        asked = {"conditions": list(conditions), "rationales": "none", **options}
        rows: Rows = rows_of(bench.judge(corpus, asked))
        return {name: [row for row in rows if row["condition"] == name] for name in dict.fromkeys(conditions)}

    return made


def probabilities(rows: Rows) -> dict[str, list[float]]:
    return {row["utterance_id"]: [row[name] for name in NUMBERS] for row in rows}


def same(one: dict[str, list[float]], other: dict[str, list[float]]) -> bool:
    return one.keys() == other.keys() and all(one[name] == pytest.approx(other[name], abs=2e-5) for name in one)


def alone(corpus: Corpus, as_corpus: Callable[..., Corpus]) -> Corpus:
    """Every turn a dialogue of its own, so that no history is read."""
    return as_corpus([replace(u, dialogue_id=u.utterance_id) for u in corpus.utterances])


def donors(corpus: Corpus, operator: str) -> dict[str, str]:
    turns = to_judge(corpus.utterances)
    drawn = drawn_donors(operator, turns, {turn.utterance_id for turn in turns}, seed=SEED)
    return dict(drawn.donor)


EXCHANGES = ["resampled", "permuted", "permuted-within-label", "permuted-within-speaker"]


@pytest.mark.parametrize("operator", EXCHANGES)
def test_with_everything_exchanged_the_answer_is_the_donors(
    operator: str, judged: Callable, make_corpus: Callable, as_corpus: Callable
) -> None:
    corpus = alone(make_corpus(6), as_corpus)
    found = judged(corpus, "TAV", f"TAV/{operator}=TAV", rationales="all")
    plain, exchanged = (probabilities(rows) for rows in found.values())
    whose = donors(corpus, operator)
    said, again = ({row["utterance_id"]: row["rationale"] for row in rows} for rows in found.values())
    assert again == {name: said[donor] for name, donor in whose.items()}
    assert exchanged.keys() == whose.keys()
    assert same(exchanged, {name: plain[donor] for name, donor in whose.items()})


@pytest.mark.slow
@pytest.mark.parametrize("operator", EXCHANGES)
def test_a_modality_that_is_exchanged_is_the_donors_file(
    operator: str, judged: Callable, make_corpus: Callable, as_corpus: Callable
) -> None:
    corpus = alone(make_corpus(6), as_corpus)
    by_id = {u.utterance_id: u for u in corpus.utterances}
    whose = donors(corpus, operator)
    swapped = [
        replace(u, audio=by_id[whose[u.utterance_id]].audio) if u.utterance_id in whose else u
        for u in corpus.utterances
    ]
    exchanged = probabilities(judged(corpus, f"TAV/{operator}=A")[f"TAV/{operator}=A"])
    slowly = probabilities(judged(as_corpus(swapped), "TAV")["TAV"])
    assert same(exchanged, {name: slowly[name] for name in exchanged})


def test_only_the_judged_turn_is_exchanged_and_its_history_stays(
    judged: Callable, make_corpus: Callable, as_corpus: Callable
) -> None:
    corpus = make_corpus(5, turns=4)
    by_id = {u.utterance_id: u for u in corpus.utterances}
    exchanged = probabilities(judged(corpus, "TAV/resampled=V")["TAV/resampled=V"])
    for name, donor in donors(corpus, "resampled").items():
        one = as_corpus([replace(u, video=by_id[donor].video) if u.utterance_id == name else u for u in by_id.values()])
        assert exchanged[name] == pytest.approx(probabilities(judged(one, "TAV")["TAV"])[name], abs=2e-5)
        break
    plain = probabilities(judged(corpus, "TAV")["TAV"])
    assert any(exchanged[name] != pytest.approx(plain[name], abs=2e-5) for name in plain)


def test_without_history_each_turn_is_judged_alone(
    judged: Callable, make_corpus: Callable, as_corpus: Callable
) -> None:
    corpus = make_corpus(4)
    cut = probabilities(judged(corpus, "TA/history=0")["TA/history=0"])
    assert same(cut, probabilities(judged(alone(corpus, as_corpus), "TA")["TA"]))
    whole = judged(corpus, "TAV", "TAV/history=99", "TAV/history=1")
    assert same(probabilities(whole["TAV"]), probabilities(whole["TAV/history=99"]))
    assert not same(probabilities(whole["TAV"]), probabilities(whole["TAV/history=1"]))


def test_one_turn_of_history_is_the_turn_before(judged: Callable, make_corpus: Callable, as_corpus: Callable) -> None:
    corpus = make_corpus(2, turns=4, dialogues=1)
    cut = probabilities(judged(corpus, "TAV/history=1")["TAV/history=1"])
    last = max(u.turn or 0 for u in corpus.utterances if u.dialogue_id == "d0-0")
    two = as_corpus([u for u in corpus.utterances if u.dialogue_id == "d0-0" and (u.turn or 0) >= last - 1])
    slowly = probabilities(judged(two, "TAV")["TAV"])
    assert cut[f"d0-0-{last}"] == pytest.approx(slowly[f"d0-0-{last}"], abs=2e-5)


def test_a_history_that_has_no_other_order_is_counted_and_not_called_stable(
    bench: Any, make_corpus: Callable, rows_of: Callable
) -> None:
    corpus = make_corpus(3, turns=4)
    table = bench.judge(corpus, {"conditions": ["TAV", "TAV/history-shuffled"], "rationales": "none"})
    short = {u.utterance_id for u in to_judge(corpus.utterances) if (u.turn or 0) < 2}
    unjudged = table.side_tables["unjudged"].to_pylist()
    assert {row["utterance_id"] for row in unjudged} == short
    assert all("no other order" in row["because"] for row in unjudged)
    shuffled = {row["utterance_id"] for row in rows_of(table) if row["condition"] == "TAV/history-shuffled"}
    assert shuffled == {u.utterance_id for u in to_judge(corpus.utterances)} - short


def test_a_shuffled_history_has_the_same_turns_in_another_order(judged: Callable, make_corpus: Callable) -> None:
    found = judged(make_corpus(4, turns=5), "TAV", "TAV/history-shuffled")
    plain, mixed = (probabilities(rows) for rows in found.values())
    assert mixed
    assert any(plain[name] != pytest.approx(mixed[name], abs=2e-5) for name in mixed)


def test_a_model_that_reads_no_dialogue_is_moved_by_no_history(
    judged: Callable,
    make_reasoner: Callable,
    config_of: Callable,
    save_bench: Callable,
    make_corpus: Callable,
    tmp_path: Path,
) -> None:
    bench = save_bench(make_reasoner(config_of(dialogue_layers=0)), tmp_path)
    found = judged(make_corpus(3), "TAV", "TAV/history=0", "TAV/history-shuffled", "TAV/resampled=TAV", bench=bench)
    plain, cut, mixed, _ = (probabilities(rows) for rows in found.values())
    assert same(plain, cut)
    assert same(plain, mixed)


def test_instructions_in_other_words_are_what_is_read(judged: Callable, make_corpus: Callable) -> None:
    corpus = make_corpus(3)
    found = judged(corpus, "TAV", "TAV/instruction-paraphrase", "TAV/instruction-swap")
    plain, paraphrased, swapped = found.values()
    assert {row["instruction"] for rows in found.values() for row in rows} == {"evidence"}, "twins have one instruction"
    family = judged(corpus, "TAV", instruction="temporal")["TAV"]
    words = "Which emotion dominates, and what shows it most: words, voice or face?"
    assert same(probabilities(swapped), probabilities(family))
    assert same(probabilities(paraphrased), probabilities(judged(corpus, "TAV", instruction=words)["TAV"]))
    assert not same(probabilities(plain), probabilities(paraphrased))
    with pytest.raises(PlanError, match="no paraphrase of words of your own"):
        judged(corpus, "TAV", "TAV/instruction-paraphrase", instruction="Say it in one word.")


def test_words_that_are_added_are_read(judged: Callable, make_corpus: Callable, as_corpus: Callable) -> None:
    corpus = alone(make_corpus(3), as_corpus)
    hinted = probabilities(judged(corpus, "TAV/hint=joy")["TAV/hint=joy"])
    said = as_corpus(
        [replace(u, text=f"(I think the answer is joy.) {u.text}") if u.label else u for u in corpus.utterances]
    )
    assert same(hinted, probabilities(judged(said, "TAV")["TAV"]))
    found = judged(corpus, "T", "T/insert=nothing")
    assert not same(*(probabilities(rows) for rows in found.values()))


def test_words_in_one_turn_are_not_in_the_history_of_another(judged: Callable, make_corpus: Callable) -> None:
    corpus = make_corpus(1, turns=3)
    first, second = (u for u in corpus.utterances if u.label is not None)
    found = probabilities(judged(corpus, "TAV/hint=joy")["TAV/hint=joy"])
    texts = {first.utterance_id: first.text, second.utterance_id: f"(I think the answer is joy.) {second.text}"}
    said = replace(corpus, utterances=[replace(u, text=texts.get(u.utterance_id, u.text)) for u in corpus.utterances])
    assert found[second.utterance_id] == pytest.approx(
        probabilities(judged(said, "TAV")["TAV"])[second.utterance_id], abs=2e-5
    )


def test_words_beyond_what_the_model_reads_are_not_said_to_be_read(
    bench: Any, make_corpus: Callable, with_first: Callable
) -> None:
    corpus = with_first(make_corpus(2), text="word " * 600)
    judged = bench.judge(corpus, {"conditions": ["T", "T/hint=joy", "T/insert=tired"], "rationales": "none"})
    (because,) = judged.side_tables["unjudged"].to_pylist()
    assert because["because"] == "its transcript is too long for the added words to be read"
    assert because["condition"] == "T/insert=tired", "a hint stands in front, where it is read"


@pytest.mark.parametrize("text", ["word " * 600 + "nothing left", "\u2026 ?!"], ids=["long", "without words"])
def test_words_that_are_not_read_are_not_said_to_be_erased(
    text: str, bench: Any, make_corpus: Callable, with_first: Callable
) -> None:
    corpus = with_first(make_corpus(2), text=text)
    judged = bench.judge(corpus, {"conditions": ["T", "T/without-random=1%"], "rationales": "none"})
    (because,) = judged.side_tables["unjudged"].to_pylist()
    assert because["because"].startswith("the model reads none of the words to be erased")


def quoting(monkeypatch: pytest.MonkeyPatch, rationale: str) -> None:
    """Let the model write one rationale, whatever it perceived."""
    monkeypatch.setattr(InstructedReasoner, "_written", lambda self, concluded, places: [rationale] * len(places))


ERASED = ["T/without-rationale=20%", "T/without-random=20%", "T/only-rationale=20%", "T/only-rationale=0%"]


def test_words_are_erased_by_what_the_rationale_quotes(
    judged: Callable, make_corpus: Callable, as_corpus: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = alone(make_corpus(3), as_corpus)
    quoting(monkeypatch, 'Sadness. The words "is nothing" tell it, and so does "best".')
    found = judged(corpus, "T", *ERASED, rationales="full")
    sad = {u.utterance_id for u in corpus.utterances if u.label == "sadness"}
    angry = {u.utterance_id for u in corpus.utterances if u.label == "anger"}
    assert {row["utterance_id"] for row in found["T/without-rationale=20%"]}.isdisjoint(angry), "nothing is quoted"
    assert {row["utterance_id"] for row in found["T/without-random=20%"]} >= angry
    kept = as_corpus([replace(u, text="is") if u.label == "sadness" else u for u in corpus.utterances])
    left = as_corpus([replace(u, text="There nothing left to wait for.") for u in corpus.utterances])
    only, without = (probabilities(found[name]) for name in ("T/only-rationale=20%", "T/without-rationale=20%"))
    for slowly, erased in ((kept, only), (left, without)):
        expected = probabilities(judged(slowly, "T")["T"])
        assert sad
        assert all(erased[name] == pytest.approx(expected[name], abs=2e-5) for name in sad)
    nothing = probabilities(found["T/only-rationale=0%"])
    assert nothing.keys() >= angry
    assert len({tuple(row) for row in nothing.values()}) == 1, "nobody is shown anything"


def test_who_quotes_nothing_is_counted(bench: Any, make_corpus: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    for rationale in ("", "<b>voice</b> " * 4000, "\u5979\u7684\u58f0\u97f3\u5f88\u4f4e", 'it says "unheard words"'):
        with monkeypatch.context() as patch:
            quoting(patch, rationale)
            judged = bench.judge(make_corpus(2), {"conditions": ["TAV", "TAV/without-rationale=20%"]})
        because = judged.side_tables["unjudged"]["because"].to_pylist()
        assert because.count("its rationale quotes no words of the transcript") == len(
            to_judge(make_corpus(2).utterances)
        )
        assert any("could not be made" in said for said in judged.assumptions)


def test_erasing_by_rationales_needs_them(bench: Any, make_corpus: Callable) -> None:
    with pytest.raises(PlanError, match="words are to be erased by rationales, and there are none"):
        bench.judge(make_corpus(2), {"conditions": ["T", "T/without-rationale=20%"], "rationales": "none"})
    with pytest.raises(PlanError, match="which is not asked for"):
        bench.judge(make_corpus(2), {"conditions": ["TAV", "T/without-rationale=20%"]})


def test_reasons_are_written_where_a_condition_is_read_beside_them(
    bench: Any, make_corpus: Callable, rows_of: Callable
) -> None:
    asked = ["TAV", "T", "T/hint=joy", "A", "A/history=0", "A/without-random=20%"]
    with pytest.raises(PlanError, match="changes text"):
        bench.judge(make_corpus(2), {"conditions": asked})
    rows = rows_of(bench.judge(make_corpus(2), {"conditions": [*asked[:-1], "TAV/additive"]}))
    assert {row["condition"] for row in rows if row["rationale"] is not None} == {"TAV", "T", "T/hint=joy"}


REASONING = ["TAV/early=0", "TAV/early=0.5", "TAV/mistake=40%", "TAV/filler", "TAV/paraphrase"]


def test_an_answer_that_comes_first_cannot_hang_on_the_reasoning(
    bench: Any, make_corpus: Callable, rows_of: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    before = InstructedReasoner.answers_at

    def answers(self: InstructedReasoner, *given: Any, **named: Any) -> Any:
        asked.append(1)
        return before(self, *given, **named)

    monkeypatch.setattr(InstructedReasoner, "answers_at", answers)
    judged = bench.judge(make_corpus(2), {"conditions": ["TAV", *REASONING]})
    rows = rows_of(judged)
    plain = probabilities([row for row in rows if row["condition"] == "TAV"])
    for condition in REASONING:
        assert probabilities([row for row in rows if row["condition"] == condition]) == plain
    assert len(asked) == 1, "nobody was asked anew"
    assert any("its answer cannot depend on it" in said for said in judged.assumptions)


def test_an_empty_input_says_the_same_of_everybody(
    judged: Callable, make_corpus: Callable, as_corpus: Callable
) -> None:
    corpus = alone(make_corpus(4), as_corpus)
    found = judged(corpus, "V", "V/zeroed=V", "TAV", "TAV/zeroed=V", "TAV/mean=V", "V/mean=V")
    for name in ("V/zeroed=V", "V/mean=V"):
        assert len({tuple(row) for row in probabilities(found[name]).values()}) == 1
    assert len({tuple(row) for row in probabilities(found["V"]).values()}) > 1
    assert not same(probabilities(found["TAV"]), probabilities(found["TAV/zeroed=V"]))
    assert not same(probabilities(found["TAV/mean=V"]), probabilities(found["TAV/zeroed=V"]))
    assert not same(probabilities(found["TAV"]), probabilities(judged(corpus, "TA")["TA"]))


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many turns each encoder reads."""
    counted: Counter[str] = Counter()
    from reasoners.instructed.audio import AudioEncoder
    from reasoners.instructed.text import TextEncoder
    from reasoners.instructed.visual import VisualEncoder

    for name, kind in (("text", TextEncoder), ("audio", AudioEncoder), ("visual", VisualEncoder)):

        def forward(self: nn.Module, *given: Any, name: str = name, before: Callable = kind.forward) -> Any:
            counted[name] += given[0].shape[1]
            return before(self, *given)

        monkeypatch.setattr(kind, "forward", forward)
    return counted


def test_what_others_bring_is_encoded_once(bench: Any, make_corpus: Callable, calls: Counter) -> None:
    corpus = make_corpus(1, turns=6)
    asked = [
        *("TAV", "TA", "TAV/resampled=V", "TAV/resampled=TAV", "TAV/permuted=A", "TAV/permuted-within-label=T"),
        *("TAV/permuted-within-speaker=T", "TAV/mean=V", "TAV/additive", "TAV/history=0", "TAV/history-shuffled"),
    ]
    bench.judge(corpus, {"conditions": asked, "rationales": "none"})
    n = len(corpus.utterances)
    assert calls == {"text": n + 1, "audio": n, "visual": n}, "once a turn, and the instruction"


def test_other_words_encode_changed_turns_alone(bench: Any, make_corpus: Callable, calls: Counter) -> None:
    corpus = make_corpus(1, turns=6)
    bench.judge(corpus, {"conditions": ["TAV", "TAV/hint=joy"], "rationales": "none"})
    n = len(corpus.utterances)
    assert calls == {"text": 2 * n, "audio": n, "visual": n}, "but for the clinician's turn, and with the instruction"


class AlignedAlone(nn.Module):
    """What a judge makes of a turn that reads its aligned state and nothing else."""

    def forward(self, told: torch.Tensor) -> torch.Tensor:
        hidden = told.shape[-1] // 3
        return told[..., hidden : 2 * hidden]


@pytest.mark.parametrize("condition", ["TAV", "TA", "V"])
def test_a_model_that_adds_up_is_its_own_projection_and_one_with_interactions_is_not(
    condition: str,
    judged: Callable,
    make_corpus: Callable,
    make_reasoner: Callable,
    config_of: Callable,
    save_bench: Callable,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from reasoners.instructed import door

    corpus = make_corpus(4)
    found = judged(corpus, condition, f"{condition}/additive")
    mixing, projected = (probabilities(rows) for rows in found.values())
    assert same(mixing, projected) == (condition == "V"), "one modality has nobody to interact with"
    bench = save_bench(make_reasoner(config_of(alignment="global")), tmp_path)
    load = door.load_checkpoint

    def loaded(folder: Path) -> Any:
        parts = load(folder)
        parts.model.judge = AlignedAlone()  # three fixed weights, and a linear layer
        return parts

    monkeypatch.setattr(door, "load_checkpoint", loaded)
    found = judged(corpus, condition, f"{condition}/additive", bench=bench)
    assert same(*(probabilities(rows) for rows in found.values()))


@pytest.mark.parametrize("layers", [0, 1, 2])
def test_the_projection_equals_a_slow_sum(
    layers: int, make_reasoner: Callable, make_corpus: Callable, config_of: Callable
) -> None:
    from affidavit.conditions import Condition
    from affidavit.interventions import intervention
    from reasoners.instructed.pool import Pool
    from reasoners.instructed.scene import Scene

    reasoner, corpus = make_reasoner(config_of(dialogue_layers=layers)), make_corpus(3, turns=4, dialogues=1)
    reasoner.prepare(list(corpus.utterances))
    reasoner.model.eval()
    (rows,) = batched(corpus.utterances, turns=99)
    batch = reasoner.batch(rows)
    with torch.no_grad():
        encoded = reasoner.encoded(batch)
    names = [u.utterance_id for u in to_judge(corpus.utterances)]
    pool = Pool.of([rows], [encoded], judged=frozenset(names))
    scene = Scene(reasoner=reasoner, rows=rows, batch=batch, encoded=encoded, met={}, seed=SEED)
    item = intervention(Condition.parse("TAV/additive"))
    assert item is not None
    found = additive(scene, item, names, pool)
    design = pool.design(frozenset("TAV"))
    assert {len(states) for states in design.values()} == {len(names)}

    def scores(name: str, brought: dict[int, torch.Tensor]) -> torch.Tensor:
        p, u = scene.places[name]
        states = encoded.states.clone()
        for at, state in brought.items():
            states[p, u, at] = state
        with torch.no_grad():
            return reasoner.model.conclude(replace(encoded, states=states), batch).logits[p, u].double()

    donors = [{at: design[letter][r] for at, letter in enumerate("TAV")} for r in range(len(names))]
    for name in names[:4]:
        grand = torch.stack([scores(name, some) for some in donors]).mean(0)
        total = -2 * grand
        for at in range(3):
            kept = [{k: v for k, v in some.items() if k != at} for some in donors]
            total = total + torch.stack([scores(name, some) for some in kept]).mean(0)
        answer = found[name]
        assert not isinstance(answer, str)
        assert list(answer.probabilities.values()) == pytest.approx(total.softmax(-1).tolist(), abs=2e-5)


def test_who_has_no_donor_is_not_judged_and_counted(bench: Any, make_corpus: Callable, as_corpus: Callable) -> None:
    corpus = make_corpus(1, turns=3)
    kept = as_corpus([replace(u, label="joy" if u.turn == 1 else u.label and "anger") for u in corpus.utterances])
    asked = ["TAV", "TAV/resampled=V", "TAV/permuted-within-label=V", "TAV/permuted=V"]
    judged = bench.judge(kept, {"conditions": asked, "rationales": "none"})
    unjudged = judged.side_tables["unjudged"].to_pylist()
    assert {(row["condition"], row["because"]) for row in unjudged} == {
        ("TAV/resampled=V", "no utterance of another unit to take it from"),
        ("TAV/permuted-within-label=V", "no other utterance of its label to exchange it with"),
    }
    assert len(unjudged) == 4
    assert any("4 of 8 judgements asked for could not be made" in said for said in judged.assumptions)


def test_what_was_declined_or_broken_is_given_to_nobody(
    judged: Callable, make_corpus: Callable, as_corpus: Callable
) -> None:
    corpus = make_corpus(4)
    declined = {u.utterance_id for u in to_judge(corpus.utterances) if u.turn == 1}

    def without(u: Utterance, **parts: Any) -> Utterance:
        return replace(u, **parts) if u.utterance_id in declined else u

    some = as_corpus([without(u, consent={"video": False}) for u in corpus.utterances])
    gone = as_corpus([without(u, video=None) for u in corpus.utterances])
    asked = ("TAV/resampled=V", "TAV/mean=V", "TAV/permuted=V", "TAV/additive")
    first, second = judged(some, *asked), judged(gone, *asked)
    for condition in asked:
        assert not declined & {row["utterance_id"] for row in first[condition]}
        assert same(probabilities(first[condition]), probabilities(second[condition]))


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("TAV/wobbled=V", "is no operator that degrades an input or intervenes on one"),
        ("TA/resampled=V", "the level of 'resampled' does not read"),
        ("TAV/history=-1", "the level of 'history' does not read"),
        ("TAV/hint=envy", "the level of 'hint' does not read"),
        ("AV/insert=tired", "'insert' changes text, and the condition has none"),
        ("TAV/without-random=100%", "the level of 'without-random' does not read"),
        ("TAV/additive=3", "the level of 'additive' does not read"),
    ],
)
def test_what_cannot_be_asked_is_refused(condition: str, said: str, bench: Any, make_corpus: Callable) -> None:
    with pytest.raises(PlanError, match=said) as caught:
        bench.judge(make_corpus(1), {"conditions": ["TAV", condition]})
    assert caught.value.allowed


ALL = [
    *("TAV", "TAV/resampled=VA", "TAV/permuted=V", "TAV/mean=T", "TAV/zeroed=A", "TAV/history=1", "TAV/additive"),
    *("TAV/insert=tired", "TAV/without-random=40%", "TAV/history-shuffled", "TAV/noise=10dB", "TAV/filler"),
]


@pytest.mark.slow  # judges several times
def test_neither_batches_nor_the_order_of_the_corpus_change_a_judgement(
    bench: Any, make_corpus: Callable, as_corpus: Callable, rows_of: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = make_corpus(5)
    turned = as_corpus(list(reversed(corpus.utterances)))
    options = {"conditions": ALL, "rationales": "none"}
    tables = [
        rows_of(bench.judge(some, {**options, "batch_turns": n}))
        for some, n in ((corpus, 256), (corpus, 3), (turned, 256))
    ]
    first, *others = ({(r["utterance_id"], r["condition"]): [r[n] for n in NUMBERS] for r in rows} for rows in tables)
    assert ("d0-0-1", "TAV/resampled=AV") in first, "letters stand in their order"
    monkeypatch.setattr("reasoners.instructed.windows._AT_ONCE", 5)
    few = {(r["utterance_id"], r["condition"]): [r[n] for n in NUMBERS] for r in rows_of(bench.judge(corpus, options))}
    others.append(few)
    for other in others:
        assert other.keys() == first.keys()
        assert all(other[key] == pytest.approx(first[key], abs=3e-5) for key in first)


class KilledError(Exception):
    """Stands for whatever ends a process."""


@pytest.mark.slow
@pytest.mark.parametrize("at", ["first pass", "second pass"])
def test_a_killed_run_goes_on_and_gives_the_same_table(
    at: str, bench: Any, make_corpus: Callable, rows_of: Callable, no_shards: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus, options = make_corpus(4), {"conditions": ALL, "batch_turns": 4}
    whole = bench.judge(corpus, options)
    assert not list(no_shards.rglob("shards/*/*")), "finished shards go when the whole is there"
    name = "judging" if at == "first pass" else "judging under exchanged inputs"

    def killing(what: str, done: int, total: int | None) -> None:
        if what == name and done == 2:
            raise KilledError

    with pytest.raises(KilledError):
        bench.judge(corpus, options, progress=killing)
    assert list(no_shards.rglob("shards/*/*.npz"))
    heard: list[int] = []
    before = InstructedReasoner.encoded

    def encoded(self: InstructedReasoner, *given: Any) -> Any:
        heard.append(1)
        return before(self, *given)

    with monkeypatch.context() as patch:
        patch.setattr(InstructedReasoner, "encoded", encoded)
        resumed = bench.judge(corpus, options)
    assert rows_of(resumed) == rows_of(whole)
    assert resumed.digest == whole.digest
    assert resumed.assumptions == whole.assumptions
    n_batches = len(batched(corpus.utterances, turns=4))
    assert len(heard) == (n_batches - 2 if at == "first pass" else 0)


def test_damaged_states_are_encoded_again(
    bench: Any, make_corpus: Callable, rows_of: Callable, no_shards: Path
) -> None:
    corpus, options = make_corpus(3), {"conditions": ALL, "batch_turns": 4}

    def killing(what: str, done: int, total: int | None) -> None:
        if what == "judging under exchanged inputs":
            raise KilledError

    with pytest.raises(KilledError):
        bench.judge(corpus, options, progress=killing)
    path = next(no_shards.rglob("shards/*/*.npz"))
    path.write_bytes(path.read_bytes()[:-40])
    assert rows_of(bench.judge(corpus, options)) == rows_of(bench.judge(corpus, options))
