"""Everything that is claimed about speed, measured."""
