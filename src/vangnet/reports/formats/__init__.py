"""Forms in which reports come in: one module a form, each a reader of bytes or files. No database, no network.

A reader answers everything that it was given: a `ReportDraft` for what is a report, with what could not be read of it in
`problems`, and an `Unreadable` for what is none. It raises InvalidInput only where nothing can be opened at all. Nothing is
ever fetched, unpacked onto a disk, or run.
"""
