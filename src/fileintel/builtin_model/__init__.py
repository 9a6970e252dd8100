"""The built-in model: an extractive, deterministic engine behind the OpenAI protocol on a loopback port.

It makes a bare machine useful, and the test-suite repeatable. It understands nothing: entities are capitalised
phrases, relationships are co-occurrence, reports and answers are sentences of the documents, ranked.
`engine` answers, `server` speaks HTTP, `launch` runs the server as a child process.
"""
