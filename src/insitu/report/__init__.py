"""Reports: the rows of a run as tables and figures, as JSON, and as text, HTML, Markdown and CSV."""
