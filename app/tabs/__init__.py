"""The parts of the page, one file each: what it shows, and how view data becomes what it shows."""
