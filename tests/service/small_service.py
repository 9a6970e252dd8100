"""`fileintel.local.service` with the embedded Redis, a small API and a small worker, and no database."""

import os
import sys
from collections.abc import Mapping

from fileintel.local import service
from fileintel.local.program import Program
from fileintel.local.redis import EmbeddedRedis

API = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
WORKER = "import os, time; print(os.environ['CELERY_BROKER_URL'], 'ready.', flush=True); time.sleep(600)"

shipped = service.programs


def programs(options: service.Options, environment: Mapping[str, str], redis: EmbeddedRedis | None) -> list[Program]:
    """The shipped list, with a stand-in for each program of Python."""
    code = {"api": API, "graphrag-worker": WORKER, "main-worker": WORKER, "schema": ""}
    found = []
    for program in shipped(options, dict(environment), redis):
        command = program.command
        if program.name in code:
            stand_in = os.environ.get("WORKER_CODE", WORKER) if "worker" in program.name else code[program.name]
            command = [sys.executable, "-I", "-S", "-c", stand_in, str(options.port)]
        found.append(Program(program.name, command, program.environment, program.ready, program.role, program.prepare))
    return found


service.programs = programs
sys.exit(service.main())
