"""A basic plugin that takes 250 ms for an answer, ten times its budget, and now and then answers nonsense."""

import json
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Plugin(BaseHTTPRequestHandler):
    protocol_version, wbufsize, disable_nagle_algorithm = "HTTP/1.1", -1, True
    calls = 0

    def log_message(self, *args):
        pass

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
        is_score = self.path.endswith("/Score")
        if is_score:
            Plugin.calls += 1
            time.sleep(0.25)
        scores = [float("nan") if Plugin.calls % 3 == 0 else 2 for _ in body.get("endpoints", [])]
        data = json.dumps({"scores": scores} if is_score else {"code": "unimplemented"}).encode()
        self.send_response(200 if is_score else 501)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


ThreadingHTTPServer.request_queue_size = 128
ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Plugin).serve_forever()
