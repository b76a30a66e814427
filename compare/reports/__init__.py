"""Reports of the findings in the terminal, as HTML and as JUnit XML."""
