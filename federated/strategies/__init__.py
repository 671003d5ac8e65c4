"""How the sites' updates become the next model. Two kinds, and the kind decides what else is possible.

*Additive* ones (FedAvg, FedProx, FedAdam, q-FFL) need nothing but the sum of what sites contribute. The server adds
each reply as it comes and forgets it, and under secure sums it never sees a single one.

*Robust* ones (trimmed mean, Krum) look at each site's update beside the others': they hold all of them, and cannot be
had together with secure sums, under which nobody can look. Neither is a defence of privacy.
"""
