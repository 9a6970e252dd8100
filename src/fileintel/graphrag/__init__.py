"""The graph of a collection: building an index, asking it, exporting it and taking over those of `graphrag`.

Read first: `pipeline` (the stages in their order), `stages.stage` (what a stage declares), `stages.claims` (a whole
stage), `publishing` (a version is written and published), `query.modes` (the ways to answer a question).
"""
