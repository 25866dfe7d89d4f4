"""What speaks for or against a model, measured on many clips: controls, edits, curves, localisation, sanity. No words."""
