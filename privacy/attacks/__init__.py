"""Can somebody tell whose data a model was trained on? Attacks on membership, and what their success is worth.

Laws: the unit is the patient (else the speaker), never the clip; members and non-members share no unit; a threshold
that was chosen on units is not tried on the same ones; a rate of false alarms that the non-members cannot show is not
told; and an attack that fails is no evidence of privacy.
"""
