"""The trainer `federated`: sites in one process, the same people held out, resumed to the byte, told in the card."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from affidavit.errors import FederationError, PlanError
from affidavit.options import read_options
from affidavit.seeds import seed_of
from affidavit.splits import split
from affidavit.unit_keys import was_trained_on
from federated.record.entries import RunOpened
from federated.record.log import RunLog, read_log
from federated.rounds.events import RoundClosed, Summed
from federated.trainer.door import FederatedTrainer
from federated.trainer.options import FederatedOptions
from federated.trainer.parts import parts_of
from privacy.withdrawal.models import interrupted
from tests.federated.trainer.conftest import SITES, Train, Words, corpus_of

ROUNDS = {"rounds": 3, "norm_bound": 2.0}
LOCAL = {"learning_rate": 0.2, "rows_per_step": 2}
WHOLE = {"learning_rate": 0.2, "rows_per_step": 100, "epochs": 3}
"""Every patient in every step: nothing is drawn, so that trainings of other names take the same steps."""
PRIVATE = {
    "steps": 2,
    "noise_multiplier": 1.5,
    "delta": 1e-3,
    "sample_rate": 0.5,
    "learning_rate": 0.2,
    "counted": "public",
    "gradients": "loop",
}


def parameters(reasoner: Words) -> np.ndarray:
    return np.concatenate([value.detach().numpy().ravel() for value in reasoner.module.parameters()])


def test_it_learns_what_every_site_knows(train: Train) -> None:
    corpus = corpus_of()
    held_out = set(split([*_patients(corpus)], {"held_out": 0.3}, seed=seed_of(0, "split"))["held_out"])
    judged = [turn for turn in corpus.utterances if turn.unit in held_out]

    reasoner, card = train(local=LOCAL, rounds={"rounds": 5})

    assert Words().correct(judged) < reasoner.correct(judged)
    assert reasoner.correct(judged) > 0.8
    assert card["federated"]["rounds"]["done"] == 5
    assert card["made"] == "by a test"


def _patients(corpus: Any) -> list[str]:
    return sorted({turn.unit for turn in corpus.utterances})


def test_secure_sums_make_the_same_model_as_updates_in_clear(train: Train) -> None:
    clear, _ = train(name="clear", rounds=ROUNDS, local=WHOLE)
    secure, card = train(name="secure", rounds=ROUNDS, local=WHOLE, secure={})

    np.testing.assert_allclose(parameters(secure), parameters(clear), atol=3e-6)
    assert card["federated"]["secure"]["minimum"] == 3
    assert card["federated"]["secure"]["numbers_cut"] == 0
    assert {site["vector_bytes_sent"] for site in card["federated"]["sites"].values()} == {3 * 4 * (14 + 1 + 2)}


def test_the_card_says_who_took_part_and_whom_the_model_met(train: Train, tmp_path: Path) -> None:
    corpus = corpus_of()
    _, card = train(corpus=corpus, local=LOCAL, training_digest="sha256:named")

    parts = split(_patients(corpus), {"held_out": 0.3}, seed=seed_of(0, "split"))
    assert all(was_trained_on(card, name) for name in parts["train"])
    assert not any(was_trained_on(card, name) for name in parts["held_out"])
    assert card["training_digest"] == "sha256:named"
    assert card["trainer"] == "federated"
    told = card["federated"]
    assert {site: one["known_as"] for site, one in told["sites"].items()} == {
        "city-hospital": "City Hospital",
        "harbour": "Harbour",
        "st-anne": "St. Anne",
    }
    assert {one["rounds"] for one in told["sites"].values()} == {3}
    assert {one["vector_bytes_sent"] for one in told["sites"].values()} == {3 * 4 * 14}
    assert told["rounds"] == {
        "planned": 3,
        "done": 3,
        "lost": [],
        "attempts_aborted": 0,
        "replies_refused": 0,
        "ended_because": "all rounds done",
        "fewest_contributors": 3,
    }
    assert told["log"] == {"file": "model.rounds.jsonl", "head": read_log(tmp_path / "model.rounds.jsonl").head}
    assert "privacy" not in card
    assert sum(card["n_units"]["train"].values()) == len(parts["train"])


def test_nothing_of_a_site_stays_in_the_checkpoint(train: Train, tmp_path: Path) -> None:
    train(rounds=ROUNDS, local=LOCAL, secure={})

    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == ["card.json", "model.pt"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "model.rounds.jsonl"]


class _Killed(BaseException):
    """The process goes away."""


def _killing(after: int) -> Callable[[str, int, int | None], None]:
    def progress(what: str, done: int, total: int | None) -> None:
        if what == "federated rounds" and done == after:
            raise _Killed

    return progress


@pytest.mark.parametrize(
    "options",
    [
        {"local": LOCAL},
        {"local": LOCAL, "secure": {}},
        {"local": LOCAL, "strategy": {"name": "fedadam"}},
        {"private": {**PRIVATE, "simulated": True, "noise_multiplier": 1.0, "delta": None}, "secure": {}},
    ],
)
def test_a_killed_training_goes_on_to_the_same_bytes(train: Train, tmp_path: Path, options: dict[str, Any]) -> None:
    whole, _ = train(name="whole", rounds=ROUNDS, **options)

    with pytest.raises(_Killed):
        train(rounds=ROUNDS, progress=_killing(2), **options)
    assert all(path.name.startswith(".") for path in (tmp_path / "model").iterdir())
    resumed, card = train(rounds=ROUNDS, **options)

    np.testing.assert_array_equal(parameters(resumed), parameters(whole))
    assert card["federated"]["rounds"]["done"] == 3, "the card tells of the rounds before the interruption too"
    assert {one["rounds"] for one in card["federated"]["sites"].values()} == {3}
    closed = read_log(tmp_path / "model.rounds.jsonl").of(RoundClosed)
    assert [event.round for event in closed] == [1, 2, 3]


def test_what_an_interrupted_training_left_is_found_when_a_patient_withdraws(train: Train, tmp_path: Path) -> None:
    with pytest.raises(_Killed):
        train(rounds=ROUNDS, progress=_killing(2), local=LOCAL, secure={})

    left = {path.name for holding in interrupted([tmp_path]) for path in holding.paths}
    assert left == {".training-rounds.npz", ".training-rounds.begun.json", ".training-sites"}


def test_another_training_in_the_same_folder_begins_anew(train: Train) -> None:
    with pytest.raises(_Killed):
        train(rounds=ROUNDS, progress=_killing(2), local=LOCAL)
    other = {**LOCAL, "learning_rate": 0.1}
    fresh, _ = train(name="fresh", rounds=ROUNDS, local=other)
    again, card = train(rounds=ROUNDS, local=other)

    np.testing.assert_array_equal(parameters(again), parameters(fresh))
    assert card["federated"]["rounds"]["done"] == 3


def test_private_sites_have_ledgers_of_their_own_and_the_largest_loss_is_told(train: Train, tmp_path: Path) -> None:
    _, card = train(rounds=ROUNDS, private={**PRIVATE, "epsilon": 9.0}, secure={})

    told = card["privacy"]
    ledgers = sorted(path.name for path in tmp_path.glob("*.ledger.jsonl"))
    assert ledgers == [f"model.{site}.ledger.jsonl" for site in ("city-hospital", "harbour", "st-anne")]
    spent = {site: one["epsilon"] for site, one in told["sites"].items()}
    assert set(spent) == {"city-hospital", "harbour", "st-anne"}
    assert all(0 < epsilon <= 9.0 for epsilon in spent.values())
    assert told["epsilon"] == max(spent.values())
    assert told["delta"] == 1e-3
    assert told["unit"] == "patient"
    assert "no patient of the corpus is at two sites" in told["composition"]
    assert "n_units" not in card, "how many patients a site has is not the card's to tell"


def test_losses_add_up_where_a_patient_is_at_two_sites(train: Train) -> None:
    corpus = corpus_of()
    moved = tuple(
        replace(turn, site="Harbour", dialogue_id="d0-later") if turn.utterance_id == "0-2" else turn
        for turn in corpus.utterances
    )
    _, card = train(
        corpus=replace(corpus, utterances=moved), rounds=ROUNDS, held_out=0, private={**PRIVATE, "epsilon": 9.0}
    )

    told = card["privacy"]
    assert told["epsilon"] == pytest.approx(sum(one["epsilon"] for one in told["sites"].values()))
    assert told["delta"] == pytest.approx(3e-3)
    assert "1 patients of the corpus are at more than one site" in told["composition"]


@pytest.mark.slow
def test_a_spent_budget_ends_the_run_with_the_rounds_that_happened(train: Train) -> None:
    private = {**PRIVATE, "epsilon": 9.0}
    _, whole = train(rounds=ROUNDS, private=private)
    most = 0.8 * whole["privacy"]["epsilon"]

    _, card = train(name="shorter", rounds=ROUNDS, private=private, policy={"most_epsilon": most})
    with pytest.raises(FederationError, match="no round"):  # the ledgers beside the first model count on
        train(rounds=ROUNDS, private=private, policy={"most_epsilon": most}, seed=6)

    told = card["federated"]
    assert told["rounds"]["ended_because"] == "too few sites left"
    assert 0 < told["rounds"]["done"] < 3
    assert {site["left"] for site in told["sites"].values()} == {"budget-spent"}
    assert card["privacy"]["epsilon"] <= most


CENTRAL = {"clip_norm": 0.5, "noise_multiplier": 0.5, "delta": 1e-3}


@pytest.mark.slow  # trains several models
@pytest.mark.parametrize("secure", [None, {}])
def test_noise_for_whole_sites_moves_the_model_and_is_accounted_for(
    train: Train, tmp_path: Path, secure: dict[str, Any] | None
) -> None:
    more = {} if secure is None else {"secure": secure}
    rounds = {"rounds": 2, "norm_bound": 0.5}
    without, _ = train(name="without", rounds=rounds, local=WHOLE, **more)
    one, card = train(name="one", rounds=rounds, local=WHOLE, central=CENTRAL, **more)
    two, _ = train(name="two", rounds=rounds, local=WHOLE, central=CENTRAL, **more)

    assert np.abs(parameters(one) - parameters(two)).max() > 1e-3, "noise comes from the operating system"
    # the noise on the mean of three sites, of a round: z * 2 C / 3 or z * C / 3, as the ledger's relation is
    assert np.abs(parameters(one) - parameters(without)).max() < 20 * 0.5 * 2 * 0.5 / 3
    told = card["privacy"]
    assert told["epsilon"] > 0
    assert told["protects"] == "patients"
    assert (tmp_path / "one.server" / "federation.ledger.jsonl").is_file()


@pytest.mark.slow
def test_a_federation_whose_own_budget_is_spent_ends_with_the_rounds_that_happened(train: Train) -> None:
    rounds = {"rounds": 3, "norm_bound": 0.5}
    _, whole = train(name="whole", rounds=rounds, local=WHOLE, central=CENTRAL)
    budget = 0.8 * whole["privacy"]["epsilon"]

    _, card = train(rounds=rounds, local=WHOLE, central={**CENTRAL, "epsilon": budget})

    assert card["federated"]["rounds"]["ended_because"] == "budget spent"
    assert 0 < card["federated"]["rounds"]["done"] < 3
    assert card["privacy"]["epsilon"] <= budget


def test_simulated_noise_has_no_epsilon(train: Train) -> None:
    private = {**PRIVATE, "simulated": True, "noise_multiplier": 1.0, "delta": None}
    one, card = train(name="one", rounds=ROUNDS, private=private)
    two, _ = train(name="two", rounds=ROUNDS, private=private)

    np.testing.assert_array_equal(parameters(one), parameters(two))
    assert card["privacy"]["epsilon"] is None
    assert "known" in card["privacy"]["why_no_epsilon"]


def test_it_says_of_which_options_it_spends_privacy() -> None:
    trainer = FederatedTrainer()
    assert trainer.spends_privacy({"rounds": ROUNDS, "private": PRIVATE})
    assert not trainer.spends_privacy({"rounds": ROUNDS, "local": LOCAL})


@pytest.mark.parametrize(
    ("corpus", "words"),
    [
        (corpus_of(sites=(None,)), "belong to no site"),
        (corpus_of(sites=("A", "B", None)), "belong to no site"),
        (corpus_of(sites=("A",)), "fewer sites"),
    ],
)
def test_a_corpus_without_enough_sites_is_refused(train: Train, corpus: Any, words: str) -> None:
    with pytest.raises(PlanError, match=words):
        train(corpus=corpus)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"secure": {}}, "norm_bound"),
        ({"rounds": ROUNDS, "secure": {}, "strategy": {"name": "trimmed-mean"}}, "nobody sees one"),
        ({"rounds": ROUNDS, "secure": {}, "strategy": {"name": "krum", "most_faulty": 0}}, "nobody sees one"),
        ({"local": LOCAL, "private": {**PRIVATE, "epsilon": 3.0}}, "one way"),
        ({"private": {**PRIVATE, "epsilon": 3.0, "rounds": 9}}, "private.rounds"),
        ({"private": {**PRIVATE, "epsilon": 3.0}, "strategy": {"name": "q-ffl", "local_learning_rate": 0.1}}, "losses"),
        ({"private": {**PRIVATE, "epsilon": 3.0}, "rounds": {**ROUNDS, "weights": "capped", "cap": 9}}, "tells_units"),
        ({"private": {**PRIVATE, "epsilon": 3.0}, "central": {"clip_norm": 1, "epsilon": 3, "delta": 1e-3}}, "either"),
        (
            {"central": {"clip_norm": 1, "epsilon": 3, "delta": 1e-3}, "strategy": {"name": "trimmed-mean"}},
            "sensitivity",
        ),
        ({"rounds": ROUNDS, "central": {"clip_norm": 1, "epsilon": 3, "delta": 1e-3}, "secure": {}}, "norm_bound"),
        ({"rounds": {"rounds": 0}}, "rounds"),
        ({"rounds": {**ROUNDS, "quorum": 4}}, "fewer sites"),
        ({"rounds": ROUNDS, "secure": {"minimum": 4}}, "fewer sites"),
        ({"rounds": ROUNDS, "strategy": {"name": "krum", "most_faulty": 1}}, "fewer sites"),
    ],
)
def test_what_cannot_be_had_together_is_refused(train: Train, options: dict[str, Any], words: str) -> None:
    with pytest.raises(PlanError, match=words):
        train(**options)


def test_training_that_protects_nobody_has_to_be_asked_for() -> None:
    with pytest.raises(PlanError, match="say whom the training protects"):
        read_options(FederatedOptions, {"rounds": {"rounds": 1}}, of="test")


def test_sites_whose_names_are_alike_are_told_apart() -> None:
    corpus = corpus_of(sites=("Clinic A!", "clinic a", "病院"))
    parts = parts_of(corpus, read_options(FederatedOptions, {"rounds": {"rounds": 1}, "local": {}}, of="test"), least=2)

    assert [part.site for part in parts.sites] == ["clinic-a-1", "clinic-a-2", "site-3"]
    assert [part.known_as for part in parts.sites] == ["Clinic A!", "clinic a", "病院"]


def test_a_site_with_nobody_to_train_on_is_named_and_takes_no_part(train: Train) -> None:
    corpus = corpus_of()
    silent_site = tuple(replace(u, label=None) if u.site == "Harbour" else u for u in corpus.utterances)
    _, card = train(corpus=replace(corpus, utterances=silent_site), local=LOCAL)

    assert card["federated"]["sites_without_patients"] == ["Harbour"]
    assert set(card["federated"]["sites"]) == {"city-hospital", "st-anne"}


@pytest.mark.parametrize("strategy", [{"name": "fedavg"}, {"name": "fedprox", "proximal": 0.1}, {"name": "fedadam"}])
def test_every_additive_strategy_trains(train: Train, strategy: dict[str, Any]) -> None:
    reasoner, _ = train(strategy=strategy, local=LOCAL)
    assert not np.array_equal(parameters(reasoner), parameters(Words()))


def test_capped_weights_are_summed_without_being_told(train: Train, tmp_path: Path) -> None:
    rounds = {**ROUNDS, "weights": "capped", "cap": 6}
    clear, _ = train(name="clear", rounds=rounds, local=WHOLE)
    secure, _ = train(name="secure", rounds=rounds, local=WHOLE, secure={})

    np.testing.assert_allclose(parameters(secure), parameters(clear), atol=3e-6)
    assert read_log(tmp_path / "secure.rounds.jsonl").of(Summed)


def test_the_record_says_nothing_of_a_patient(train: Train, tmp_path: Path) -> None:
    train(rounds=ROUNDS, local=LOCAL, secure={})
    told = (tmp_path / "model.rounds.jsonl").read_text(encoding="utf-8")

    assert "patient " not in told
    assert all(site not in told for site in SITES)
    assert json.loads(told.splitlines()[0])["number"] == 0


def test_a_server_killed_before_the_line_of_a_round_has_that_round_in_its_card(train: Train, tmp_path: Path) -> None:
    """The model of round 2 was kept, and the process went away before the record said so."""
    write, killed = RunLog.write, [False]

    def stopped(log: RunLog, entry: Any) -> Any:
        if isinstance(entry, RoundClosed) and entry.round == 2 and not killed[0]:
            killed[0] = True
            raise _Killed
        return write(log, entry)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunLog, "write", stopped)
        with pytest.raises(_Killed):
            train(rounds=ROUNDS, local=LOCAL)
        _, card = train(rounds=ROUNDS, local=LOCAL)
    assert card["federated"]["rounds"]["done"] == 3
    assert {one["rounds"] for one in card["federated"]["sites"].values()} == {3}


def test_the_record_names_plan_and_version(train: Train, tmp_path: Path) -> None:
    named = "sha256:" + "5e" * 32
    for name, given in (("named", {"training_digest": named}), ("plain", {})):
        train(name=name, rounds=ROUNDS, local=LOCAL, **given)
        (opened,) = read_log(tmp_path / f"{name}.rounds.jsonl").of(RunOpened)
        assert opened.affidavit is not None
        assert (opened.plan == named) == bool(given)
        assert sorted(opened.sites) == ["city-hospital", "harbour", "st-anne"]
