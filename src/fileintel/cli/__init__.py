"""The command line: commands check what was typed, ask an installation, and print what it returns.

Read first: `main` (all commands), `context` (what a command works with), `installation` (the work, here or by a
service), `versions` (commands as they should be), `output` (tables, JSON, messages).
"""
