"""Answering a question from an index: a mode finds pieces, the model answers from them, citations lead to pages.

Read first: `modes` (which ways there are), `local` (a whole mode), `asking` (what a mode works with), `final_answer`
(the answering call), `citations` (from an id in the answer to document, page and characters).
"""
