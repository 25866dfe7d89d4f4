"""What is made from a run: the explanation and its JSON, the common time axis, the figure."""
