"""One file format, one module; each has `parse(source) -> Parsed`."""
