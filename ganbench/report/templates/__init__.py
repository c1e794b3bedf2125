"""The page's template, style sheet, script and guide, read as package data."""
