"""Sends sound through a real codec and back: MP3 and Opus by FFmpeg, telephone codecs by libsndfile.

The result has the sample rate, the length and the alignment of the sound: a codec's delay is taken off again.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from math import gcd
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from affidavit.media.parts import part
from affidavit.media.sound import Sound


@dataclass(frozen=True, slots=True)
class _Telephone:
    """A narrow-band codec at 8 kHz, under libsndfile's name."""

    subtype: str


@dataclass(frozen=True, slots=True)
class _Stream:
    """A codec of a given bit rate, under FFmpeg's names."""

    encoder: str
    container: str
    kbit_per_s: int
    rates_hz: tuple[int, ...]


_MP3_HZ: Final = (16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
_OPUS_HZ: Final = (8_000, 12_000, 16_000, 24_000, 48_000)

CODECS: Final[Mapping[str, _Telephone | _Stream]] = MappingProxyType(
    {
        **{f"mp3-{k}k": _Stream("libmp3lame", "mp3", k, _MP3_HZ) for k in (16, 32, 64, 128)},
        **{f"opus-{k}k": _Stream("libopus", "ogg", k, _OPUS_HZ) for k in (6, 8, 12, 16, 24, 32, 64)},
        "ulaw-8k": _Telephone("ULAW"),
        "alaw-8k": _Telephone("ALAW"),
        "gsm-13k": _Telephone("GSM610"),
    }
)
"""Levels of `codec`: the codec and its kbit/s; for G.711 (`ulaw`, `alaw`) its 8 kHz."""
_TELEPHONE_HZ: Final = 8_000


def through_codec(sound: Sound, name: str, rng: np.random.Generator) -> Sound:
    """Return what is left of a sound that was coded and decoded.

    Raises:
        MissingPartError: the extra `media` is not installed.
    """
    codec = CODECS[name]
    rate = _TELEPHONE_HZ if isinstance(codec, _Telephone) else _carried(sound.sample_rate, codec.rates_hz)
    carried = _at_rate(sound.samples, sound.sample_rate, rate)
    decoded = _by_libsndfile(carried, codec) if isinstance(codec, _Telephone) else _by_ffmpeg(carried, rate, codec)
    back = _fitted(_at_rate(decoded, rate, sound.sample_rate), len(sound.samples))
    return Sound(samples=np.clip(back, -1.0, 1.0).astype(np.float32), sample_rate=sound.sample_rate)


def _carried(sample_rate: int, rates_hz: tuple[int, ...]) -> int:
    """Return the lowest rate that the codec knows and that loses nothing, else its highest."""
    return next((rate for rate in rates_hz if rate >= sample_rate), rates_hz[-1])


def _at_rate(samples: NDArray[np.float32], rate: int, wanted: int) -> NDArray[np.float32]:
    factor = gcd(rate, wanted)
    resampled: NDArray[np.float32] = resample_poly(samples, wanted // factor, rate // factor)
    return resampled


def _fitted(samples: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    return np.pad(samples[:length], (0, max(0, length - len(samples))))


def _by_libsndfile(samples: NDArray[np.float32], codec: _Telephone) -> NDArray[np.float32]:
    soundfile, file = part("soundfile"), io.BytesIO()
    soundfile.write(file, np.clip(samples, -1.0, 1.0), _TELEPHONE_HZ, format="WAV", subtype=codec.subtype)
    file.seek(0)
    decoded: NDArray[np.float32] = soundfile.read(file, dtype="float32")[0]
    return decoded


def _by_ffmpeg(samples: NDArray[np.float32], rate: int, codec: _Stream) -> NDArray[np.float32]:
    av, file = part("av"), io.BytesIO()
    with av.open(file, mode="w", format=codec.container) as container:
        stream = container.add_stream(codec.encoder, rate=rate, layout="mono")
        stream.bit_rate = 1000 * codec.kbit_per_s
        samples = np.pad(samples, (0, rate // 10))  # or the codec's delay would push the end out
        frame = av.AudioFrame.from_ndarray(samples[None, :], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = rate, 0
        resampler = av.AudioResampler(format=stream.codec_context.format, layout="mono", rate=rate)
        for piece in (*resampler.resample(frame), *resampler.resample(None), None):
            container.mux(stream.encode(piece))
    file.seek(0)
    with av.open(file) as container:
        resampler = av.AudioResampler(format="fltp", layout="mono", rate=rate)
        pieces = [piece for frame in container.decode(audio=0) for piece in resampler.resample(frame)]
        pieces += resampler.resample(None)
    return np.concatenate([piece.to_ndarray()[0] for piece in pieces]).astype(np.float32)
