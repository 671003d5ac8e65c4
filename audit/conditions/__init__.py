"""The same utterances judged under several conditions: paired counts, agreement, and what a worse input costs."""
