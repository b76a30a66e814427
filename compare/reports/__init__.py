"""One model of findings; terminal, HTML, JUnit."""
