"""What the operator of a condition does to the input: `TAV/noise=10dB` is heard at a signal-to-noise ratio of 10 dB.

    change = degradation(Condition.parse("TAV/noise=10dB"))
    if change is not None:
        sound = change.apply_to_sound(sound, np.random.default_rng(seed_of("noise", utterance_id)))

Laws: an operator is a pure function of the input, its level and the generator it is given, seeded by utterance and not
by place in the corpus; what it does at a level is stated and measured; other modalities pass unchanged.
"""

from __future__ import annotations

from affidavit.degradations.operators import Degradation, degradation

__all__ = ["Degradation", "degradation"]
