"""The gate: holds an audit that was made against a policy, lets waivers through, and ends a pipeline with 0, 1 or 3."""
