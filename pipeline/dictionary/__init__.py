"""The data dictionary: every table, view and column with its definition, as Markdown and HTML."""
