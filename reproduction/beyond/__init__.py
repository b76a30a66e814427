"""Beyond the report: what each remedy brings, from its best network up, as a ladder of settings."""
