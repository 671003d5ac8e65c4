"""The renderings of a report: one document as pages, and its numbers as what other tools read."""
