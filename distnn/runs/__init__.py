"""One training written to a directory: its options, what is planned and assembled, its checkpoints and its report."""
