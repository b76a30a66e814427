"""The published report, reproduced: every table and every figure, with its noise."""
