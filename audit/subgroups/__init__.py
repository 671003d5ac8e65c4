"""Subgroups made by several features at once: enumerated, searched on half of the units, confirmed on the other."""
