"""What a run of the bench found, as text for people: Markdown, JUnit XML and one HTML page."""
