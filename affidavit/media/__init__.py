"""Sound and pictures of one utterance as arrays: read lazily, at one rate and size, or refused in plain words.

Laws: one utterance that cannot be used is a `MediaError` that names its file, so that judging goes on; decoding is
single-threaded and gives the same numbers each time; no more of a file is decoded than the span asks for.
"""
