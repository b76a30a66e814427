"""The published report reproduced: every table and figure, with the spread over seeds."""
