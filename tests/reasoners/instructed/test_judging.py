"""Judging: each modality through its encoder once, finished shards kept, the same table whatever interrupted it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet
from torch import nn

from affidavit.conditions import modality_subsets
from affidavit.corpus import Corpus
from affidavit.digests import file_digest
from affidavit.errors import PlanError
from affidavit.predictions import Predictions
from affidavit.unit_keys import unit_keys
from reasoners.instructed import inputs, judging
from reasoners.instructed.reasoner import InstructedReasoner
from reasoners.instructed.reasons import with_writer_if_taught

SEVEN = [str(condition) for condition in modality_subsets()]
DEGRADED = ["TAV/noise=10dB", "TV/blur=4", "T/transcript-errors=0.3"]
pytestmark = pytest.mark.usefixtures("no_shards")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each encoder runs, however many models there are."""
    counted: Counter[str] = Counter()
    from reasoners.instructed.audio import AudioEncoder
    from reasoners.instructed.text import TextEncoder
    from reasoners.instructed.visual import VisualEncoder

    for name, kind in (("text", TextEncoder), ("audio", AudioEncoder), ("visual", VisualEncoder)):

        def forward(self: nn.Module, *given: object, name: str = name, before: Callable = kind.forward) -> object:
            counted[name] += 1
            return before(self, *given)

        monkeypatch.setattr(kind, "forward", forward)
    return counted


def test_seven_conditions_run_each_encoder_once(bench: object, make_corpus: Callable, calls: Counter) -> None:
    judged = bench.judge(make_corpus(4), {"conditions": SEVEN, "rationales": "none"})
    assert judged.levels["condition"] == tuple(SEVEN)
    assert calls == {"text": 2, "audio": 1, "visual": 1}, "the text encoder reads the instruction too"


def test_a_degraded_modality_alone_is_encoded_again(bench: object, make_corpus: Callable, calls: Counter) -> None:
    bench.judge(make_corpus(4), {"conditions": ["TAV", *DEGRADED], "rationales": "none"})
    assert calls == {"text": 3, "audio": 2, "visual": 2}


def test_degraded_inputs_change_what_they_touch_and_only_that(
    bench: object, make_corpus: Callable, rows_of: Callable
) -> None:
    pairs = {"TAV": "TAV/noise=10dB", "TV": "TV/blur=4", "T": "T/transcript-errors=0.9"}
    judged = rows_of(bench.judge(make_corpus(4), {"conditions": [*pairs, *pairs.values()], "rationales": "none"}))
    by_condition = {c: [r for r in judged if r["condition"] == c] for c in (*pairs, *pairs.values())}
    for plain, degraded in pairs.items():
        both = list(zip(by_condition[plain], by_condition[degraded], strict=True))
        assert both
        assert any(one["prob_joy"] != other["prob_joy"] for one, other in both)


def test_noise_under_a_condition_does_not_depend_on_what_else_is_asked(
    bench: object, make_corpus: Callable, rows_of: Callable
) -> None:
    alone = rows_of(bench.judge(make_corpus(3), {"conditions": ["A/noise=10dB"], "rationales": "none"}))
    among = rows_of(bench.judge(make_corpus(3), {"conditions": [*SEVEN, "A/noise=10dB"], "rationales": "none"}))
    assert [r for r in among if r["condition"] == "A/noise=10dB"] == alone


def test_judging_repeats_with_and_without_worker_processes(
    bench: object, make_corpus: Callable, rows_of: Callable
) -> None:
    first, again, spawned = (
        bench.judge(make_corpus(3), {"conditions": ["TAV", "A/noise=0dB"]}, workers=workers) for workers in (0, 0, 1)
    )
    assert rows_of(first) == rows_of(again) == rows_of(spawned)
    assert first.digest == again.digest == spawned.digest


def test_conditions_come_in_the_order_of_the_utterances_then_as_asked(
    bench: object, make_corpus: Callable, rows_of: Callable
) -> None:
    corpus = make_corpus(3)
    rows = rows_of(bench.judge(corpus, {"conditions": ["V", "TA", "V"], "rationales": "none"}))
    labelled = [u.utterance_id for u in corpus.utterances if u.label is not None]
    assert [(r["utterance_id"], r["condition"]) for r in rows] == [(n, c) for n in labelled for c in ("V", "TA")]


@pytest.mark.parametrize(("rationales", "explained"), [("full", {"TAV"}), ("all", {"TAV", "T", "A"}), ("none", set())])
def test_reasons_are_given_where_they_are_asked_for(
    rationales: str, explained: set[str], bench: object, make_corpus: Callable, rows_of: Callable
) -> None:
    rows = rows_of(bench.judge(make_corpus(2), {"conditions": ["TAV", "T", "A"], "rationales": rationales}))
    assert {r["condition"] for r in rows if r.get("rationale") is not None} == explained
    for row in rows:
        assert (row.get("rationale") is not None) == (row["condition"] in explained)


