"""What a turn of the instructed reasoner took in, as named spans of floating tensors with a baseline each.

| input | span | baseline |
|---|---|---|
| tokens | a token of the text, with its characters | the embedding of the mask, else unknown, else padding token |
| mel | so many seconds of log-mel frames | digital silence |
| descriptors | one functional, by its name (eGeMAPS' where they are measured) | 0: what is usual, or unknown |
| pixels | a cell of a grid over one frame | middle grey |

Tokens that a reader adds to every text (its beginning and end) are no evidence: they keep their own embedding in the
baseline, and so bring exactly nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from affidavit.acoustics.egemaps import EGEMAPS_NAMES
from affidavit.acoustics.functionals import FUNCTIONAL_NAMES
from affidavit.attributable import Features
from affidavit.attributions import Span
from affidavit.utterances import MediaSpan, Utterance
from reasoners.instructed.batches import Batch
from reasoners.instructed.differentiable import embedding_of
from reasoners.instructed.hearing import HOP_S, SAMPLE_RATE, measured
from reasoners.instructed.reasoner import InstructedReasoner
from reasoners.instructed.vocabulary import PAD, UNKNOWN

_GREY: Final = 127.5
_ROWS: Final = {1: ("whole",), 2: ("upper", "lower"), 3: ("upper", "middle", "lower")}
_COLUMNS: Final = {1: ("",), 2: ("left", "right"), 3: ("left", "centre", "right")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """How finely inputs are cut into spans."""

    audio_s: float = 0.1
    """Seconds of sound in a span."""
    grid: int = 3
    """Rows, and columns, of cells over a picture."""
    rationale_tokens: int = 1024
    """Tokens of a rationale that are scored; those after them are no targets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextTokens:
    """A text as the reader reads it."""

    ids: tuple[int, ...]
    offsets: tuple[tuple[int, int], ...]
    """Characters of the text; an empty range for what the reader adds."""
    baseline_id: int
    special: tuple[int, ...]
    """Places of the tokens that the reader adds."""


def text_tokens(reasoner: InstructedReasoner, text: str) -> TextTokens:
    """Return the tokens that the model reads of a text, cut where it cuts."""
    tokenizers, config = reasoner.tokenizers, reasoner.model.config.text
    room = 48 if config is None else config.max_tokens
    reader: Any = tokenizers.reader
    if reader is tokenizers.own:
        found = reader.encode(text, add_special_tokens=False)
        ids, offsets = found.ids, found.offsets
        special: tuple[int, ...] = ()
        baseline = reader.token_to_id(UNKNOWN)
        baseline = reader.token_to_id(PAD) if baseline is None else baseline
    else:
        coded = reader(text, return_offsets_mapping=True, return_special_tokens_mask=True)
        ids, offsets = coded["input_ids"], coded["offset_mapping"]
        special = tuple(i for i, added in enumerate(coded["special_tokens_mask"][:room]) if added)
        named = (reader.mask_token_id, reader.unk_token_id, reader.pad_token_id)
        baseline = next((token for token in named if token is not None), 0)
    return TextTokens(
        ids=tuple(ids[:room]),
        offsets=tuple((int(start), int(end)) for start, end in offsets[:room]),
        baseline_id=int(baseline),
        special=special,
    )


def rationale_ids(reasoner: InstructedReasoner, rationale: str, *, at_most: int) -> tuple[int, ...]:
    """Return the tokens of a rationale that somebody wrote, and the one that ends it; none where nobody could write it.

    It may be longer than the writer would write: each token is scored given those before it. The first `at_most` are.
    """
    if reasoner.model.explain is None:
        return ()
    n_bytes = len(rationale.encode())  # no token is shorter
    codes = reasoner.tokenizers.written([rationale], max_tokens=n_bytes + 2)
    return tuple(int(token) for token in codes.ids[0][:at_most])


def token_texts(reasoner: InstructedReasoner, ids: Sequence[int]) -> tuple[str, ...]:
    """Return the text of each token of a rationale; `<end>` of the one that ends it."""
    tokenizers = reasoner.tokenizers
    return tuple("<end>" if token == tokenizers.end else tokenizers.writer.decode([token]) for token in ids)


def features_of(
    reasoner: InstructedReasoner, turn: Utterance, batch: Batch, *, shown: Tensor, resolution: Resolution
) -> tuple[Features, ...]:
    """Return the features of the last turn of a batch of one row; `shown`, `bool[3]`, says of which modalities."""
    model = reasoner.model
    found: list[Features] = []
    with torch.no_grad():
        if shown[0] and model.text is not None and batch.text_known[0, -1].any():
            found.append(_tokens(reasoner, turn.text or "", embedding_of(model.text)))
        if shown[1] and model.audio is not None:
            if model.audio.hears_frames:
                found.append(_mel(batch.mel[:, -1, : int(batch.mel_frames[0, -1])], resolution))
            if model.audio.hears_functionals:
                found.append(_descriptors(batch.functionals[:, -1], reasoner.model.config.audio))
        if shown[2] and model.visual is not None:
            found.append(_pixels(batch.frames[:, -1].float(), turn.video, resolution))
    return tuple(found)


