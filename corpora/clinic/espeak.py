"""Speaks through eSpeak NG, by ctypes on the library that its wheel brings.

Laws, each measured:

* Every return code is checked. An unknown voice leaves the former one in place and says so only in the code; an
  unknown variant is not even an error there, and is looked up here.
* Neither a seed nor a new start brings the library back to where it was: only the first clip of a process can be the
  same each time. Whoever wants the same bytes forks one process per clip (`corpora.clinic.workshop`).
* Nor is that enough: the variants that breathe (f2, f3, f5) draw noise from a state that starts with the clock. In the
  fork the library's generator and that of the C library are both seeded (`Espeak.draw_from`).
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from affidavit.errors import MediaError
from corpora.clinic.parts import part

SAMPLE_RATE: Final = 22_050
LONGEST_S: Final = 60.0
_SYNCHRONOUS: Final = 2
_UTF8: Final = 1
_WORD: Final = 1
_RATE, _VOLUME, _PITCH, _RANGE = 1, 2, 3, 4
_LIMITS: Final = {_RATE: (80, 450), _VOLUME: (0, 200), _PITCH: (0, 99), _RANGE: (0, 99)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One spoken word: its characters in the text, and when it starts."""

    start: int
    end: int
    start_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """Sound as it comes out of the library."""

    samples: NDArray[np.float64]
    """At `SAMPLE_RATE`, within -1 to 1."""
    words: tuple[Word, ...]


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


@dataclass(slots=True)
class Espeak:
    """The library, initialised; one clip at a time."""

    library: Any
    variants: frozenset[str]
    _sound: list[NDArray[np.int16]] = field(default_factory=list)
    _words: list[Word] = field(default_factory=list)
    _callback: Any = None

    def set_voice(self, name: str) -> None:
        """Choose a voice such as `en-us+f3`.

        Raises:
            MediaError: there is no such voice or variant.
        """
        variant = name.partition("+")[2]
        code = self.library.espeak_SetVoiceByName(name.encode())
        if code != 0 or (variant and variant not in self.variants):
            raise MediaError(
                "eSpeak NG has no such voice",
                slug="media-unreadable",
                where=name,
                found=f"return code {code}" if code else f"no variant {variant!r}",
                allowed="a voice of its list, and after a plus sign one of its variants",
                remedy="`en-gb` is no voice, `en` is; see the folder voices/!v for variants",
            )

    def draw_from(self, seed: int) -> None:
        """Seed what the library draws from; gives the same bytes only before the first clip of a process."""
        self._demand(self.library.espeak_ng_SetRandSeed(ctypes.c_long(seed & 0x7FFFFFFF)), "espeak_ng_SetRandSeed")
        ctypes.CDLL(None).srand(ctypes.c_uint(seed & 0x7FFFFFFF))

    def speak(self, text: str, *, rate: int, pitch: int, pitch_range: int) -> Spoken:
        """Return a text spoken with the chosen voice; rate in words a minute, pitch and its range in 0 to 99.

        Raises:
            MediaError: a parameter is out of range, or the library refuses or says nothing.
        """
        for parameter, value in ((_RATE, rate), (_VOLUME, 100), (_PITCH, pitch), (_RANGE, pitch_range)):
            low, high = _LIMITS[parameter]
            if not low <= value <= high:
                raise _failed(text, f"parameter {parameter} is {value}, outside {low} to {high}")
            self._demand(self.library.espeak_SetParameter(parameter, value, 0), f"parameter {parameter}")
        self._sound.clear()
        self._words.clear()
        written = text.encode() + b"\0"
        code = self.library.espeak_Synth(written, ctypes.c_size_t(len(written)), 0, 1, 0, _UTF8, None, None)
        self._demand(code, "espeak_Synth")
        self._demand(self.library.espeak_Synchronize(), "espeak_Synchronize")
        samples = np.concatenate([np.zeros(0, np.int16), *self._sound]).astype(np.float64) / 32_768
        if not 0 < len(samples) <= LONGEST_S * SAMPLE_RATE or not np.any(samples):
            raise _failed(text, f"{len(samples) / SAMPLE_RATE:.1f} s of sound")
        return Spoken(samples=samples, words=tuple(self._words))

    def _demand(self, code: int, what: str) -> None:
        if code != 0:
            raise _failed(what, f"return code {code}")

    def _receive(self, samples: Any, n_samples: int, events: Any) -> int:  # noqa: ANN401 - ctypes pointers
        if samples and n_samples:
            self._sound.append(np.ctypeslib.as_array(samples, (n_samples,)).astype(np.int16, copy=True))
        i = 0
        while events[i].type != 0:
            event = events[i]
            if event.type == _WORD:
                start = event.text_position - 1
                self._words.append(Word(start=start, end=start + event.length, start_s=event.audio_position / 1000))
            i += 1
        return 0


def espeak() -> Espeak:
    """Load and initialise the library; once a process.

    Raises:
        MissingPartError: the wheel is not installed.
        MediaError: the library does not start.
    """
    loader = part("espeakng_loader")
    data = Path(loader.get_data_path())
    library = ctypes.CDLL(str(loader.get_library_path()))
    found = library.espeak_Initialize(_SYNCHRONOUS, 0, str(data).encode(), 0)
    if found != SAMPLE_RATE:
        raise _failed("espeak_Initialize", f"return value {found}, and not {SAMPLE_RATE}")
    engine = Espeak(library, frozenset(file.name for file in (data / "voices" / "!v").iterdir()))
    engine._callback = _Callback(engine._receive)  # kept: the library calls it as long as it lives
    library.espeak_SetSynthCallback(engine._callback)
    return engine


def _failed(where: str, found: str) -> MediaError:
    return MediaError(
        "eSpeak NG did not speak",
        slug="media-unreadable",
        where=where,
        found=found,
        remedy="check the installation of espeakng-loader",
    )
