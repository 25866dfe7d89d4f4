"""The example sounds: each function takes a sample rate in hertz and returns (samples,) float64 of five seconds.

Their docstrings say how they are made; ``synthesis`` has what they are made from. Whatever is random is seeded.
"""