def _tokens(reasoner: InstructedReasoner, text: str, layer: Any) -> Features:  # noqa: ANN401 - a module
    found = text_tokens(reasoner, text)
    ids = torch.tensor([found.ids], dtype=torch.long, device=reasoner.device)
    values = layer(ids)
    baseline = layer(torch.full_like(ids, found.baseline_id))
    baseline[0, list(found.special)] = values[0, list(found.special)]
    places = torch.arange(ids.shape[1], device=ids.device)[None, :, None].expand_as(values)
    spans = [_token(text, start, end) for start, end in found.offsets]
    return _features("tokens", values, baseline, places, spans, (1, values.shape[2]))


def _token(text: str, start: int, end: int) -> Span:
    if start == end:
        return Span(modality="text", name="(added)")
    return Span(modality="text", name=text[start:end], start_char=start, end_char=end)


def _mel(mel: Tensor, resolution: Resolution) -> Features:
    """Frames start every 10 ms; each belongs to the span in which it starts, counted from the utterance's start."""
    n_frames = mel.shape[1]
    step = max(1, min(n_frames, round(resolution.audio_s / HOP_S)))
    places = (torch.arange(n_frames, device=mel.device) // step)[None, :, None].expand_as(mel)
    starts = range(0, n_frames, step)
    spans = [_seconds("audio", start * HOP_S, min(start + step, n_frames) * HOP_S) for start in starts]
    silence, _ = measured(np.zeros(SAMPLE_RATE // 10, dtype=np.float32), ("log-mel",), max_s=1.0)
    quiet = torch.tensor(silence, dtype=mel.dtype, device=mel.device)[:1, None].expand_as(mel)
    return _features("mel", mel, quiet, places, spans, (step, mel.shape[2]))


def _seconds(modality: str, start_s: float, end_s: float) -> Span:
    start_s, end_s = round(start_s, 4), round(end_s, 4)
    return Span(modality=modality, name=f"{start_s:.2f}-{end_s:.2f} s", start_s=start_s, end_s=end_s)


def _descriptors(values: Tensor, config: Any) -> Features:  # noqa: ANN401 - the records of the audio encoder
    names = {"functionals": FUNCTIONAL_NAMES, "egemaps": EGEMAPS_NAMES, "log-mel": ()}
    spans = [
        Span(modality="audio", name=name)
        for kind in ("functionals", "egemaps")
        if kind in config.features
        for name in names[kind]
    ]
    places = torch.arange(values.shape[1], device=values.device)[None]
    return _features("descriptors", values, torch.zeros_like(values), places, spans, (1,))


def _pixels(pixels: Tensor, video: MediaSpan | None, resolution: Resolution) -> Features:
    """Cells are named by their place on the picture: it is centred on the film, not on a face that was found."""
    n_frames, side, grid = pixels.shape[1], pixels.shape[2], min(resolution.grid, pixels.shape[2])
    width = -(-side // grid)
    cell = torch.arange(side, device=pixels.device) // width
    n_cells = -(-side // width)
    places = torch.arange(n_frames, device=pixels.device)[:, None, None] * n_cells**2
    places = (places + cell[:, None] * n_cells + cell[None, :])[None]
    if pixels.dim() == 5:
        places = places.unsqueeze(-1).expand_as(pixels)
    spans = [
        _cell(frame, (row, column), n_cells, _frame_seconds(video, frame, n_frames))
        for frame in range(n_frames)
        for row in range(n_cells)
        for column in range(n_cells)
    ]
    window = (1, width, width, *pixels.shape[4:])
    return _features("pixels", pixels, torch.full_like(pixels, _GREY), places, spans, window)


def _cell(frame: int, place: tuple[int, int], n_cells: int, seconds: tuple[float | None, float | None]) -> Span:
    row, column = place
    named = n_cells in _ROWS
    words = f"{_ROWS[n_cells][row]} {_COLUMNS[n_cells][column]}" if named else f"row {row + 1}, column {column + 1}"
    start_s, end_s = seconds
    return Span(modality="video", name=f"frame {frame + 1}, {words.strip()}", start_s=start_s, end_s=end_s)


def _frame_seconds(video: MediaSpan | None, frame: int, n_frames: int) -> tuple[float | None, float | None]:
    """Return the part of the utterance that a frame stands for; unknown where the span runs to the file's end."""
    if video is None or video.end_s is None:
        return None, None
    step = (video.end_s - video.start_s) / n_frames
    return round(frame * step, 4), round((frame + 1) * step, 4)


def _features(
    name: str, values: Tensor, baseline: Tensor, groups: Tensor, spans: Sequence[Span], window: tuple[int, ...]
) -> Features:
    return Features(
        name=name,
        modality=spans[0].modality,
        values=values.detach(),
        baseline=baseline.detach().clone(),
        groups=groups.contiguous(),
        spans=tuple(spans),
        window=window,
    )
