"""Plain answers by topic, polite words that may cover an emotion, and words that say nothing new."""

from __future__ import annotations

from typing import Final

PLAIN: Final = {
    "pain": (
        "It is mostly on the outer side of my {part}, in the morning.",
        "My {part} was at about four out of ten yesterday.",
        "I notice my {part} when I climb the stairs.",
        "It comes and goes, perhaps twice a day, in my {part}.",
    ),
    "waiting": (
        "It was {hours}, by the clock in the corridor.",
        "I came in at nine and they called me after {hours}.",
        "I took a number at the desk and read the paper.",
        "There were six or seven people before me.",
    ),
    "results": (
        "They did {scan} on {day}, in the other building.",
        "The letter about {scan} came by post.",
        "I was told to ask you about {scan}.",
        "{scan_cap} was the second one this year.",
    ),
    "ward": (
        "I am in the second bed, next to the window of the ward.",
        "There are four of us in the ward at the moment.",
        "They bring the tea at four, and supper is at six.",
        "I moved to this ward on {day}.",
    ),
    "bill": (
        "The bill says {amount}, to be paid by {day}.",
        "I have passed the bill to the insurance.",
        "It was {amount} for the room and the rest for the tests.",
        "{relative_cap} looks after the papers for me.",
    ),
    "home": (
        "I live on the second floor, with {relative} next door.",
        "{relative_cap} will fetch me on {day}.",
        "There is a handrail on the stairs at home.",
        "I shall take the bus and then walk for five minutes.",
    ),
    "sleep": (
        "I went to bed at ten and got up at six.",
        "I woke once, at about three.",
        "I usually sleep on my right side.",
        "It was about six hours, as far as I know.",
    ),
    "medicine": (
        "I take {tablet} with breakfast.",
        "It is one in the morning and one at night.",
        "I have {tablet} in a box with the days on it.",
        "I started {tablet} on {day}.",
    ),
    "operation": (
        "It is set for {day}, at half past eight.",
        "I am to eat nothing after midnight.",
        "The surgeon came by on {day} and drew a line.",
        "I signed the form for the operation yesterday.",
    ),
}

POLITE: Final = (
    "I'm fine, really, thank you.",
    "It is quite all right, thank you, doctor.",
    "No, no, everything is in order, thank you.",
    "I really cannot complain, thank you for asking.",
    "Please do not trouble yourself, I am all right.",
)

ELLIPTICAL: Final = (
    "Still the same, doctor.",
    "As I said before.",
    "No different from just now.",
    "Just as I told you.",
    "The same as before, really.",
    "It has not changed.",
)

LEADS: Final = (
    "Well, doctor.",
    "You did ask.",
    "Let me think.",
    "Let me see.",
    "Yes, of course.",
)
