"""Words of anger, by topic: mild, clear, strong."""

from __future__ import annotations

from typing import Final

ANGER: Final = {
    "pain": (
        ("[It is rather annoying] that my {part} still hurts after all I was told.",),
        (
            "[I am angry] that nobody listened when I said my {part} hurt.",
            "I rang the bell for my {part} and [nobody bothered to come, which makes me cross].",
        ),
        ("[I am absolutely furious], I was left all night with my {part} like this!",),
    ),
    "waiting": (
        ("[I am a little annoyed], I was told {hours} at most.",),
        (
            "[It makes me angry] to be kept waiting {hours} without a word.",
            "Three people went in before me and [I find that quite outrageous].",
        ),
        ("{hours_cap} I have sat here, [it is a disgrace and I am furious]!",),
    ),
    "results": (
        ("[It irritates me] that I had to telephone twice about {scan}.",),
        (
            "They lost {scan} once already and [I am angry about it].",
            "[How dare they tell me] about {scan} over the telephone.",
        ),
        ("You have mixed up {scan} again, [this is an outrage and I will complain]!",),
    ),
    "ward": (
        ("[It annoys me] that the lights are left on all evening in the ward.",),
        (
            "The staff talk over my head and [I am cross about that].",
            "[I resent being ordered about] like a child in that ward.",
        ),
        ("[I am livid], they moved my bed in the night and never asked me!",),
    ),
    "bill": (
        ("[I am somewhat annoyed] that {amount} was added to the bill.",),
        (
            "[I am angry about this bill], {amount} for one short visit.",
            "Nobody told me it would be {amount}, [and that makes my blood boil].",
        ),
        ("{amount_cap} for that? [It is robbery and I am furious]!",),
    ),
    "home": (
        ("[It is irritating] to be told {day} and then told something else.",),
        (
            "[I am angry] that my going home was put off again until {day}.",
            "They sent {relative} away at the door and [I will not stand for that].",
        ),
        ("You promised I would be home on {day}, [and I am sick and tired of being lied to]!",),
    ),
    "sleep": (
        ("[It is a nuisance], they wake me at five for no reason at all.",),
        (
            "[I am cross] with whoever slams that door all night.",
            "I asked for quiet three times and [being ignored makes me angry].",
        ),
        ("Not one hour of sleep, [I am raging and somebody shall answer for it]!",),
    ),
    "medicine": (
        ("[It does annoy me] that {tablet} were changed without asking.",),
        (
            "[I am angry] because somebody forgot {tablet} again.",
            "I was given the wrong dose of {tablet} and [that is simply unacceptable].",
        ),
        ("[I am furious about it], {tablet} were wrong twice and nobody said sorry!",),
    ),
    "operation": (
        ("[I am a bit put out] that the operation was moved to {day}.",),
        (
            "[It makes me angry] that they cancelled the operation an hour before.",
            "Nobody explained the operation and [I take that very badly].",
        ),
        ("Cancelled three times now, [it is a scandal and I am boiling with rage]!",),
    ),
}
