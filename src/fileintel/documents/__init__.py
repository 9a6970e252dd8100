"""Reading files and cutting their texts into text units. Knows neither the database nor a model server.

Read first: `document` (what a document is to the rest of the program), `kinds` (which formats there are), `load` (files
are read in a child process), `parse_worker` (that process), `chunk` (token windows). A format is a file in `formats`.
"""
