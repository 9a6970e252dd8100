"""FileIntel: a versioned knowledge graph from a collection of documents, with your own model server."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("fileintel")
except PackageNotFoundError:  # a source tree on the path without an installation
    __version__ = "0+unknown"
