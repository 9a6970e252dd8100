"""Reading an index that `graphrag` made: its Parquet tables, of this version and of older ones, as our graph."""
