"""What a site lets happen: `site.yaml`, written once by `affidavit site init` and edited by people.

Law: the site's own limits bind, whatever a plan says; a key that is not known here is a mistake and is refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Final, Literal

from pydantic import Field

from affidavit.disclosure.rule import FLOOR
from affidavit.errors import PlanError
from affidavit.plan import Choice
from affidavit.records import Record
from affidavit.yaml_files import read_record
from federated.deployment.house import House
from federated.record.entries import SiteName, Words

SERVER: Final = r"^(\[[0-9A-Fa-f:.]+\]|[^\s:/@\[\]]+):[0-9]{1,5}$"


class SiteBudget(Record):
    """What trainings and noised counts may cost a patient of this site, over all runs."""

    epsilon: float = Field(gt=0)
    delta: float = Field(gt=0, lt=1)


class Disjoint(Record):
    """Somebody's word that no patient of this site is a patient of another one."""

    by: Words
    because: Words


class SiteAudit(Record):
    """What a federated audit may count here, and in which form it may leave."""

    table: str
    """The table of judgements, CSV or Parquet; relative to the folder."""
    columns: Mapping[str, str] = Field(default_factory=dict)
    """Column of each part that is not recognised, as `--column` of the commands."""
    exact_sums: Literal["never", "secure", "plain"] = "never"
    """Whether sums may leave that no noise protects: in a secure sum alone, or for the server to see as well."""
    own_estimates: bool = False
    """Whether the site's own estimates of groups above the floor may leave beside its sums; never beside noise."""
    data_digest: bool = False
    """Whether the digest of the table may leave."""


class SiteFile(Record):
    """The site's policy."""

    site: SiteName
    server: str = Field(pattern=SERVER)
    """Host and port of the SuperLink."""
    ca: str = "ca.crt"
    """The certificate that the server's own is held against; relative to the folder."""
    corpus: Choice | None = None
    """The site's patients, by a loader of `affidavit` with its options; paths are relative to the folder."""
    audit: SiteAudit | None = None
    """Without it, nothing is counted for a federated audit."""
    budget: SiteBudget | None = None
    """Without one, nothing private may be trained here, and nothing be counted with noise."""
    floor: int = Field(default=FLOOR, ge=2)
    """The least number of patients that anything that leaves may stand for; with fewer to train on, no update does."""
    smallest_cohort: int = Field(default=3, ge=2)
    """With fewer sites in a sum, this one takes no part."""
    examinations: tuple[str, ...] = ()
    """Federated examinations that may be answered, by name."""
    tells: tuple[Literal["n_units", "epsilon", "loss"], ...] = ()
    """Numbers that may leave beside an update: how many patients, what was spent, the mean loss."""
    unprotected_training: bool = False
    """Whether updates may leave that no privacy budget counts."""
    disjoint: Disjoint | None = None
    """Without it, what a patient may lose is added over all sites."""
    port: int = Field(default=9094, ge=1, le=65535)
    """Where the node is reached by its own processes, on this machine alone."""


def read_site_file(house: House) -> SiteFile:
    """Return a site's policy.

    Raises:
        TableError: there is none, or it is no YAML.
        PlanError: a key is unknown or missing, or has a value of the wrong kind.
    """
    return read_record(house.policy, SiteFile, invalid=partial(_invalid, str(house.policy)))


def _invalid(where: str, found: str) -> PlanError:
    return PlanError(
        "the site's policy cannot be used",
        slug="plan-invalid",
        where=where,
        found=found,
        allowed=", ".join(SiteFile.model_fields),
        remedy="correct the keys that are named; docs/hospital.md explains each",
    )


def first_site_file(site: str, server: str) -> str:
    """Return what `affidavit site init` writes: everything that leaves is off until somebody turns it on."""
    SiteFile(site=site, server=server)
    return _FIRST.format(site=json.dumps(site), server=json.dumps(server), floor=FLOOR)


_FIRST: Final = """\
# What this site lets happen. The site's limits bind, whatever a plan says. docs/hospital.md explains each key.
site: {site}
server: {server}
ca: ca.crt  # put the certificate of the server's authority here

# corpus:  # the patients: any loader that `affidavit` knows, paths relative to this folder
#   name: manifest
#   options: {{path: patients.csv}}

# audit:  # what a federated audit may count: a table of judgements, relative to this folder
#   table: judgements.csv
#   exact_sums: never  # whether sums may leave that no noise protects: never, secure, or plain
#   own_estimates: false  # whether the site's own estimates may leave beside them

# budget: {{epsilon: 3.0, delta: 1.0e-5}}  # what a patient may lose here over all runs; delta below 1/patients
unprotected_training: false  # whether updates may leave that no budget counts
floor: {floor}  # the least number of patients that a count or an update that leaves may stand for
smallest_cohort: 3  # with fewer sites in a sum, this one takes no part
examinations: []  # federated examinations that may be answered: federated-audit
tells: []  # numbers that may leave beside an update: n_units, epsilon, loss

# disjoint:  # whose word it is that no patient here is a patient of another site; without it, losses add over sites
#   by: Name, function
#   because: how they know

port: 9094  # the node's own processes meet here, on this machine alone
"""
