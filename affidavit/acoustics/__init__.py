"""What a voice sounds like, measured: spectrum, pitch, energy, rate, and vectors of fixed scale made from them.

Laws: numpy and scipy only, but for `egemaps`; samples are float [samples] in [-1, 1] at `sample_rate` per second; what
is undefined (the pitch of a whisper) is absent, None or marked by a `known` column, never 0 or NaN; no number is
scaled by a corpus, so that an utterance measures the same in any company.
"""
