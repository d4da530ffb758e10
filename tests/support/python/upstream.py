"""The HTTP upstream of the tests and the quickstart: a small customer service on 127.0.0.1.

Prints a line of JSON with its port when it listens. Every request it receives is appended to the file in argv[1], one
line of JSON each, so that a test can see what did and did not arrive.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Customers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length).decode("utf-8", "replace")
        with open(sys.argv[1], "a", encoding="utf-8") as log:
            seen = {"method": self.command, "path": self.path, "headers": dict(self.headers), "body": body}
            log.write(json.dumps(seen) + "\n")
        if self.path.startswith("/notes/"):
            kind, text = "text/plain; charset=utf-8", "Call back on 987-65-4321, mail customer7@example.com\n"
        else:
            customer = {"id": 7, "name": "Customer 7", "ssn": "987-65-4327", "card": "4111 1111 1111 1111", "city": "Turin"}
            kind, text = "application/json", json.dumps(customer) + "\n"
        payload = text.encode()
        self.send_response(201 if self.command == "POST" else 200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(payload)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Customers)
print(json.dumps({"port": server.server_address[1]}), flush=True)
server.serve_forever()
