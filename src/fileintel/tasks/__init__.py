"""The Celery tasks: thin, like the command line and the API. What they do is in `fileintel.services`."""
