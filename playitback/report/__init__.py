"""What is drawn and said of an explanation: on the page, in a report, in files to take away."""
