"""The cohorts that somebody named, in a file of theirs in the workspace; two windows at once lose nothing.

WORKSPACE/cohorts/<digest of the person's name>.json
"""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from affidavit.cohorts import Cohort
from affidavit.errors import PlanError
from affidavit.files import replacing
from affidavit.records import Record

FOLDER: Final = "cohorts"
AT_MOST: Final = 200


class _Kept(Record):
    cohorts: tuple[Cohort, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedCohorts:
    """The cohorts of one person."""

    workspace: Path
    person: str

    def all(self) -> tuple[Cohort, ...]:
        """Return them by name; none where the person saved none.

        Raises:
            PlanError: the file was changed by somebody else and holds no cohorts.
        """
        if not self._file.is_file():
            return ()
        try:
            kept = _Kept.model_validate_json(self._file.read_bytes())
        except ValidationError:
            raise PlanError(
                "the file of saved cohorts does not read",
                slug="plan-invalid",
                where=f"{FOLDER}/{self._file.name}",
                remedy="move the file away; cohorts can then be saved anew",
            ) from None
        return tuple(sorted(kept.cohorts, key=lambda cohort: cohort.name.casefold()))

    def save(self, cohort: Cohort) -> None:
        """Keep a cohort; one of the same name is replaced.

        Raises:
            PlanError: there are too many, or the file does not read.
        """
        with self._locked():
            others = [kept for kept in self.all() if kept.name != cohort.name]
            if len(others) >= AT_MOST:
                raise PlanError(
                    "no further cohort can be saved",
                    slug="plan-impossible",
                    where=cohort.name,
                    found=f"{len(others)} cohorts",
                    allowed=f"{AT_MOST} for each person",
                    remedy="delete one that is no longer needed",
                )
            self._write((*others, cohort))

    def delete(self, name: str) -> None:
        """Forget a cohort, if there is one of this name."""
        with self._locked():
            self._write(tuple(kept for kept in self.all() if kept.name != name))

    @property
    def _file(self) -> Path:
        named = hashlib.sha256(self.person.encode()).hexdigest()[:32]
        return self.workspace / FOLDER / f"{named}.json"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._file.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _write(self, cohorts: tuple[Cohort, ...]) -> None:
        with replacing(self._file) as temporary:
            temporary.write_text(_Kept(cohorts=cohorts).model_dump_json(), encoding="utf-8")
