"""The reviewer's desk: shows reports, starts runs, collects what people say. It computes no statistic of its own.

Pixels are this room's, and nothing else: a number that is shown comes from a report, or from an examination that was
asked through `affidavit`.
"""
