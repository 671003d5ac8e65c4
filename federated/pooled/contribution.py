"""What leaves a site, as a file that people can read: `SITE.counts.json`, under a digest.

Nothing in it is of one patient: sums over groups of patients, each of at least the floor, or noised; what is withheld
is named as such. The same record travels through Flower, by mail, or on a stick.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

import numpy as np
from pydantic import Field, ValidationError

from affidavit.digests import canonical_json, digest_of
from affidavit.errors import TableError, VerificationError
from affidavit.files import replacing
from affidavit.records import Number, Record
from affidavit.yaml_files import describe_validation_error
from federated.pooled.counts_plan import CountsPlan, Told
from federated.pooled.sums import BlockSums, Values, joined, parted
from federated.pooled.withholding import Place

SUFFIX: Final = ".counts.json"


class CellCounts(Record):
    """The sums of one group of patients; all empty where they are withheld."""

    condition: str
    groups: Mapping[str, str]
    withheld: bool = False
    n_units: int | None = None
    n_rows: int | None = None
    sums: tuple[int, ...] = ()
    """Hits of each label, rows whose truth it is, rows that were called it."""
    present: tuple[int, ...] = ()
    """Patients with a row whose truth is the label."""
    moments: tuple[int, ...] = ()
    """Sums over patients of products of two of their sums, upper triangle by rows."""


class SiteRow(Record):
    """A site's own estimate, which leaves only where its policy says so and its group is above the floor."""

    condition: str
    groups: Mapping[str, str]
    metric: str
    value: Number
    standard_error: Number = Field(gt=0)
    n_units: int = Field(ge=2)


class Spent(Record):
    """What the noise of these sums cost each patient of the site, and what all of its ledger did."""

    epsilon: Number = Field(gt=0)
    delta: Number = Field(gt=0, lt=1)
    ledger_epsilon: Number | None = None
    """Of the whole ledger at the same delta; absent where nothing bounds it."""
    ledger_head: str | None = None
    simulated: bool = False
    """Drawn from a seed: it protects nobody, and the numbers carry no epsilon."""


class SiteCounts(Record):
    """One site's part of a federated audit."""

    kind: Literal["affidavit site counts"] = "affidavit site counts"
    version: Literal[1] = 1
    site: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    plan: str
    """The digest of the plan that was counted."""
    told: Told
    cells: tuple[CellCounts, ...]
    cross: tuple[tuple[int, ...], ...] = ()
    """For features of rows: products between two groups, in the plan's order."""
    rows: tuple[SiteRow, ...] = ()
    spent: Spent | None = None
    data: str
    """Digest of the table that was counted, or the empty text where the site does not tell it."""
    digest: str = ""

    def sealed(self) -> SiteCounts:
        """Return it with its digest."""
        return self.model_copy(update={"digest": self.computed_digest()})

    def computed_digest(self) -> str:
        """Return the digest of everything but itself."""
        return digest_of(self.model_dump(mode="json", exclude={"digest"}))

    def to_json(self) -> bytes:
        """Return the canonical JSON."""
        return canonical_json(self.model_dump(mode="json"))

    @property
    def withheld(self) -> tuple[int, ...]:
        """Positions of cells that are withheld, in the plan's order."""
        return tuple(i for i, cell in enumerate(self.cells) if cell.withheld)


def contribution(
    plan: CountsPlan, blocks: Sequence[BlockSums], *, site: str, withheld: frozenset[Place], data: str = ""
) -> SiteCounts:
    """Return a site's sums as they leave, those of `withheld` groups empty."""
    cells, cross = [], []
    for b, sums in enumerate(blocks):
        i, j = np.triu_indices(sums.block.n_sums)
        for g, group in enumerate(sums.block.groups):
            gone = (b, g) in withheld
            told = {
                "n_units": int(sums.n_units[g]),
                "n_rows": int(sums.n_rows[g]),
                "sums": _whole(sums.sums[g]),
                "present": _whole(sums.present[g]),
                "moments": _whole(sums.moments[g][i, j]),
            }
            place = {"condition": sums.block.condition, "groups": group, "withheld": gone}
            cells.append(CellCounts.model_validate(place if gone else {**place, **told}))
        cross += [_whole(each.reshape(-1)) for each in sums.cross]
    return SiteCounts(
        site=site, plan=plan.digest, told=plan.told, cells=tuple(cells), cross=tuple(cross), data=data
    ).sealed()


