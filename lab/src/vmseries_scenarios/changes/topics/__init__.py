"""The rows of docs/changes.md, by topic."""
