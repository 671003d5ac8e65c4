"""A reasoner without a model that judges in shards, writes down who judged what, and can be told to be killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from affidavit.conditions import Condition
from affidavit.corpus import Corpus
from affidavit.corpus_keys import corpus_key
from affidavit.engines import end_of_part, own_part
from affidavit.judgements import Judged, side_tables, told
from affidavit.predictions import Predictions, Reading, predictions_from
from affidavit.protocols import Progress
from affidavit.tables import from_arrow
from affidavit.utterances import Judgement, Utterance
from reasoners.instructed.shards import Shard, Shards

LABELS = ("anger", "joy", "sadness")
_TOGETHER = 4


class LetterReasoner:
    """Counts letters; one line a shard goes into the file `log` of its options."""

    name = "letters"
    cache_version = 1
    judges_in_shards = True

    def judge(
        self,
        corpus: Corpus | None,
        options: Mapping[str, Any],
        *,
        reading: Reading,
        rng: np.random.Generator,
        progress: Progress,
    ) -> Predictions:
        assert corpus is not None
        key = {"of": [self.name, reading.run, corpus_key(corpus), str(rng.bit_generator.state)]}
        shards, noise = Shards.of(key), int(rng.integers(100))
        turns = corpus.utterances
        batches = own_part([[turns[at : at + _TOGETHER]] for at in range(0, len(turns), _TOGETHER)])
        done = []
        for batch in batches:
            shard = shards.load(batch)
            if shard is None:
                shard = _shard(batch[0], noise, options)
                shards.store(batch, shard)
            done.append(shard)
            progress("judging", len(done), len(batches))
        end_of_part()
        by_id = {turn.utterance_id: turn for turn in turns}
        judged = [
            Judged(utterance=by_id[name], condition=condition, judgement=said)
            for shard in done
            for name, condition, said in shard.answers
        ]
        tables = side_tables(judged, (), reasoner=self.name, label_space=LABELS)
        raw = from_arrow(tables["judgements"], name=corpus.name, format_name="judged")
        predictions = predictions_from(raw, replace(reading, label_space=LABELS), progress=progress)
        shards.discard()
        return replace(predictions, assumptions=(*told((), n_judged=len(judged)),), side_tables=tables)


def _shard(turns: Any, noise: int, options: Mapping[str, Any]) -> Shard:
    first = turns[0].utterance_id
    with Path(options["log"]).open("a", encoding="utf-8") as log:  # one write of a short line is whole
        log.write(f"{first} {os.getpid()}\n")
    _die(first, options)
    answers = tuple((turn.utterance_id, str(Condition.parse("T")), _judgement(turn, noise)) for turn in turns)
    return Shard(answers=answers, unjudged=())


def _die(first: str, options: Mapping[str, Any]) -> None:
    """End as killed at a shard, the first time that anybody comes there; or tell that it was come to, and wait."""
    if first == options.get("dies_at"):
        marker = Path(options["log"]).with_suffix(".died")
        if not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    if first == options.get("waits_at"):
        os.mkfifo(Path(options["log"]).with_suffix(".waits"))
        Path(options["log"]).with_suffix(".waits").read_bytes()


def _judgement(turn: Utterance, noise: int) -> Judgement:
    share = (sum(map(ord, turn.text or "")) + noise) % 97 / 100
    shares = {"anger": share, "joy": 1 - share, "sadness": 0.0}
    return Judgement(label=max(shares, key=shares.__getitem__), probabilities=shares, rationale=f"“{turn.text}”")


def corpus_of(n: int) -> Corpus:
    turns = tuple(
        Utterance(utterance_id=f"u{i:03d}", speaker_id=f"s{i % 5}", text=f"word {i}", label=LABELS[i % 3])
        for i in range(n)
    )
    return Corpus(name="letters", utterances=turns, digest="sha256:0", licence="none", label_space=LABELS)


REASONER = LetterReasoner()
