"""How many patients a site has, as anybody may learn it: noised, drawn once, written down and never drawn again.

A gradient's sum is divided by an expected number of patients, so that this number is in every update, told or not.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from affidavit.digests import digest_of
from federated.private_files import private_file
from federated.sites.account import SiteAccount, count_event
from federated.sites.private_options import PrivateSiteOptions
from privacy.dpsgd.randomness import Source
from privacy.ledger.events import RunFacts

COUNT: Final = "count.json"
_END: Final = 9
"""Standard deviations within which all noise lies (`privacy.dpsgd.randomness`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientNumber:
    """A site's number of patients."""

    told: int
    """What may be known of it."""
    at_most: int
    """A number that there are no more than, as public as `told`."""


def public_number(n_units: int) -> PatientNumber:
    """Return a number that is declared to be public."""
    return PatientNumber(told=n_units, at_most=n_units)


def noised_number(
    n_units: int,
    *,
    options: PrivateSiteOptions,
    corpus: str | None,
    account: SiteAccount | None,
    folder: Path,
    source: Source,
) -> PatientNumber:
    """Return the number with noise, which the ledger counts once for a corpus; without an account nothing counts it.

    Raises:
        BudgetSpentError: there is no room for it, and it was not drawn before.
    """
    key, path = digest_of([corpus, options.count_noise]), folder / COUNT
    known = _read(path, key)
    if known is None and account is None:
        known = _drawn(n_units, options, source)
    elif known is None and account is not None:
        with account.counted(_run(key, account), RunFacts(corpus=corpus), count_event(options)):
            known = _drawn(n_units, options, source)
            _keep(path, key, known)
    told = known or 1
    return PatientNumber(told=told, at_most=told + math.ceil(_END * options.count_noise))


def _drawn(n_units: int, options: PrivateSiteOptions, source: Source) -> int:
    return max(1, round(n_units + options.count_noise * float(source.normal(1)[0])))


def _read(path: Path, key: str) -> int | None:
    """Return what was drawn; what cannot be read is drawn anew, and paid anew."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return int(kept["told"]) if kept["key"] == key and int(kept["told"]) >= 1 else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _keep(path: Path, key: str, told: int) -> None:
    with private_file(path) as file:
        file.write(json.dumps({"key": key, "told": told}).encode())


def _run(key: str, account: SiteAccount) -> str:
    """Name the drawing in the ledger: a run keeps the budget that it was opened with, and a later plan has another."""
    budget = [] if account.budget is None else [account.budget.epsilon, account.budget.delta]
    return f"number of patients {digest_of([key, *budget])}"