def test_a_model_that_gives_no_reasons_is_asked_for_none(
    make_reasoner: Callable, config_of: Callable, save_bench: Callable, make_corpus: Callable, tmp_path: Path
) -> None:
    judged = save_bench(make_reasoner(config_of(backbone=None)), tmp_path).judge(make_corpus(2), {"rationales": "all"})
    assert "rationale" not in judged.side_tables["judgements"].column_names


@pytest.mark.parametrize(
    ("conditions", "explained"),
    [
        (["T", "TAV", "A"], {"TAV"}),
        (["TAV/noise=10dB", "T", "TA"], {"TA"}),
        (["A/noise=10dB", "TAV/noise=10dB"], {"TAV/noise=10dB"}),
        (["V", "A"], {"V"}),
    ],
)
def test_full_is_the_fullest_condition_whatever_the_order(
    conditions: list[str], explained: set[str], bench: object, make_corpus: Callable, rows_of: Callable
) -> None:
    rows = rows_of(bench.judge(make_corpus(2), {"conditions": conditions, "rationales": "full"}))
    assert {r["condition"] for r in rows if r["rationale"] is not None} == explained


def said_of_reasons(predictions: Predictions) -> list[str]:
    return [said for said in predictions.assumptions if "rationales" in said]


def test_a_writer_from_noise_that_never_met_a_reference_is_not_asked(
    make_reasoner: Callable, save_bench: Callable, make_corpus: Callable, tmp_path: Path
) -> None:
    for references, written in ((0, False), (7, True)):
        made = save_bench(make_reasoner(), tmp_path / str(references), {"references": references})
        judged = made.judge(make_corpus(2), {"rationales": "full"})
        assert ("rationale" in judged.side_tables["judgements"].column_names) == written
        assert bool(said_of_reasons(judged)) != written
        assert said_of_reasons(made.judge(make_corpus(2), {"rationales": "none"})) == []


def test_a_writer_is_made_only_where_there_are_references(
    make_corpus: Callable, as_corpus: Callable, config_of: Callable
) -> None:
    corpus = make_corpus(2)
    config = config_of()
    bare = as_corpus([replace(u, rationales={}) for u in corpus.utterances])
    declined = as_corpus([replace(u, consent={"video": False}) for u in corpus.utterances])
    assert with_writer_if_taught(config, corpus).backbone is not None
    assert with_writer_if_taught(config, bare).backbone is None
    assert with_writer_if_taught(config, declined).backbone is None
    pretrained = config.model_copy(update={"backbone": config.backbone.model_copy(update={"source": "smollm2"})})
    assert with_writer_if_taught(pretrained, bare).backbone is not None


