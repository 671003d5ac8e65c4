"""Who reads which cards, what they said of them, whether they agree, and what people state about a report."""
