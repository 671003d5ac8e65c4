"""People who read rationales: whom to ask about what, and what their answers say."""
