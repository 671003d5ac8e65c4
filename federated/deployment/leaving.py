"""`affidavit site leave`: what was contributed, what remains where, and the log's head under the site's own signature.

Leaving takes nothing back. A model that sites trained together holds what this one sent; no message unmakes that.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pydantic import ValidationError

from affidavit.digests import canonical_json
from affidavit.errors import PlanError
from affidavit.provenance import Now, now
from affidavit.yaml_files import describe_validation_error
from federated.deployment.approvals import Word, standing
from federated.deployment.house import House, written_privately
from federated.deployment.keys import officer_key
from federated.record.entries import Farewell, Sent
from federated.record.log import Log, RunLog, read_log
from federated.record.signatures import public_hex, signed_by
from federated.record.site_keys import keys_of

STAYS: Final = (
    "the models: every round that counts an update of this site is in them, and nothing takes it out again",
    "what the privacy ledger counts: it stays spent, and a new federation begins after it",
    "this folder: keep log.jsonl and keys/*.pub as long as the models are in use; private/ and flower/ may go now",
)


def left(house: House, *, word: Word, clock: Now = now) -> tuple[Farewell, Path]:
    """Write the site's last word, and return it with the file that is for the server's operator.

    Raises:
        PlanError: it left before, or nobody says so or why.
        VerificationError: the log or the signing key does not hold.
    """
    if standing(house.folder, clock=clock).left:
        raise PlanError(
            "the site took its leave before",
            slug="plan-impossible",
            where=str(house.log),
            remedy="its statement lies in the folder as farewell-*.json",
        )
    key = officer_key(house.key("signing"))
    with RunLog(house.log, clock=clock) as log:
        entry = _signed(log, house, word)
        log.write(entry)
    statement = {
        "site": keys_of(line.entry for line in _read(house).lines).site,
        "key": public_hex(key),
        "farewell": entry.model_dump(mode="json"),
    }
    place = house.folder / f"farewell-{entry.head.removeprefix('sha256:')[:12]}.json"
    written_privately(place, canonical_json(statement) + b"\n", mode=0o644)
    return entry, place


def contributed(log: Log) -> tuple[int, int, float | None]:
    """Return in how many rounds something of a site was sent, how many bytes, and the greatest epsilon that it said."""
    sent = log.of(Sent)
    trained = [one for one in sent if one.what.startswith("train.")]
    said = [one.epsilon for one in sent if one.epsilon is not None]
    rounds = len({(one.run, one.round) for one in trained})
    return rounds, sum(one.bytes for one in sent), max(said, default=None)


def _signed(log: RunLog, house: House, word: Word) -> Farewell:
    key, read = officer_key(house.key("signing")), _read(house)
    rounds, n_bytes, epsilon = contributed(read)
    fields = {"by": word.by, "because": word.because, "head": log.head, "rounds": rounds, "bytes": n_bytes}
    try:
        unsigned = Farewell.model_validate({**fields, "epsilon": epsilon, "signature": "00"})
    except ValidationError as error:
        raise PlanError(
            "a farewell needs somebody who gives it, and their reason",
            slug="plan-invalid",
            where="affidavit site leave",
            found=describe_validation_error(error),
            allowed="--by and --because, up to 500 characters each",
        ) from None
    told = unsigned.model_dump(mode="json", exclude={"signature"})
    site = keys_of(line.entry for line in read.lines).site
    return Farewell.model_validate({**told, "signature": signed_by(key, told, site=site)})


def _read(house: House) -> Log:
    return read_log(house.log)
