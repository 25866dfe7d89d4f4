"""Replay attention: hear, choose by slot attention, hear the chosen moments again, decide; several times."""
