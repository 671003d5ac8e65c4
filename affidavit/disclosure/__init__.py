"""Disclosure control: which numbers of a report may leave the house, and a proof that no small one follows from them.

Laws: the floor counts units (patients, else speakers), never rows; what is withheld is withheld everywhere, in tables,
texts and pictures alike; what follows by linear arithmetic from what stays is withheld too, and that is proved by
asking for the least and the greatest value that each withheld count could have; whatever is computed from a withheld
group in any other way (a gap, a rank, a test over a family with such a group) is withheld without a proof.

What the proof covers: sums of groups (everybody, each feature, their intersections), rates times their denominators,
classes that add up, and differences between what was measured of a group by different metrics and under different
conditions; metrics that count the same people hide the same groups (`affidavit.disclosure.hiding`). What it does not:
what an attacker knows from elsewhere, other releases of the same data (`affidavit lint-release NEW OLD ...` attacks
several together), what a pass or a failure says about the groups that it rests on, and combinations of nonlinear
statistics of released groups.
"""
