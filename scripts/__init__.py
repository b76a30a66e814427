"""One thin file a command; `cli` joins them into `twingrad`."""
