"""Jobs: a validated spec, run into a folder of results."""
