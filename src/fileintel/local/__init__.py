"""What a bare machine runs by itself: PostgreSQL and Redis from packages, and the whole service in one terminal.

Read first: `postgres` (a PostgreSQL that processes share by file locks), `keeper` (ends it with its last member),
`service` (`fileintel up`), `supervisor` (keeps its programs running), `data_folder` (where the database lies). What
sees to it that programs do not outlive the process that started them is `fileintel.child_processes`.
"""
