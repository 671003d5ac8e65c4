"""Logs as servers and sites write them, made without any round."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from affidavit.records import Record
from federated.record.entries import Received, RunOpened, Sent, SiteBegan
from federated.record.log import LOG, RunLog
from federated.record.signatures import PrivateKey, public_hex
from federated.rounds.events import Asked, ReplyTaken, RoundClosed, RunBegan, RunEnded

SITES = ("north", "south")


def digest(what: object) -> str:
    """Return a digest that is told apart from others at sight."""
    return f"sha256:{hashlib.sha256(str(what).encode()).hexdigest()}"


def clock() -> Iterator[datetime]:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    while True:
        yield moment
        moment += timedelta(minutes=1)


def written(path: Path, entries: Sequence[Record]) -> Path:
    ticking = clock()
    with RunLog(path / LOG, clock=lambda: next(ticking)) as log:
        for entry in entries:
            log.write(entry)
    return path / LOG


def round_of(number: int, sites: Sequence[str] = SITES) -> list[Record]:
    taken = [
        ReplyTaken(
            round=number,
            attempt=1,
            site=site,
            weight=1.0,
            bytes=400,
            norm=0.5 * number,
            digest=digest((site, number)),
            epsilon=float(number),
        )
        for site in sites
    ]
    closed = RoundClosed(
        round=number, attempts=1, contributors=tuple(sites), missing=(), moved=0.25, model=digest(("model", number))
    )
    return [Asked(round=number, attempt=1, sites=tuple(sites)), *taken, closed]


def server_log(rounds: int = 2, sites: Sequence[str] = SITES) -> list[Record]:
    run = "sha256:run"
    return [
        RunOpened(run=run, app=digest("app"), plan=digest("plan"), layout="sha256:layout", affidavit="0.1.0"),
        RunBegan(run=run, layout="sha256:layout", size=100, rounds=rounds, rounds_done=0),
        *(entry for number in range(1, rounds + 1) for entry in round_of(number, sites)),
        RunEnded(rounds_done=rounds, because="all rounds done", model=digest(("model", rounds))),
    ]


def keys() -> dict[str, PrivateKey]:
    return {
        "node": generate_private_key(SECP384R1()),
        "signing": Ed25519PrivateKey.generate(),
        "officer": Ed25519PrivateKey.generate(),
    }


def began(site: str, private: dict[str, PrivateKey]) -> SiteBegan:
    return SiteBegan(site=site, keys={use: public_hex(key) for use, key in private.items()})


def site_log(site: str, rounds: int = 2) -> list[Record]:
    told: list[Record] = [began(site, keys())]
    for number in range(1, rounds + 1):
        place = {"run": "sha256:run", "round": number, "attempt": 1, "what": "train.round", "bytes": 400}
        told.append(Received.model_validate({**place, "digest": digest(("model", number - 1))}))
        told.append(Sent.model_validate({**place, "digest": digest((site, number)), "norm": 0.5 * number}))
    return told
