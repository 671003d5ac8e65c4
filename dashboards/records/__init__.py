"""What people say at the desk, kept for good: each edit is a row with who, when, why and what was before."""
