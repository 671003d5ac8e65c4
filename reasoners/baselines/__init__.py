"""Three published models of emotion in conversation, beside which the instruction-conditioned reasoner is put.

They take in what `reasoners.instructed` takes in, through the same encoders, and are trained by the same trainers; what
differs is how turns are fused and read, and that they give labels and probabilities alone: no rationale, no intensity.

| reasoner | reads a dialogue by | sees later turns | source |
|---|---|---|---|
| `dialogue-rnn` | recurrent states of the dialogue, of each party and of the emotion | no | Majumder et al. 2019 |
| `bc-lstm` | a long short-term memory in both directions | yes | Poria et al. 2017 |
| `early-fusion` | a transformer over turns whose modalities are joined before it | no | Tsai et al. 2019, sec. 4 |
"""
