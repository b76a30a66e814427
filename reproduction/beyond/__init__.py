"""Beyond the report: the gain of each remedy over its best network, as a ladder of settings."""
