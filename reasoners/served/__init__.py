"""Models behind an endpoint that speaks the OpenAI chat protocol, asked about text, sound and pictures."""
