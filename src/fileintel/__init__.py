"""FileIntel: a versioned knowledge graph from a collection of documents, with your own model server."""


def __getattr__(name: str) -> str:
    """`__version__`, found when it is asked for: looking for it takes longer than most modules take to import."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("fileintel")
    except PackageNotFoundError:  # a source tree on the path without an installation
        return "0+unknown"
