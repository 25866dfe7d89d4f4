"""What speaks for or against a model, measured on many clips: controls, edits, curves, localisation, sanity.

Numbers only; the sentences and drawings about them are made in ``report``.
"""
