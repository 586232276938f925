import json, os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Plugin(BaseHTTPRequestHandler):
    protocol_version, wbufsize, disable_nagle_algorithm = "HTTP/1.1", -1, True  # keep-alive; no 40 ms Nagle stall
    def log_message(self, *a): pass
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
        ok = self.path.endswith("/Score")
        out = {"callId": body.get("callId", 0), "scores": [1 / (1 + e["metrics"]["waiting_requests"])
               for e in body.get("endpoints", [])]} if ok else {"code": "unimplemented"}
        data = json.dumps(out).encode()
        self.send_response(200 if ok else 501); self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data))); self.end_headers(); self.wfile.write(data)
ThreadingHTTPServer.request_queue_size = 128
ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", 9910))), Plugin).serve_forever()
