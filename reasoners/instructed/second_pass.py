"""Judges under conditions that take their input from other utterances, once the states of everybody are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from affidavit.conditions import Condition
from affidavit.interventions.operators import ADDITIVE, Intervention
from affidavit.protocols import Progress
from reasoners.instructed.batches import Row
from reasoners.instructed.exchanging import additive, with_donors, with_mean
from reasoners.instructed.inputs import Perceived
from reasoners.instructed.model import Encoded
from reasoners.instructed.pool import SEED, Pool, on_device
from reasoners.instructed.reasoner import InstructedReasoner
from reasoners.instructed.scene import Scene
from reasoners.instructed.shards import Answers, Shard, Shards

_PART: Final = "exchanged"
"""The part of a shard that rests on other utterances."""
_Judge = Callable[[Scene, Sequence[str]], Answers]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One condition."""

    item: Intervention
    explained: bool
    """Whether rationales are written under it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """One batch after the first pass."""

    rows: Sequence[Row]
    shard: Shard
    """It says who cannot be judged under which of these conditions."""
    encoded: Encoded


def second_pass(
    reasoner: InstructedReasoner,
    batches: Sequence[Read],
    exchanges: Sequence[Exchange],
    wanted: frozenset[str],
    *,
    shards: Shards,
    progress: Progress,
) -> list[Shard]:
    """Return the judgements of each batch; nothing is encoded, and finished ones are taken from disk."""
    pool = Pool.of([read.rows for read in batches], [read.encoded for read in batches], judged=wanted)
    judges = {exchange.item.condition: _judge(exchange, pool) for exchange in exchanges}
    done: list[Shard] = []
    for read in batches:
        shard = shards.load(read.rows, part=_PART)
        if shard is None:
            shard = _judged(reasoner, read, judges, wanted)
            shards.store(read.rows, shard, part=_PART)
        done.append(shard)
        progress("judging under exchanged inputs", len(done), len(batches))
    return done


def _judge(exchange: Exchange, pool: Pool) -> _Judge:
    """Return what judges turns under a condition; donors are drawn once for all batches."""
    item, explained = exchange.item, exchange.explained
    if item.operator == ADDITIVE:
        return lambda scene, names: additive(scene, item, names, pool)
    if item.operator == "mean":
        return lambda scene, names: with_mean(scene, item, names, pool, explained=explained)
    donors = pool.donors(item)
    return lambda scene, names: with_donors(scene, item, names, pool, donors, explained=explained)


def _judged(reasoner: InstructedReasoner, read: Read, judges: dict[Condition, _Judge], wanted: frozenset[str]) -> Shard:
    refused = {(item.utterance_id, item.condition) for item in read.shard.unjudged}
    names = [turn.utterance_id for row in read.rows for turn in row]
    reasoner.model.eval()
    scene = Scene(
        reasoner=reasoner,
        rows=read.rows,
        batch=reasoner.batch(read.rows, perceived={name: Perceived(utterance_id=name) for name in names}),
        encoded=on_device(read.encoded, reasoner.device),
        met={},
        seed=SEED,
    )
    possible = {
        condition: [name for name in names if name in wanted and (name, str(condition)) not in refused]
        for condition in judges
    }
    return Shard.of({condition: judges[condition](scene, some) for condition, some in possible.items() if some}, ())
