"""Words of sadness, by topic: mild, clear, strong."""

from __future__ import annotations

from typing import Final

SADNESS: Final = {
    "pain": (
        ("[It gets me down a little] that my {part} is no better.",),
        (
            "[I feel so sad], I used to dance and now my {part} will not let me.",
            "My {part} will never be what it was, and [that makes me want to cry].",
        ),
        ("[I have no hope left], my {part} has taken everything that I loved.",),
    ),
    "waiting": (
        ("Sitting alone for {hours} [was a bit lonely].",),
        (
            "[I felt sad], everybody out there had somebody with them.",
            "{hours_cap} and nobody asked after me, [I could have wept].",
        ),
        ("I waited {hours} and nobody came, [I am quite alone, it breaks my heart].",),
    ),
    "results": (
        ("[I was a little downhearted] after {scan}.",),
        (
            "[I have been crying] ever since I heard about {scan}.",
            "{scan_cap} took away my last hope and [I am very sad].",
        ),
        ("After {scan} [I am heartbroken, there is nothing to live for].",),
    ),
    "ward": (
        ("[It is somewhat lonely] in the ward in the evenings.",),
        (
            "The old man beside me died on {day} and [I am so sad].",
            "[I miss my own bed and I weep] when they draw the curtains.",
        ),
        ("Nobody visits me in that ward, [I am utterly miserable, I cry all day].",),
    ),
    "bill": (
        ("[It is a little sad], {amount} was for our holiday.",),
        (
            "I must sell my mother's ring to pay {amount}, and [that makes me cry].",
            "[It makes me so sad], {amount} was all that we had saved.",
        ),
        ("{amount_cap}, and we have lost the house, [I am heartbroken].",),
    ),
    "home": (
        ("[It feels a bit empty] at home since {relative} moved away.",),
        (
            "[I am sad] to go home, there is nobody there any more.",
            "{relative_cap} will not be there on {day}, [I feel like weeping].",
        ),
        ("My wife died in that house, [I am heartbroken, I cannot bear to go back].",),
    ),
    "sleep": (
        ("[I feel a little low] when I lie awake at night.",),
        (
            "[I cry myself to sleep] most nights.",
            "I dream of my mother and [I wake up so sad].",
        ),
        ("I lie there weeping until morning, [I have lost all hope].",),
    ),
    "medicine": (
        ("{tablet_cap} for the rest of my life, [that gets me down a bit].",),
        (
            "[I feel sad and grey] since I started {tablet}.",
            "{tablet_cap} did not help and [I have given up hoping].",
        ),
        ("Not even {tablet} help me now, [I am in despair, I only want to cry].",),
    ),
    "operation": (
        ("[I am a bit low], I had hoped to be spared the operation.",),
        (
            "[I have been weeping], after the operation I shall not play again.",
            "I mourn the leg that they took, [I am so sad].",
        ),
        ("The operation came too late, [I am heartbroken, everything is lost].",),
    ),
}
