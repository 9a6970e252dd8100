"""Asking model servers that speak OpenAI's protocol, as many questions at once as they can use. Knows no graph.

Read first: `questions` (what is asked and what comes back), `client` (one endpoint, its retries and its gate), `gate`
(bounds what is under way to one server), `adaptive_limit` (how many that should be), `transport` (HTTP over urllib3).
"""
