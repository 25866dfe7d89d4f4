"""Play It Back: a sound classifier that chooses moments, hears them again more finely, and decides again."""

__version__ = "0.2.0"