def _whole(values: Values) -> tuple[int, ...]:
    return tuple(int(value) for value in values)


def vector_of(plan: CountsPlan, counts: SiteCounts) -> Values:
    """Return the numbers of a contribution as a vector, int64; what is withheld is 0 in it.

    Raises:
        VerificationError: the cells are not those of the plan, in its order.
    """
    if [(c.condition, dict(c.groups)) for c in counts.cells] != [
        (block.condition, dict(group)) for block in plan.blocks for group in block.groups
    ]:
        raise misfit(counts.site, "its cells are not those of the plan")
    cells, cross = iter(counts.cells), iter(counts.cross)
    parts: list[BlockSums] = []
    for block in plan.blocks:
        own = [next(cells) for _ in block.groups]
        c, k, t = block.n_sums, block.n_labels, block.n_moments
        empty = BlockSums.of(block, np.zeros(block.size, dtype=np.int64))
        lengths = [(len(cell.sums), len(cell.present), len(cell.moments)) for cell in own if not cell.withheld]
        between = [next(cross, ()) for _ in block.pairs]
        if any(each != (c, k, t) for each in lengths) or any(len(each) != c * c for each in between):
            raise misfit(counts.site, "a cell has other numbers than the plan asks for")
        if any(cell.n_units is None or cell.n_rows is None for cell in own if not cell.withheld):
            raise misfit(counts.site, "a cell does not say of how many patients it is")
        try:
            parts.append(_filled(empty, own, between))
        except OverflowError:
            raise misfit(counts.site, "a number is beyond what any site can have") from None
    if next(cross, None) is not None:
        raise misfit(counts.site, "it has more numbers than the plan asks for")
    return joined(parts)


def _filled(empty: BlockSums, cells: Sequence[CellCounts], between: Sequence[tuple[int, ...]]) -> BlockSums:
    i, j = np.triu_indices(empty.block.n_sums)
    for g, cell in enumerate(cells):
        if cell.withheld:
            continue
        empty.n_units[g], empty.n_rows[g] = cell.n_units, cell.n_rows
        empty.sums[g], empty.present[g] = cell.sums, cell.present
        empty.moments[g, i, j] = cell.moments
        empty.moments[g, j, i] = cell.moments
    for pair, numbers in enumerate(between):
        empty.cross[pair] = np.array(numbers, dtype=np.int64).reshape(empty.cross[pair].shape)
    return empty


def sums_of(plan: CountsPlan, counts: SiteCounts) -> tuple[BlockSums, ...]:
    """Return the numbers of a contribution by block; what is withheld is 0 in them."""
    return parted(plan, vector_of(plan, counts))


def write_counts(counts: SiteCounts, path: Path) -> Path:
    """Write a contribution and return where it lies."""
    with replacing(path) as temporary:
        temporary.write_bytes(counts.to_json() + b"\n")
    return path


def read_counts(content: bytes, *, where: str) -> SiteCounts:
    """Read a contribution and hold its digest against its content.

    Raises:
        TableError: it is no such file.
        VerificationError: it was changed after it was written.
    """
    try:
        counts = SiteCounts.model_validate(json.loads(content))
    except (ValueError, RecursionError) as error:
        found = describe_validation_error(error) if isinstance(error, ValidationError) else "no JSON"
        raise TableError(
            "this is not a site's part of a federated audit",
            slug="file-unreadable",
            where=where,
            found=found[:300],
            remedy="give the file that `affidavit federated-audit count` wrote",
        ) from None
    if counts.digest != counts.computed_digest():
        raise VerificationError(
            "a site's sums were changed after they were written",
            slug="digest-mismatch",
            where=where,
            found=counts.computed_digest(),
            allowed=counts.digest,
            remedy="ask the site for the file that it wrote",
        )
    return counts


def misfit(site: str, what: str) -> VerificationError:
    """Return the error of a contribution that cannot be added."""
    return VerificationError(
        f"the sums of {site} cannot be: {what}",
        slug="digest-mismatch",
        where=site,
        found=what,
        allowed="sums over patients, as `affidavit federated-audit count` makes them of this plan",
        remedy="ask the site to count again with this version and this plan, and compare digests",
    )
