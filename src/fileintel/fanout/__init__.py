"""Asking thousands of questions at once, and storing every answer. Knows neither graphs nor what runs are for.

Read first: `request` (a question and what is done with its answer), `fanout` (the loop), `lane` (what is on its way),
`journal` (what is read and written in the database), `sharing` (questions that other workers ask).
"""
