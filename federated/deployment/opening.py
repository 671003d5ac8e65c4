"""`affidavit site init`: a folder with keys, a policy in which nothing leaves, and the first line of its log."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from affidavit.errors import PlanError
from affidavit.provenance import Now, now
from affidavit.yaml_files import describe_validation_error
from federated.deployment.house import House, written_privately
from federated.deployment.keys import USES, made, written
from federated.deployment.site_file import first_site_file
from federated.record.entries import SiteBegan
from federated.record.log import write_line
from federated.record.signatures import public_hex


def opened_site(folder: Path, *, site: str, server: str, clock: Now = now) -> SiteBegan:
    """Make a site's folder and return the first line of its log.

    Raises:
        PlanError: the name or the server's address is none, or the folder is there and not empty.
    """
    try:
        policy = first_site_file(site, server)
    except ValidationError as error:
        raise PlanError(
            "a site cannot be called that, or reach a server there",
            slug="plan-invalid",
            where="affidavit site init",
            found=describe_validation_error(error),
            allowed="a name of small letters, digits and hyphens; a server as host:port",
        ) from None
    house = House(folder=folder)
    _made_empty(folder)
    pairs = {use: made(use) for use in USES}
    for use, pair in pairs.items():
        written(house, use, pair)
    for place in (house.folder / "keys", house.flower, house.private):
        place.mkdir(exist_ok=True)
        place.chmod(0o700)
    written_privately(house.policy, policy.encode())
    began = SiteBegan(site=site, keys={use: public_hex(pair.key) for use, pair in pairs.items()})
    write_line(house.log, began, clock=clock)
    house.log.chmod(0o600)
    return began


def _made_empty(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        inhabited = any(folder.iterdir())
        folder.chmod(0o700)
    except OSError as error:
        raise _taken(folder, error.strerror or "unwritable") from None
    if inhabited:
        raise _taken(folder, "a folder that is not empty")


def _taken(folder: Path, found: str) -> PlanError:
    return PlanError(
        "a site needs a folder of its own",
        slug="output-exists",
        where=str(folder),
        found=found,
        allowed="a new or empty folder",
        remedy="name another one: keys and logs are never overwritten",
    )
