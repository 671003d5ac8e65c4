"""What each baseline's numbers rest on: cells against torch's own, equations by hand, who reaches whom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from affidavit.corpus import Corpus
from affidavit.splits import grouped
from affidavit.utterances import MediaSpan
from reasoners.baselines.bc_lstm import BcLstm
from reasoners.baselines.dialogue_rnn import DialogueRnn
from reasoners.baselines.early_fusion import EarlyFusion
from reasoners.baselines.reading import Turns, speakers
from reasoners.baselines.reasoner import BaselineReasoner
from reasoners.baselines.recurrent import GruCell, LstmCell, begins, ends
from reasoners.baselines.words import WordWindows

ARCHITECTURES = ("dialogue-rnn", "bc-lstm", "early-fusion")
CLOSE = {"rtol": 0, "atol": 1e-6}


def turns_of(features: Tensor, dialogue: list[list[int]], speaker: list[list[int]]) -> Turns:
    numbers = torch.tensor(dialogue)
    return Turns(features=features, dialogue=numbers, known=numbers >= 0, speaker=torch.tensor(speaker))


def readers() -> dict[str, nn.Module]:
    torch.manual_seed(2)
    return {
        "dialogue-rnn": DialogueRnn(5, 4, dropout=0.0),
        "bc-lstm": BcLstm(5, 4, dropout=0.0),
        "early-fusion": EarlyFusion(5, 4, layers=2, heads=2, dropout=0.0),
    }


def test_cells_compute_what_torchs_own_compute() -> None:
    torch.manual_seed(0)
    given, state, memory = torch.randn(3, 5), torch.randn(3, 4), torch.randn(3, 4)
    gru, lstm = GruCell(5, 4), LstmCell(5, 4)
    for ours, theirs in ((gru, nn.GRUCell(5, 4)), (lstm, nn.LSTMCell(5, 4))):
        theirs.weight_ih.data, theirs.bias_ih.data = ours.given.weight.data, ours.given.bias.data
        theirs.weight_hh.data, theirs.bias_hh.data = ours.carried.weight.data, ours.carried.bias.data
        if isinstance(ours, GruCell):
            torch.testing.assert_close(ours(given, state), theirs(given, state), **CLOSE)
        else:
            torch.testing.assert_close(ours(given, state, memory), theirs(given, (state, memory)), **CLOSE)


def test_a_dialogue_begins_and_ends_where_its_number_changes() -> None:
    numbers = torch.tensor([[0, 0, 1, 1, 1, -1]])
    assert begins(numbers).tolist() == [[True, False, True, False, False, True]]
    assert ends(numbers).tolist() == [[False, True, False, False, True, True]]


def test_the_lstm_runs_both_ways_as_torchs_own_does() -> None:
    reader = readers()["bc-lstm"]
    features = torch.randn(2, 6, 5)
    theirs = nn.LSTM(5, 4, bidirectional=True, batch_first=True)
    for cell, end in ((reader.forwards, ""), (reader.backwards, "_reverse")):
        getattr(theirs, f"weight_ih_l0{end}").data = cell.given.weight.data
        getattr(theirs, f"bias_ih_l0{end}").data = cell.given.bias.data
        getattr(theirs, f"weight_hh_l0{end}").data = cell.carried.weight.data
        getattr(theirs, f"bias_hh_l0{end}").data = cell.carried.bias.data
    expected = torch.tanh(reader.join(theirs(features)[0]))
    found = reader(turns_of(features, [[0] * 6] * 2, [[0] * 6] * 2))
    torch.testing.assert_close(found, expected, **CLOSE)


def test_the_equations_of_dialogue_rnn_turn_by_turn() -> None:
    """One dialogue of two parties, written out with one state a party."""
    reader = readers()["dialogue-rnn"]
    features, speaker = torch.randn(1, 4, 5), [0, 1, 0, 1]
    topics: list[Tensor] = []
    party = {0: torch.zeros(1, 4), 1: torch.zeros(1, 4)}
    topic = emotion = torch.zeros(1, 4)
    expected = []
    for t, s in enumerate(speaker):
        u = features[:, t]
        context = torch.zeros(1, 4)
        if topics:
            scores = torch.stack([(u @ reader.attend.weight.T * g).sum() for g in topics]).softmax(0)
            context = sum(share * g for share, g in zip(scores, topics, strict=True))
        topic = reader.topic(torch.cat([u, party[s]], -1), topic)
        topics.append(topic)
        party[s] = reader.party(torch.cat([u, context], -1), party[s])
        emotion = reader.emotion(party[s], emotion)
        expected.append(emotion)
    found = reader(turns_of(features, [[0] * 4], [speaker]))
    torch.testing.assert_close(found, torch.stack(expected, dim=1), **CLOSE)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_two_dialogues_of_a_row_are_read_as_if_each_were_alone(name: str) -> None:
    reader = readers()[name]
    features = torch.randn(1, 5, 5)
    both = reader(turns_of(features, [[0, 0, 0, 1, 1]], [[0, 1, 0, 0, 1]]))
    first = reader(turns_of(features[:, :3], [[0, 0, 0]], [[0, 1, 0]]))
    second = reader(turns_of(features[:, 3:], [[0, 0]], [[0, 1]]))
    torch.testing.assert_close(both, torch.cat([first, second], dim=1), **CLOSE)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_what_fills_up_a_row_changes_nothing(name: str) -> None:
    reader = readers()[name]
    features = torch.randn(1, 3, 5)
    alone = reader(turns_of(features, [[0, 0, 0]], [[0, 1, 0]]))
    filled = torch.cat([features, torch.full((1, 2, 5), 7.0)], dim=1)
    beside = reader(turns_of(filled, [[0, 0, 0, -1, -1]], [[0, 1, 0, 0, 0]]))
    torch.testing.assert_close(beside[:, :3], alone, **CLOSE)


@pytest.mark.parametrize(("name", "ahead"), [("dialogue-rnn", False), ("bc-lstm", True), ("early-fusion", False)])
def test_only_the_two_way_lstm_hears_what_is_said_later(name: str, ahead: bool) -> None:
    reader = readers()[name]
    features = torch.randn(1, 4, 5)
    later = features.clone()
    later[:, 3] += 1.0
    first, again = (reader(turns_of(f, [[0] * 4], [[0, 1, 0, 1]]))[:, :3] for f in (features, later))
    assert (not torch.equal(first, again)) is ahead


def test_who_speaks_matters_to_dialogue_rnn_alone() -> None:
    features = torch.randn(1, 4, 5)
    for name, reader in readers().items():
        one, two = (reader(turns_of(features, [[0] * 4], [who])) for who in ([0, 0, 0, 0], [0, 1, 0, 1]))
        assert torch.equal(one, two) is (name != "dialogue-rnn")


def test_speakers_are_numbered_within_their_dialogue(make_corpus: Callable[..., Corpus]) -> None:
    row = grouped(make_corpus(2).utterances)["patient 1"]
    assert speakers([row, row[:2]]).tolist() == [[0, 1, 1, 1, 0, 1, 1, 1], [0, 1, 0, 0, 0, 0, 0, 0]]


def test_windows_of_words_do_not_see_what_fills_up() -> None:
    torch.manual_seed(4)
    reader = WordWindows(vocabulary=9, width=4, hidden=6)
    ids, known = torch.tensor([[[3, 1, 4, 1, 5, 8], [2, 7, 0, 0, 0, 0]]]), torch.ones(1, 2, 6, dtype=torch.bool)
    known[0, 1, 2:] = False
    found = reader(ids, known)
    longer = reader(torch.nn.functional.pad(ids, (0, 5), value=6), torch.nn.functional.pad(known, (0, 5)))
    torch.testing.assert_close(found, longer, **CLOSE)
    alone = reader(ids[:, 1:, :2], known[:, 1:, :2])
    torch.testing.assert_close(found[:, 1:], alone, **CLOSE)
    assert not torch.equal(found[:, 0], found[:, 1])


def test_windows_of_words_are_convolutions_and_their_greatest() -> None:
    reader = WordWindows(vocabulary=9, width=4, hidden=6)
    ids = torch.tensor([[[3, 1, 4, 1, 5, 8, 2]]])
    embedded = reader.embed(ids)[0].transpose(1, 2)
    pooled = []
    for layer, window in zip(reader.filters, (3, 4, 5), strict=True):
        weight = layer.weight.unflatten(1, (4, window))
        pooled.append(torch.nn.functional.conv1d(embedded, weight, layer.bias).relu().amax(-1))
    expected = reader.project(torch.cat(pooled, dim=-1))
    torch.testing.assert_close(reader(ids, torch.ones_like(ids, dtype=torch.bool))[0], expected, **CLOSE)


@pytest.fixture(params=[(name, words) for name in ARCHITECTURES for words in ("encoder", "convolutions")], ids=str)
def reasoner(request: pytest.FixtureRequest, make_reasoner: Callable) -> BaselineReasoner:
    name, words = request.param
    made: BaselineReasoner = make_reasoner(name, words=words)
    return made


def test_a_dialogue_is_judged_alone_as_in_company(
    reasoner: BaselineReasoner, make_corpus: Callable[..., Corpus]
) -> None:
    turns = make_corpus(4, turns=5).utterances
    together = {
        turn.utterance_id: answer
        for turn, answer in zip(turns, reasoner.judge_under(turns, condition="TAV"), strict=True)
    }
    for unit in grouped(turns).values():
        for turn, answer in zip(unit, reasoner.judge_under(unit, condition="TAV"), strict=True):
            assert answer.label == together[turn.utterance_id].label
            for label, share in answer.probabilities.items():
                assert share == pytest.approx(together[turn.utterance_id].probabilities[label], abs=2e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("missing", "shown"),
    [("T", "AV"), ("A", "TV"), ("V", "TA"), ("TA", "V"), ("TV", "A"), ("AV", "T")],
)
def test_a_missing_modality_reaches_no_part(
    reasoner: BaselineReasoner, make_corpus: Callable, clips: dict, missing: str, shown: str
) -> None:
    turns = [turn for turn in make_corpus(3).utterances if turn.audio is not None]
    sound, video = (MediaSpan(path=path) for path in clips["other"])
    other = {"T": {"text": "Quite other words."}, "A": {"audio": sound}, "V": {"video": video}}
    changes = {name: value for letter in missing for name, value in other[letter].items()}
    changed = [replace(turn, **changes) for turn in turns]
    assert reasoner.judge_under(turns, condition=shown) == reasoner.judge_under(changed, condition=shown)
    assert reasoner.judge_under(turns, condition="TAV") != reasoner.judge_under(changed, condition="TAV")


def test_all_seven_conditions_differ(reasoner: BaselineReasoner, make_corpus: Callable[..., Corpus]) -> None:
    turns = [turn for turn in make_corpus(2).utterances if turn.audio is not None]
    said = {c: reasoner.judge_under(turns, condition=c)[0] for c in ("T", "A", "V", "TA", "TV", "AV", "TAV")}
    assert len({tuple(answer.probabilities.values()) for answer in said.values()}) == 7


def test_scores_have_gradients_of_each_row_alone(
    reasoner: BaselineReasoner, make_corpus: Callable[..., Corpus]
) -> None:
    """What one unit says moves nobody else's loss: the gradient of a sum is the sum of gradients, each alone."""
    units = list(grouped(make_corpus(3).utterances).values())
    reasoner.module.eval()
    values = [value for value in reasoner.module.parameters() if value.requires_grad]
    losses = reasoner.losses(units, rng=np.random.default_rng(0))
    whole = torch.autograd.grad(losses.sum(), values, allow_unused=True)
    parts = [
        torch.autograd.grad(reasoner.losses([unit], rng=np.random.default_rng(0)).sum(), values, allow_unused=True)
        for unit in units
    ]
    for at, total in enumerate(whole):
        each = [part[at] for part in parts if part[at] is not None]
        if total is None:
            assert not each
            continue
        torch.testing.assert_close(sum(each), total, rtol=1e-4, atol=1e-5)
