"""All that a withdrawal finds before anything is changed, and then does.

The order is one in which what was begun is finished by doing it again, whenever it was cut off: first the list, so that
nobody takes the unit in again; then a note in each ledger, for a model that is gone no longer leads to its ledger; then
the reviews, tables before the plans that say whose their cards are; last what tells which utterances and rationales
were the unit's. A note is made once for each unit, ledger and site, and once more where a crash falls between the note
and keeping that it was made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from affidavit.errors import AffidavitError, PlanError
from affidavit.hash_chain import read_chain
from affidavit.plan import AuditPlan
from affidavit.texts import plain_label
from affidavit.training import checkpoint_of
from affidavit.withdrawals import KeptPlaces, Withdrawals
from privacy.withdrawal.holdings import Holding, judged_tables, opaque_folders, opaque_parts
from privacy.withdrawal.models import Met, interrupted, models_below, searched
from privacy.withdrawal.reviews import Cleaned, Own, review_files

Stayed = tuple[Path, str]
"""What could not be done, and why."""
UNREMOVED: Final = "could not be removed; remove it, and withdraw again"
UNNOTED: Final = "its ledger could not be noted, and without it the ledger would not be found again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """What was found of a unit."""

    unit: str
    listed: Withdrawals
    known: bool
    """Whether anything here names it."""
    holdings: tuple[Holding, ...]
    """What goes."""
    opaque: tuple[Holding, ...]
    """What goes because it cannot be told apart."""
    looked: tuple[Path, ...]
    """Where such things were looked for."""
    models: tuple[Met, ...]
    reviews: tuple[Cleaned, ...]
    ledgers: tuple[tuple[Path, str], ...]
    """Where the withdrawal is not noted yet, with the site."""
    keep_models: bool

    @property
    def on_list(self) -> bool:
        """Whether it is on the list."""
        return self.unit in self.listed

    @property
    def done(self) -> bool:
        """Whether there is nothing left to do."""
        cleaned = any(one.n for one in self.reviews)
        return self.on_list and not (self.holdings or self.opaque or cleaned or self.ledgers or self.removed)

    @property
    def removed(self) -> tuple[Met, ...]:
        """The models that go."""
        return () if self.keep_models else tuple(model for model in self.models if model.met)

    def carry_out(self) -> list[Stayed]:
        """Do it; return what could not be done."""
        self.listed.add(self.unit)
        unnoted = self._note()
        for cleaned in sorted(self.reviews, key=lambda one: one.is_plan):
            if cleaned.n:
                cleaned.write()
        paths = [path for holding in (*self.holdings, *self.opaque) for path in holding.remove()]
        if not paths:
            for folder in self.looked:
                self._mark(_purged(folder))
        held = [model for model in self.removed if model.ledger is not None and model.ledger[0] in unnoted]
        paths += [path for model in self.removed if model not in held for path in model.remove()]
        stayed = [(path, UNREMOVED) for path in paths]
        stayed += [(model.folder, UNNOTED) for model in held]
        return stayed + [(path, f"not noted: {why}") for path, why in unnoted.items()]

    def _note(self) -> dict[Path, str]:
        """Note the withdrawal in each ledger; return by ledger why it could not be."""
        if not self.ledgers:
            return {}
        from privacy.ledger.notes import note_withdrawal  # brings the accountants of the extra `privacy`

        unnoted: dict[Path, str] = {}
        for path, site in self.ledgers:
            try:
                note_withdrawal(path, site=site)
            except AffidavitError as error:  # the rest is not put off until somebody mends a ledger
                unnoted[path] = error.what
            else:
                self._mark(_noted(path, site))
        return unnoted

    def _mark(self, what: str) -> None:
        if not self.listed.marked(self.unit, what):
            self.listed.mark(self.unit, what)


def survey(unit: str, places: KeptPlaces, listed: Withdrawals, *, again: bool = False) -> Withdrawal:
    """Find all that holds a unit's data, or may; change nothing.

    What cannot be told apart is found once for each unit and folder, for what came later is without the unit; `again`
    looks for it wherever it is, since an audit that ran meanwhile may have left some.

    Raises:
        PlanError: a ledger has several sites, and none was named.
        InputError, VerificationError: a file of reviews or a ledger cannot be read, or does not hold.
    """
    judged = judged_tables(unit)
    own = Own(unit=plain_label(unit), utterances=judged.utterances, rationales=judged.rationales)
    reviews = review_files(places.reviews, own)
    models = models_below(places.models, unit)
    looked = tuple(dict.fromkeys((*opaque_folders(), *searched(places.models))))
    purged = set() if again else {folder for folder in looked if listed.marked(unit, _purged(folder))}
    noted = [*_sited(places), *(model.ledger for model in models if model.met and model.ledger is not None)]
    return Withdrawal(
        unit=unit,
        listed=listed,
        known=bool(judged.utterances or any(one.n for one in reviews)) or any(model.met for model in models),
        holdings=judged.holdings,
        opaque=(
            *opaque_parts(folder for folder in looked if folder not in purged),
            *interrupted(folder for folder in searched(places.models) if folder not in purged),
        ),
        looked=looked,
        models=models,
        reviews=reviews,
        ledgers=tuple(
            (path, site) for path, site in dict.fromkeys(noted) if not listed.marked(unit, _noted(path, site))
        ),
        keep_models=places.keep_models,
    )


def places_of(plan: AuditPlan, folder: Path) -> KeptPlaces:
    """Return where a plan keeps models, reviews and ledgers, those that are there; paths start at `folder`."""
    options = [choice.options for choice in plan.examinations or () if choice.name == "human-review"]
    ledgers = [choice.options for choice in plan.examinations or () if choice.name == "privacy-ledger"]
    return KeptPlaces(
        models=tuple(checkpoint_of(name, plan, folder).parent for name in plan.training),
        reviews=_there(folder, [one.get(key) for one in options for key in ("reviews", "plan")]),
        ledgers=tuple(dict.fromkeys(path for one in ledgers for path in _ledgers(folder, one.get("ledger")))),
    )


def _there(folder: Path, named: Sequence[object]) -> tuple[Path, ...]:
    paths = [folder / name for name in named if isinstance(name, str)]
    return tuple(dict.fromkeys(path for path in paths if path.is_file()))


def _ledgers(folder: Path, named: object) -> tuple[Path, ...]:
    """Return the ledgers that an option names: a file, a folder of them, or these by run."""
    by_run = list(named.values()) if isinstance(named, Mapping) else [named]
    places = [folder / name for name in by_run if isinstance(name, str)]
    files = [file for place in places for file in (sorted(place.glob("*.jsonl")) if place.is_dir() else [place])]
    return _there(folder, list(map(str, files)))


def _sited(places: KeptPlaces) -> list[tuple[Path, str]]:
    """Return each ledger with the unit's site there; where a site is named and some have it, those alone.

    Raises:
        PlanError: a ledger has several sites, and none of them was named.
    """
    sites = {path.resolve(): _sites(path) for path in places.ledgers}
    if any(places.site in own for own in sites.values()):
        sites = {path: own for path, own in sites.items() if places.site in own}
    return [(path, _site(path, own, places.site)) for path, own in sites.items() if own]


def _sites(path: Path) -> tuple[str, ...]:
    """Return the sites of a ledger; none where nothing was spent on anybody yet."""
    opened = [link.content for link in read_chain(path).links if link.content.get("kind") == "run-opened"]
    return tuple(dict.fromkeys(str(content.get("site")) for content in opened))


def _site(path: Path, sites: Sequence[str], named: str | None) -> str:
    if named in sites or (named is None and len(sites) == 1):
        return named or sites[0]
    raise PlanError(
        "the ledger has no such site" if named else "in which site of the ledger the unit was is not known",
        slug="plan-impossible",
        where=str(path),
        found=named or "no --site",
        allowed=", ".join(sites),
        remedy="name the site: --site SITE",
    )


def _noted(path: Path, site: str) -> str:
    return f"noted in {path.resolve()} of {site}"


def _purged(folder: Path) -> str:
    return f"purged {folder.resolve()}"
