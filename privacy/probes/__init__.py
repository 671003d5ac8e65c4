"""Who is this, and what are they like? What a probe tells from embeddings, modality states and rationales.

Laws: attributes are told of units that the probe never met; as many utterances of each unit are looked at, so that
nobody is told by how much they said; beside each number stand what dealt labels give (the control task) and, where
there is one, what the raw input gives. Not being told is no proof: a stronger probe may tell.
"""
