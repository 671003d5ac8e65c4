"""Words of disgust, by topic: mild, clear, strong."""

from __future__ import annotations

from typing import Final

DISGUST: Final = {
    "pain": (
        ("The dressing on my {part} [is not very pleasant to look at].",),
        (
            "What comes out of the wound on my {part} [is disgusting].",
            "[It turns my stomach] when they change the plaster on my {part}.",
        ),
        ("The wound on my {part} oozes and stinks, [it is revolting, I could be sick]!",),
    ),
    "waiting": (
        ("The chairs out there were sticky, [which was rather unpleasant].",),
        (
            "Somebody had been sick in the waiting room and [it was disgusting].",
            "[It made me feel queasy], the floor out there was filthy for {hours}.",
        ),
        ("{hours_cap} beside an open bin, [it was vile and it made me gag]!",),
    ),
    "results": (
        ("Having to carry my own sample about [was a bit distasteful].",),
        (
            "What was floating in my sample [was disgusting to look at].",
            "[It made my skin crawl] to see those pictures of my insides.",
        ),
        ("That slimy thing in the bowl, [it is revolting that it came out of me]!",),
    ),
    "ward": (
        ("The ward has an odd smell, [which I find a little off-putting].",),
        (
            "[The smell of the ward is disgusting], like old bandages.",
            "There was hair in my soup and [it turned my stomach].",
        ),
        ("[It reeks, it is absolutely revolting], the toilets have not been cleaned since {day}!",),
    ),
    "bill": (
        ("Charging {amount} for a dirty room [leaves a nasty taste].",),
        (
            "[I was disgusted] to see {amount} for sheets that were stained.",
            "{amount_cap} for food that was mouldy, [it is sickening].",
        ),
        ("{amount_cap} for a room with cockroaches, [it is revolting, simply revolting]!",),
    ),
    "home": (
        ("My kitchen will be full of stale food, [it is not a nice thought].",),
        (
            "The bag that I must empty at home [is disgusting].",
            "{relative_cap} found maggots in my bin and [the thought makes me queasy].",
        ),
        ("Changing that stinking bag by myself at home, [it is vile and it makes me retch]!",),
    ),
    "sleep": (
        ("The pillow smells of somebody else, [which is rather unpleasant].",),
        (
            "The man beside me spits all night and [it is disgusting to hear].",
            "[It made my skin crawl], there was a stain on the mattress.",
        ),
        ("I woke up in a wet, filthy bed, [it was revolting and I felt sick]!",),
    ),
    "medicine": (
        ("{tablet_cap} have a taste [that is quite unpleasant].",),
        (
            "[The taste is disgusting], I can hardly keep {tablet} down.",
            "That thick green syrup beside {tablet} [turns my stomach].",
        ),
        ("{tablet_cap} smell of rotten eggs, [they are vile and they make me gag]!",),
    ),
    "operation": (
        ("Hearing what they take out of me [is a bit distasteful].",),
        (
            "[It is disgusting] to think of that tube from the operation.",
            "The fluid in the bottle after the operation [makes me feel queasy].",
        ),
        ("They showed me what they cut out, [it was revolting, I nearly vomited]!",),
    ),
}
