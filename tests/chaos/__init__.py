"""Chaos: an index run whose processes are killed at random, and which has to end as if nothing had happened.

    make chaos                 # a random seed, some minutes, prints what it does
    make chaos SEED=7          # the same again

`cast` are the processes that can be killed and come back, `script` is what befalls them, `play` the performance, and
`verdict` what has to be true at the end. `documents` writes the texts.
"""
