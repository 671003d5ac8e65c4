"""Loads the corpora of a plan one after the other in the background, while models are trained on the earlier ones.

Loading decodes, speaks or draws in processes of its own and leaves the main one waiting; training keeps the main one
busy. A corpus that several parts of a plan name is loaded once. Who has withdrawn is left out when a corpus is asked
for, not when it was loaded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Final

from affidavit.admission import admitted
from affidavit.corpus import Corpus
from affidavit.digests import digest_of
from affidavit.plan import AuditPlan, Choice
from affidavit.protocols import Progress, silent
from affidavit.registry import Door, load

_WORTH_A_THREAD: Final = 2
LoadCorpus = Callable[[Choice, Progress], Corpus]
"""Returns the corpus of a plan; `progress` hears of it as long as it is waited for."""


def loaded_when_asked(folder: Path) -> LoadCorpus:
    """Return a function that loads each corpus when it is asked for; relative paths start at `folder`."""
    return lambda choice, progress: admitted(_loaded(choice, folder, progress))


def corpora_of_training(plan: AuditPlan) -> list[Choice]:
    """Return the corpus of each training, in order."""
    return [training.corpus for training in plan.training.values()]


def corpora_of_runs(plan: AuditPlan) -> list[Choice]:
    """Return the corpus of each run that has one, in order."""
    return [source.corpus for source in plan.runs.values() if source.corpus is not None]


@contextmanager
def loaded_ahead(wanted: Sequence[Choice], folder: Path) -> Iterator[LoadCorpus]:
    """Yield a function that returns each corpus as often as it is wanted; loading ends with the block.

    They are loaded in this order, relative paths starting at `folder`. What is wrong with one is raised to whoever asks
    for it, and the others are loaded nevertheless.
    """
    if len(set(map(_key, wanted))) < _WORTH_A_THREAD:
        yield loaded_when_asked(folder)
        return
    shelf = _Shelf(wanted, folder)
    try:
        yield shelf.take
    finally:
        shelf.close()


def _key(choice: Choice) -> str:
    return digest_of([choice.name, choice.model_dump(mode="json")["options"]])


def _loaded(choice: Choice, folder: Path, progress: Progress) -> Corpus:
    corpus: Corpus = load(Door.CORPORA, choice.name).load(dict(choice.options), folder=folder, progress=progress)
    return corpus


class _Closed(BaseException):
    """Nobody waits any more."""


class _Shelf:
    """Corpora that are loaded or will be, each kept until the last part of the plan has taken it."""

    def __init__(self, wanted: Sequence[Choice], folder: Path) -> None:
        self._takers = Counter(map(_key, wanted))
        self._futures: dict[str, Future[Corpus]] = {key: Future() for key in self._takers}
        self._heard_by: dict[str, Progress] = {}
        self._closed = Event()
        choices = {_key(choice): choice for choice in wanted}
        # A daemon: a program that ends on an error does not wait for clips that nobody will hear.
        Thread(target=self._fill, args=(choices, folder), name="corpora-ahead", daemon=True).start()

    def take(self, choice: Choice, progress: Progress) -> Corpus:
        """Return a corpus as admitted now; wait for it where it is not loaded yet."""
        key = _key(choice)
        self._heard_by[key] = progress
        try:
            corpus = self._futures[key].result()
        finally:
            self._heard_by.pop(key, None)
        self._takers[key] -= 1
        if not self._takers[key]:
            del self._futures[key]
        return admitted(corpus)

    def close(self) -> None:
        """Load nothing more; what is being loaded stops at its next word of progress."""
        self._closed.set()

    def _fill(self, choices: Mapping[str, Choice], folder: Path) -> None:
        futures = dict(self._futures)
        for key, choice in choices.items():
            try:
                futures[key].set_result(_loaded(choice, folder, self._telling(key)))
            except _Closed:
                return
            except BaseException as error:
                futures[key].set_exception(error)
            if self._closed.is_set():
                return

    def _telling(self, key: str) -> Progress:
        def tell(what: str, done: int, total: int | None) -> None:
            if self._closed.is_set():
                raise _Closed
            self._heard_by.get(key, silent)(what, done, total)

        return tell
