"""What do two modalities tell together that neither tells alone? Partial information of a model's own answers."""
