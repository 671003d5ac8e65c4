"""Words that take back what is said: may be, seems to, I am not sure."""

from __future__ import annotations

from typing import Final

from affidavit.lexicons.word_list import WordList

HEDGES: Final = WordList(
    name="hedges",
    version="1",
    idea="hedging: Hyland 1998; shields and approximators: Prince, Frader, Bosk 1982",
    entries=(
        *("might", "may", "could", "maybe", "perhaps", "possib*", "probab*", "potential*", "presumabl*", "likely"),
        *("seem", "seems", "seemed", "seemingly", "appear", "appears", "appeared", "apparent*", "somewhat", "slightly"),
        *("suggest", "suggests", "suggesting", "suppos*", "assum*", "guess", "guessing", "roughly", "arguabl*"),
        *(
            "uncertain*",
            "unclear",
            "ambiguous",
            "ambiguity",
            "inconclusive",
            "tentative*",
            "hard to tell",
            "hard to say",
        ),
        *("difficult to tell", "difficult to say", "not sure", "not certain", "not clear", "cannot tell", "can't tell"),
        *("sort of", "kind of", "a bit", "a little", "more or less", "to some extent", "as if", "as though"),
    ),
)
