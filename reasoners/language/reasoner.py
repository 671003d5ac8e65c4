"""The live language model: judges turns by scoring the labels behind what it read and thought; its adapters train.

Of each turn the prompt is read once. Where the model thinks before it answers, the thinking is written behind that,
read again in the form in which it is kept as the rationale, and the labels are scored behind both: the answer rests on
the rationale that the table shows, and on no other text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from affidavit.conditions import Condition
from affidavit.errors import PlanError
from affidavit.judgements import Unjudged, available
from affidavit.protocols import Progress, silent
from affidavit.seeds import seed_of
from affidavit.utterances import Judgement, Utterance
from reasoners.completions import NO_ANSWER, Parsed, parse_completion
from reasoners.instructed.instructions import wording
from reasoners.language.adapters import Rows, units_in
from reasoners.language.candidates import CLOSES, Candidates, probabilities, scores
from reasoners.language.cards import ModelCard
from reasoners.language.encoding import Encoder, Prompt, filled, words
from reasoners.language.items import Answered, Item
from reasoners.language.lexical import LexicalRewriter
from reasoners.language.options import Asking
from reasoners.language.own_words import OwnRewriter
from reasoners.language.perceiving import Senses, given, turns_before
from reasoners.language.prefix import Prefix, body, head, prefilled
from reasoners.language.prompts import ANSWER, THINK, THOUGHT, Given, Question, question
from reasoners.language.rewriting import Rewriter, Writer
from reasoners.language.writing import Style, written

_IGNORED: Final = -100


@dataclass(slots=True, kw_only=True, eq=False)
class LanguageReasoner:
    """Implements `Trainable`, `Differentiable` and `Ablatable`."""

    model: Any
    encoder: Encoder
    labels: tuple[str, ...]
    asking: Asking
    name: str = "language"
    weights: ModelCard | None = None
    """What its weights are; the report repeats it."""
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    batch: int = 8
    seed: int = 0
    explanation: float = 0.5
    rows: Rows = field(default_factory=Rows)
    card: Mapping[str, Any] = field(default_factory=dict)
    writer: Writer | None = None
    """Who writes its reasoning anew under conditions that ask for it."""
    keeper: Any = None
    """Writes its checkpoint: `reasoners.language.checkpoints.Keeper`."""
    candidates: Candidates = field(init=False)
    before: dict[str, tuple[Utterance, ...]] = field(default_factory=dict)
    """Turns before each turn, as far as they are known."""

    def __post_init__(self) -> None:
        self.model.to(self.device)
        self.candidates = Candidates.of(self.encoder.tokenizer, self.labels)

    @property
    def module(self) -> nn.Module:
        """What is trained."""
        module: nn.Module = self.model
        return module

    @property
    def modalities(self) -> frozenset[str]:
        """Letters of what it takes in."""
        return self.encoder.modalities

    @property
    def senses(self) -> Senses:
        """What of a turn is read."""
        ask = self.asking
        return Senses(
            modalities=self.encoder.modalities,
            max_s=ask.max_s,
            n_frames=ask.n_frames,
            size=ask.frame_size,
            history=ask.history,
        )

    @property
    def thinks(self) -> bool:
        """Whether it reasons before it answers."""
        return self.asking.reasoning == "before"

    @property
    def rewriter(self) -> Rewriter | None:
        """Who writes its reasoning anew; None where nobody is named."""
        if self.writer is None:
            return None
        return LexicalRewriter() if self.writer == "lexical" else OwnRewriter(self)

    def prepare(self, utterances: Sequence[Utterance], *, progress: Progress = silent) -> None:
        """Learn which turns stand before which; media are read when they are needed."""
        self.before |= turns_before(utterances)
        progress("reading dialogues", len(utterances), len(utterances))

    def parameter_groups(self) -> Mapping[str, Sequence[nn.Parameter]]:
        """Return the adapters: they start from noise, and their learning rate is that of new parts."""
        learnt = [value for value in self.model.parameters() if value.requires_grad]
        return {"new": learnt, "pretrained": []}

    # --- judging ---------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def answers(self, items: Sequence[Item]) -> list[Answered]:
        """Return what is said of each item, in their order; prompts alike in length are read together."""
        self.model.eval()
        prompts = [self.prompt(item.given) for item in items]
        found: dict[int, Answered] = {}
        for some in self._together(prompts):
            said = self._answers([items[i] for i in some], [prompts[i] for i in some])
            found |= dict(zip(some, said, strict=True))
        return [found[i] for i in range(len(items))]

    @torch.no_grad()
    def written_to(self, questions: Sequence[Question], *, stop: str, seeds: Sequence[int]) -> list[str]:
        """Return what is written to questions of any kind, in their order, up to and with `stop`."""
        self.model.eval()
        prompts = [self.encoder.prompt(question, "") for question in questions]
        found: dict[int, str] = {}
        for some in self._together(prompts):
            prefix = prefilled(self.model, self.encoder.inputs([prompts[i] for i in some], self.device))
            found |= dict(zip(some, self._written(prefix, [seeds[i] for i in some], stop=stop), strict=True))
        return [found[i] for i in range(len(questions))]

    def _together(self, prompts: Sequence[Prompt]) -> Iterator[list[int]]:
        """Yield the numbers of prompts that are read together: those alike in length."""
        order = sorted(range(len(prompts)), key=lambda i: (len(prompts[i].ids), i))
        yield from (order[start : start + self.batch] for start in range(0, len(order), self.batch))

    def prompt(self, shown: Given) -> Prompt:
        """Return what is asked about a turn, as tokens, and how the answer begins."""
        asked = question(shown, self.labels, instruction=wording(self.asking.instruction), thinks=self.thinks)
        return self.encoder.prompt(asked, THINK if self.thinks else ANSWER)

    def _answers(self, items: Sequence[Item], prompts: Sequence[Prompt]) -> list[Answered]:
        prefix = prefilled(self.model, self.encoder.inputs(prompts, self.device))
        parsed: list[Parsed | None] = [None] * len(items)
        reasons = [""] * len(items)
        if self.thinks:
            parsed = self._thought(items, prefix)
            reasons = [_reasons(item, own) for item, own in zip(items, parsed, strict=True)]
            prefix = self._after(reasons, prefix)
        shares = probabilities(scores(self.model, prefix, self.candidates)).cpu().numpy()
        if self.asking.answer == "written":
            parsed = self._with_answers(items, parsed, prefix)
        return [
            self._answered(item, own, reason, row)
            for item, own, reason, row in zip(items, parsed, reasons, shares, strict=True)
        ]

    def _thought(self, items: Sequence[Item], prefix: Prefix) -> list[Parsed | None]:
        """Return what is written where no other reasoning is put in its place, or only the beginning of it."""
        if not any(item.writes for item in items):
            return [None] * len(items)
        begun = [item.thought or "" if item.goes_on else "" for item in items]
        texts = self._write(items, self._read(begun, prefix))
        return [
            parse_completion(f"{THINK}{start}{text}", self.labels) if item.writes else None
            for item, start, text in zip(items, begun, texts, strict=True)
        ]

    def _with_answers(
        self, items: Sequence[Item], parsed: Sequence[Parsed | None], prefix: Prefix
    ) -> list[Parsed | None]:
        """Return with it what is answered in words where the reasoning was not the model's own up to the end."""
        own = [self.thinks and item.thought is None for item in items]
        if all(own):
            return list(parsed)
        texts = self._write(items, prefix)
        return [
            said if whole else parse_completion(ANSWER + text, self.labels)
            for said, whole, text in zip(parsed, own, texts, strict=True)
        ]

    def _write(self, items: Sequence[Item], prefix: Prefix) -> list[str]:
        seeds = [seed_of(self.seed, item.utterance_id, item.condition) for item in items]
        return self._written(prefix, seeds, stop=CLOSES)

    def _written(self, prefix: Prefix, seeds: Sequence[int], *, stop: str) -> list[str]:
        style = Style(max_tokens=self.asking.max_tokens, temperature=self.asking.temperature, stop=stop)
        return written(self.model, self.encoder.tokenizer, prefix, style, seeds=seeds)

    def _after(self, reasons: Sequence[str], prefix: Prefix) -> Prefix:
        """Return the prompts with reasons read behind them, up to where the answer begins."""
        return self._read([f"{text}{THOUGHT}{ANSWER}" for text in reasons], prefix)

    def _read(self, texts: Sequence[str], prefix: Prefix) -> Prefix:
        """Return the prompts with texts read behind them; an empty one changes nothing."""
        if not any(texts):
            return prefix
        ids, known = filled([words(self.encoder.tokenizer, text) for text in texts], self.device)
        return prefix.continued(self.model, ids, known)[0]

    def _answered(self, item: Item, parsed: Parsed | None, reason: str, shares: Any) -> Answered:  # noqa: ANN401
        named = dict(zip(self.labels, (float(share) for share in shares), strict=True))
        best = max(self.labels, key=lambda label: named[label])
        agrees = None if parsed is None or parsed.label is None else parsed.label == best
        if self.asking.answer == "written":
            read = parsed or parse_completion("", self.labels)
            said = read.judgement(
                utterance_id=item.utterance_id,
                condition=item.condition,
                probabilities=named,
                instruction=self.asking.instruction,
            )
            # behind reasoning that was put in its place the model wrote its answer alone
            told = replace(said, rationale=reason) if isinstance(said, Judgement) and reason else said
            return Answered(said=told, parsed=parsed, agrees=agrees)
        judged = Judgement(
            label=best, probabilities=named, rationale=reason or None, instruction=self.asking.instruction
        )
        return Answered(said=judged, parsed=parsed, agrees=agrees)

    def judge_under(self, utterances: Sequence[Utterance], *, condition: str) -> list[Judgement]:
        """Judge turns under a condition of modalities, of which a turn shows what it has and the model takes in.

        Raises:
            PlanError: the condition changes its input, or media of a turn cannot be read.
        """
        parsed = Condition.parse(condition)
        if parsed.operator is not None:
            raise _impossible(condition, "an operator", "conditions of modalities alone")
        shown = (parsed.modalities or self.modalities) & self.modalities
        self.prepare(utterances)
        items = [
            Item(utterance_id=turn.utterance_id, condition=condition, given=self.shown(turn, shown))
            for turn in utterances
        ]
        answered = [item.said for item in self.answers(items)]
        return [said if isinstance(said, Judgement) else Judgement(label=NO_ANSWER) for said in answered]

    # --- training --------------------------------------------------------------------------------------------------

    def logits(self, utterances: Sequence[Utterance]) -> Tensor:
        """Return the scores of the labels `[N, K]`, with gradients, asked at once under all that a turn has."""
        known = [self.shown(turn) for turn in utterances]
        found = []
        for start in range(0, len(known), self.batch):
            prompts = [self.prompt(seen) for seen in known[start : start + self.batch]]
            prefix = prefilled(self.model, self.encoder.inputs(prompts, self.device))
            if self.thinks:
                prefix = self._after([""] * len(prompts), prefix)
            found.append(scores(self.model, prefix, self.candidates))
        return torch.cat(found)

    def losses(self, units: Sequence[Sequence[Utterance]], *, rng: np.random.Generator) -> Tensor:
        """Return one loss per unit `[P]`: the mean over its labelled turns; nothing is drawn.

        Of a turn: the cross entropy of the answer's tokens in nats, and `explanation` times the mean of the reference
        rationale's, where there is one.
        """
        n_turns = max(1, *(len(unit) for unit in units))
        examples = [_Example.of(self, turn) for unit in units for turn in [*unit, *[None] * (n_turns - len(unit))]]
        batch = self.encoder.inputs([example.prompt for example in examples], self.device)
        with units_in(self.rows, len(units)):
            hidden = body(self.model)(**batch, **self._positions(batch), use_cache=False).last_hidden_state
        answer, reason = (self._mean_entropy(hidden, batch, [getattr(e, name) for e in examples]) for name in _PARTS)
        labelled = torch.tensor([example.answer > 0 for example in examples], device=self.device).float()
        per_turn = (answer + self.explanation * reason) * labelled
        shape = (len(units), n_turns)
        return per_turn.view(shape).sum(1) / labelled.view(shape).sum(1).clamp(min=1)

    def _positions(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        if hasattr(body(self.model), "rope_deltas"):
            return {}
        return {"position_ids": (batch["attention_mask"].cumsum(1) - 1).clamp(min=0)}

    def _mean_entropy(self, hidden: Tensor, batch: Mapping[str, Tensor], ends: Sequence[Any]) -> Tensor:
        """Return of each row the mean cross entropy of some of its last tokens, `[N]`; 0 where there are none.

        `ends` says of each row how many, or from which to which, counted from its end.
        """
        width = batch["input_ids"].shape[1]
        spans = [(end, 0) if isinstance(end, int) else end for end in ends]
        wanted = torch.full_like(batch["input_ids"], _IGNORED)
        for row, (first, last) in enumerate(spans):
            wanted[row, width - first : width - last] = batch["input_ids"][row, width - first : width - last]
        longest = max(1, *(first for first, _ in spans))
        # scores of the last tokens alone: over a vocabulary of 150,000 those of the prompt would fill the memory
        said = head(self.model)(hidden[:, width - longest - 1 : -1]).float()
        targets = wanted[:, width - longest :]
        flat = cross_entropy(said.flatten(0, 1), targets.flatten(), ignore_index=_IGNORED, reduction="none")
        return flat.view_as(targets).sum(1) / (targets != _IGNORED).sum(1).clamp(min=1)

    def shown(self, turn: Utterance, letters: frozenset[str] | None = None) -> Given:
        """Return a turn under all of the letters (of what the model takes in where None) that it has.

        Raises:
            PlanError: its media cannot be read.
        """
        there = available(turn) & (self.modalities if letters is None else letters)
        seen = given(turn, self.before.get(turn.utterance_id, ()), Condition(modalities=there), self.senses)
        if isinstance(seen, Unjudged):
            found = f"{turn.utterance_id}: {seen.detail or seen.because}"
            raise _impossible("a turn that is shown", found, "media that can be read")
        return seen

    def save(self, folder: Path, card: Mapping[str, Any]) -> None:
        """Write a checkpoint."""
        self.keeper.save(folder, self.model, card)


_PARTS: Final = ("answer", "reason")


@dataclass(frozen=True, slots=True)
class _Example:
    """One turn as it is trained on: the prompt with the answer behind it."""

    prompt: Prompt
    answer: int
    """How many of the last tokens are the answer; 0 where the turn has no label."""
    reason: tuple[int, int]
    """From which token to which, counted from the end, stands the reference rationale."""

    @classmethod
    def of(cls, reasoner: LanguageReasoner, turn: Utterance | None) -> _Example:
        if turn is None or turn.label is None:
            return cls(reasoner.prompt(Given(text="...")), 0, (0, 0))
        tokenizer = reasoner.encoder.tokenizer
        seen = reasoner.prompt(reasoner.shown(turn))
        reference = next(iter(turn.rationales.values()), "") if reasoner.thinks else ""
        reason = words(tokenizer, reference)
        opens = words(tokenizer, f"{THOUGHT}{ANSWER}") if reasoner.thinks else []
        place = reasoner.labels.index(turn.label)
        answer = reasoner.candidates.ids[place][reasoner.candidates.known[place]].tolist()
        ids = (*seen.ids, *reason, *opens, *answer)
        behind = len(opens) + len(answer)
        return cls(Prompt(ids=ids, media=seen.media), len(answer), (behind + len(reason), behind) if reason else (0, 0))


def _reasons(item: Item, parsed: Parsed | None) -> str:
    if not item.writes:
        return item.thought or ""
    return "" if parsed is None else parsed.rationale or ""


def _impossible(where: str, found: str, allowed: str) -> PlanError:
    return PlanError(
        "a language model cannot be asked this",
        slug="plan-impossible",
        where=where,
        found=found,
        allowed=allowed,
        remedy="judge a corpus (affidavit judge), which counts what cannot be judged",
    )
