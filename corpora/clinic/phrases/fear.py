"""Words of fear, by topic: mild, clear, strong."""

from __future__ import annotations

from typing import Final

FEAR: Final = {
    "pain": (
        ("[I am a little worried] about what the pain in my {part} might mean.",),
        (
            "[I am frightened] that the pain in my {part} is something serious.",
            "When my {part} tightens [I get scared that it will not stop].",
        ),
        ("[I am terrified], when my {part} seizes up I think I am going to die!",),
    ),
    "waiting": (
        ("[I was somewhat nervous], sitting {hours} with nothing but my thoughts.",),
        (
            "For {hours} [I was afraid] that they had found something.",
            "Every time a door opened [I was scared it was my turn].",
        ),
        ("{hours_cap} out there and [I was shaking with terror], thinking the worst!",),
    ),
    "results": (
        ("[I feel uneasy] about what {scan} will show.",),
        (
            "[I am afraid] of what you are going to say about {scan}.",
            "{scan_cap} again so soon, [that frightens me].",
        ),
        ("What have you found? [I am terrified] of {scan}, I cannot breathe!",),
    ),
    "ward": (
        ("[I am a bit anxious] in the ward when the lights go out.",),
        (
            "[It scares me] when the machines in the ward start to ring.",
            "[I am afraid] of being alone if something happens in there.",
        ),
        ("The woman next to me nearly died in the night, [I am terrified that I am next]!",),
    ),
    "bill": (
        ("[I worry a little] about how to find {amount}.",),
        (
            "[I am frightened] of opening that bill, it may be {amount}.",
            "[I am scared] we shall lose the flat over {amount}.",
        ),
        ("{amount_cap}, we could be put out on the street, [I am terrified]!",),
    ),
    "home": (
        ("[I am slightly nervous] about managing the stairs by myself.",),
        (
            "[I am afraid] of falling when nobody is at home.",
            "What if it comes back on {day}? [That frightens me].",
        ),
        ("Do not send me home alone, [I am terrified] that I will never wake up!",),
    ),
    "sleep": (
        ("[I feel uneasy] when I close my eyes at night.",),
        (
            "[I am scared to fall asleep] in case my heart stops.",
            "I lie awake and [I am frightened] of every little noise.",
        ),
        ("I wake up choking and [I am in a panic, absolutely terrified]!",),
    ),
    "medicine": (
        ("[I am a bit worried] about what {tablet} do to my heart.",),
        (
            "[I am afraid] to take {tablet} after what I read.",
            "My hands shook after {tablet} and [it scared me].",
        ),
        ("{tablet_cap} nearly killed my brother, [I am terrified of them]!",),
    ),
    "operation": (
        ("[I am rather anxious] about the operation on {day}.",),
        (
            "[I am frightened] that I will not wake up from the operation.",
            "[I dread it], the thought of the knife keeps coming back.",
        ),
        ("I cannot go in there, [I am terrified, I am shaking all over]!",),
    ),
}
