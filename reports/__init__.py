"""Documents of an audit report: pure functions from a report to bytes, and the signature under it.

Every rendering is made from one document (`reports.pages`), so the same numbers stand in all of them. The renderers
are `reports.formats.html`, `reports.formats.markdown` and `reports.formats.canonical`; each has a `RENDERER`.
"""
