"""The report on paper: the same document as the page, set by typst as tagged PDF/A-2a that is PDF/UA-1 too.

`flow` lays the document out as plain data, `sheet.typ` sets it, `pdf` calls typst, `row_headings` marks the cells that
name their row, `fonts` knows what can be shown.
"""
