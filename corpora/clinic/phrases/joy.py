"""Words of joy, by topic: mild, clear, strong."""

from __future__ import annotations

from typing import Final

JOY: Final = {
    "pain": (
        ("My {part} is easing, [which is rather nice].",),
        (
            "[I am so happy], my {part} hardly hurts at all.",
            "I walked to the gate on my {part} and [I was delighted].",
        ),
        ("The pain in my {part} is gone, [I could dance, it is wonderful]!",),
    ),
    "waiting": (
        ("[I was pleased], it took less than {hours} today.",),
        (
            "I met an old friend out there and [it made me really happy].",
            "They called me at once, [I was delighted].",
        ),
        ("No waiting at all, [that is fantastic, you have made my day]!",),
    ),
    "results": (
        ("[I was quite glad] to hear that {scan} came back early.",),
        (
            "[I am so relieved and happy] that {scan} was clear.",
            "They told me {scan} was good, [what lovely news].",
        ),
        ("{scan_cap} is clear, [I am over the moon, it is the best news of my life]!",),
    ),
    "ward": (
        ("The ward is friendly, [it is quite nice to be there].",),
        (
            "[I am happy] with the ward, we laughed all afternoon.",
            "The nurses sang for my birthday and [it was lovely].",
        ),
        ("They brought a cake to the ward, [I was overjoyed, what a wonderful surprise]!",),
    ),
    "bill": (
        ("The bill is lower than I thought, [so I am pleased].",),
        (
            "[I am so happy], the insurance pays the whole {amount}.",
            "They gave me back {amount} and [I was delighted].",
        ),
        ("Nothing to pay at all, [I am thrilled, that is marvellous]!",),
    ),
    "home": (
        ("[I am looking forward to it], {day} is not far off.",),
        (
            "[I am so happy] that I may go home on {day}.",
            "{relative_cap} is coming to fetch me and [I am delighted].",
        ),
        ("Home on {day}, [I am overjoyed, I could hug you all]!",),
    ),
    "sleep": (
        ("I slept a bit better, [which is a nice change].",),
        (
            "Eight hours without waking, [I am really happy about it].",
            "[It was lovely] to wake up rested for once.",
        ),
        ("I slept like a baby, [I feel wonderful, simply marvellous]!",),
    ),
    "medicine": (
        ("{tablet_cap} seem to help, [and I am glad of it].",),
        (
            "[I am delighted] with {tablet}, I can climb the stairs again.",
            "I need only half of {tablet} now and [that makes me happy].",
        ),
        ("{tablet_cap} worked like magic, [I am thrilled, it is fantastic]!",),
    ),
    "operation": (
        ("It all went to plan, [so I am quite pleased].",),
        (
            "[I am so happy] that the operation is behind me.",
            "The surgeon said it went well and [I was delighted].",
        ),
        ("I can walk again after the operation, [it is wonderful, I am overjoyed]!",),
    ),
}
