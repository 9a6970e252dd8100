"""The evidence that a report is written from: rows of the graph, or text units, within a budget of tokens.

Read first: `context` (what a context is, and the reports that stand for children), `graph_context` (rows of the graph),
`text_context` (text units instead), `stored_context` (the text of a version's context, made again from its rows).
"""
