"""The stages of the pipeline, a file each: a stage makes questions, reads answers and folds results, without I/O.

Read first: `stage` (what a stage declares, and the moments of a build), `claims` (a whole stage), `extract` (with
gleanings), `merging` (from records to the graph), `report` (questions that wait for other questions).
"""
