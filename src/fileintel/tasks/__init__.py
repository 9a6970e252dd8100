"""The Celery tasks. Each names a run and has it done; what is done is in `fileintel.runs.execute`."""
