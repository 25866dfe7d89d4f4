"""Recordings past what one machine hears in a night: their windows as a data set of parquet files.

    recordings -> batches of them -> units.plan: parts, each some minutes of windows, of one recording or of several
        -> hearing.PartHearer: the windows of a part -> rows, in a file beside the data set
        -> dataset.Dataset: that file takes its place; what is there is never heard again

``run`` does one part after the other; ``cluster`` has Ray spread the same parts over actors that hold the model. Only
the process that owns the folder puts files into the data set, each whole and under a name that follows from the windows
in it. So every window is there exactly once, whoever is killed and whenever.
"""