def test_one_crew_hears_and_sees_everything_once(
    bench: object, make_corpus: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    crews, decoded = [], Counter[str]()
    before = inputs.map_in_workers
    monkeypatch.setattr(inputs, "map_in_workers", lambda *a, **k: crews.append(k["workers"]) or before(*a, **k))
    for name, read in (("read_sound", inputs.read_sound), ("read_frames", inputs.read_frames)):

        def reading(span: object, *, name: str = name, read: Callable = read, **how: object) -> object:
            decoded[name] += 1
            return read(span, **how)

        monkeypatch.setattr(inputs, name, reading)
    noises = [f"A/noise={level}dB" for level in (0, 5, 10, 20)]
    corpus = make_corpus(2)
    bench.judge(corpus, {"conditions": ["TAV", *noises, *DEGRADED], "rationales": "none"})
    n_media = sum(u.audio is not None for u in corpus.utterances)
    assert len(crews) == 1
    assert decoded == {"read_sound": n_media, "read_frames": n_media}


def test_words_of_ones_own_are_an_instruction(bench: object, make_corpus: Callable) -> None:
    judged = bench.judge(make_corpus(2), {"instruction": "Say it in one word.", "rationales": "none"})
    assert judged.levels["instruction"] == ("Say it in one word.",)


def test_transcripts_that_are_cut_are_counted(bench: object, make_corpus: Callable, with_first: Callable) -> None:
    judged = bench.judge(with_first(make_corpus(2), text="word " * 100), {"rationales": "none"})
    assert any(said == "1 transcripts were cut after 24 tokens" for said in judged.assumptions)
    assert not any("cut after" in said for said in bench.judge(make_corpus(2), {"rationales": "none"}).assumptions)


def test_a_long_turn_that_is_only_context_is_not_counted_as_cut(
    bench: object, make_corpus: Callable, as_corpus: Callable
) -> None:
    turns = [u if u.label is not None else replace(u, text="word " * 100) for u in make_corpus(2).utterances]
    judged = bench.judge(as_corpus(turns), {"rationales": "none"})
    assert not any("cut after" in said for said in judged.assumptions)


@pytest.fixture
def trained_on(make_reasoner: Callable, save_bench: Callable, tmp_path: Path) -> Callable[..., object]:
    """A checkpoint whose card says that units trained it."""

    def made(train: list[str], development: list[str]) -> object:
        keys = unit_keys({"train": train, "development": development}, "sha256:7")
        return save_bench(make_reasoner(), tmp_path, {"training_digest": "sha256:7", "units": keys})

    return made


def judged_units(predictions: object, rows_of: Callable) -> set[str]:
    return {row["unit_id"] for row in rows_of(predictions)}


def test_only_the_held_out_are_judged_unless_all_are_asked_for(
    trained_on: Callable, make_corpus: Callable, rows_of: Callable
) -> None:
    bench, corpus = trained_on(["patient 0"], ["patient 1"]), make_corpus(4)
    held_out = bench.judge(corpus, {"rationales": "none"})
    assert judged_units(held_out, rows_of) == {"patient 2", "patient 3"}
    assert any("of units that it was trained on were left out" in said for said in held_out.assumptions)
    everybody = bench.judge(corpus, {"rationales": "none", "utterances": "all"})
    assert judged_units(everybody, rows_of) == {f"patient {i}" for i in range(4)}
    n_seen = sum(u.unit in ("patient 0", "patient 1") for u in corpus.utterances)
    said = f"{n_seen} of {len(corpus.utterances)} utterances are of units it was trained on"
    assert said in everybody.assumptions


def test_a_model_trained_on_everybody_judges_nobody(trained_on: Callable, make_corpus: Callable) -> None:
    bench = trained_on(["patient 0", "patient 1"], [])
    with pytest.raises(PlanError, match="trained on everybody") as caught:
        bench.judge(make_corpus(2))
    assert caught.value.slug == "units-overlap"


def test_who_was_trained_on_by_dialogue_is_left_out_even_without_dialogues(
    trained_on: Callable, make_corpus: Callable, as_corpus: Callable, rows_of: Callable
) -> None:
    corpus = make_corpus(2)
    by_dialogue = trained_on(["d0-0"], ["d1-1"]).judge(corpus, {"rationales": "none"})
    assert {row["dialogue_id"] for row in rows_of(by_dialogue)} == {"d1-0"}
    loose = as_corpus([replace(u, dialogue_id=None) for u in corpus.utterances])
    judged = trained_on(["?utterance d0-0-1"], []).judge(loose, {"rationales": "none"})
    assert "d0-0-1" not in {row["utterance_id"] for row in rows_of(judged)}


class KilledError(Exception):
    """Stands for whatever ends a process."""


def kill_after(monkeypatch: pytest.MonkeyPatch, n_shards: int) -> None:
    before = judging._Stand._shard
    done = Counter[str]()

    def shard(self: object, *given: object) -> object:
        done["shards"] += 1
        if done["shards"] > n_shards:
            raise KilledError
        return before(self, *given)

    monkeypatch.setattr(judging._Stand, "_shard", shard)


SHARDED = {"conditions": ["TAV", "T/transcript-errors=0.5", "A/noise=0dB"], "batch_turns": 4}


@pytest.mark.parametrize("workers", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_a_killed_run_goes_on_where_it_was_and_gives_the_same_table(
    workers: int,
    bench: object,
    make_corpus: Callable[..., Corpus],
    rows_of: Callable,
    no_shards: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    corpus = make_corpus(4)
    whole = bench.judge(corpus, SHARDED)
    assert not list(no_shards.rglob("shards/*/*.parquet")), "finished shards go when the whole is there"
    with monkeypatch.context() as patch:
        kill_after(patch, 2)
        with pytest.raises(KilledError):
            bench.judge(corpus, SHARDED, workers=workers)
    kept = list(no_shards.rglob("shards/*/*.parquet"))
    assert len(kept) == 2
    asked: list[int] = []
    before = InstructedReasoner.answers

    def answers(self: InstructedReasoner, rows: list, *given: object, **named: object) -> object:
        asked.append(len(rows))
        return before(self, rows, *given, **named)

    monkeypatch.setattr(InstructedReasoner, "answers", answers)
    resumed = bench.judge(corpus, SHARDED, workers=workers)
    assert rows_of(resumed) == rows_of(whole)
    assert resumed.side_tables["unjudged"].equals(whole.side_tables["unjudged"])
    assert resumed.side_tables["cues"].equals(whole.side_tables["cues"])
    assert resumed.digest == whole.digest
    assert resumed.assumptions == whole.assumptions
    n_resumed = len(asked)
    asked.clear()
    bench.judge(corpus, SHARDED)
    assert n_resumed == len(asked) - 2 * len(SHARDED["conditions"])


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["cut", "emptied", "edited", "no table"])
def test_a_damaged_shard_is_judged_again(
    damage: str,
    bench: object,
    make_corpus: Callable,
    rows_of: Callable,
    no_shards: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    corpus = make_corpus(3)
    with monkeypatch.context() as patch:
        kill_after(patch, 2)
        with pytest.raises(KilledError):
            bench.judge(corpus, SHARDED)
    path = next(no_shards.rglob("shards/*/*.parquet"))
    written, table = path.read_bytes(), parquet.read_table(path)
    labels = pa.array(["sadness" if label == "joy" else label for label in table.column("label").to_pylist()])
    place = table.column_names.index("label")
    if damage == "emptied":
        parquet.write_table(table.slice(0, 0), path)
    elif damage == "edited":
        parquet.write_table(table.set_column(place, "label", labels), path)
    else:
        path.write_bytes(written[: len(written) // 2] if damage == "cut" else b"[]")
    again = bench.judge(corpus, SHARDED)
    assert rows_of(again) == rows_of(bench.judge(corpus, SHARDED))


def test_shards_of_other_options_or_weights_are_not_taken(
    bench: object, make_reasoner: Callable, save_bench: Callable, make_corpus: Callable, tmp_path: Path, no_shards: Path
) -> None:
    from affidavit.corpus import Corpus as _Corpus
    from reasoners.instructed.door import REASONER

    corpus: _Corpus = make_corpus(2)
    other = save_bench(make_reasoner(seed=9), tmp_path / "other")
    options = {"checkpoint": "seed-0", "conditions": ["T"]}
    digests = [
        json.dumps(REASONER.options_digest(chosen, folder), sort_keys=True)
        for chosen, folder in (
            (options, bench.folder),
            (options, other.folder),
            ({**options, "conditions": ["T", "A"]}, bench.folder),
            ({**options, "rationales": "all"}, bench.folder),
        )
    ]
    assert len(set(digests)) == 4
    assert corpus.digest != make_corpus(3).digest


def test_without_a_cache_nothing_is_kept(
    bench: object, make_corpus: Callable, no_shards: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AFFIDAVIT_CACHE", "off")
    bench.judge(make_corpus(2))
    assert not no_shards.exists()


def test_progress_is_told_of_listening_and_of_judging(bench: object, make_corpus: Callable) -> None:
    told: list[tuple[str, int, int | None]] = []
    bench.judge(make_corpus(3), {"batch_turns": 4}, progress=lambda *given: told.append(given))
    whats = {what for what, *_ in told}
    assert {"listening and looking", "judging"} <= whats
    assert [done for what, done, _ in told if what == "judging"] == list(
        range(1, 1 + max(done for what, done, _ in told if what == "judging"))
    )
    assert all(done <= (total or done) for _, done, total in told)


def test_the_size_of_batches_changes_no_judgement(bench: object, make_corpus: Callable, rows_of: Callable) -> None:
    one, other = (rows_of(bench.judge(make_corpus(4), {"batch_turns": n, "rationales": "none"})) for n in (1, 999))
    for a, b in zip(one, other, strict=True):
        numbers = {key for key, value in a.items() if isinstance(value, float)}
        assert {k: v for k, v in a.items() if k not in numbers} == {k: v for k, v in b.items() if k not in numbers}
        for key in numbers:
            assert a[key] == pytest.approx(b[key], abs=1.5e-4 if key == "intensity" else 1.5e-5)


def test_the_card_says_whose_weights_judged(
    make_reasoner: Callable, make_corpus: Callable, save_bench: Callable, tmp_path: Path
) -> None:
    taught = {
        "trainer": "supervised",
        "corpus": {"name": "clinic", "digest": "sha256:0123456789abcdef", "licence": "CC0"},
    }
    own, *parts = save_bench(make_reasoner(), tmp_path, taught).judge(make_corpus(2), {"rationales": "none"}).models
    assert own.source == "trained by supervised on corpus clinic (sha256:0123456789ab, licence CC0)"
    assert own.digest == file_digest(tmp_path / "seed-0" / "model.safetensors")
    assert own.licence is None  # whoever trained it says
    assert parts == []  # nothing of it was pretrained
