"""Play It Back: a sound classifier that chooses moments, hears them again more finely, and decides again."""

import os

__version__ = "0.2.0"

# Threads that wait for another one's part of a product spin for a short while and then sleep, unless somebody wants
# it otherwise. As it is, they spin for long; where another program needs a core too, each waits for a spinning one, and
# hearing a clip took 14 seconds in place of a quarter of one. It is read when torch is imported.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
