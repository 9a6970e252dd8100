"""Runs: how work is asked for, sent to a worker, claimed, done and ended.

Read first: `index_request` (what may be asked), `submission` (a run is written down and its message sent),
`run_context` (what is the same for every run), `execute` (the body of each kind), `outcome` (how runs end).
"""
