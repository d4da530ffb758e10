"""The servers that benchmarks run against, each started on 127.0.0.1 at a free port and ended with the script:
PostgreSQL, pgbouncer, nginx, haproxy, and gateways with a policy built for the occasion. Measures nothing itself.

Certificates, keys, data and audit logs stand in one temporary folder; `TMPDIR` says on which disk.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {
    "postgres": "postgresql", "pgbench": "postgresql", "pgbouncer": "pgbouncer", "nginx": "nginx-light",
    "haproxy": "haproxy", "wrk": "wrk", "openssl": "openssl",
}
PASSWORD = "correct-horse-battery-staple"
USER = "hpol_gateway"
SUBJECT = "agent-7"
GROUP = "autonomous-agents"

# What every gateway of these benchmarks grants. Masks come on top.
GRANTS = """package bench

use nist.sp800_53r5 baseline moderate

connection orders_db = postgres "orders-prod"
connection api       = http     "crm-api"

group agents = subject.groups has "autonomous-agents"

rule read_tables "Agents read" {
    satisfies AC-3, AC-6
    because   "They answer questions about orders."
    who   agents
    on    orders_db
    when  sql.verbs within [select, transaction, show, copy]
    allow
}

rule read_api "Agents read from the service" {
    satisfies AC-3, AC-6
    because   "They answer questions about customers."
    who   agents
    on    api
    when  http.method in [GET, HEAD] and http.path starts with "/files/"
    allow
}

rule destructive_sql "Nothing is destroyed unattended" {
    satisfies AC-3, AC-6(10), CM-7
    because   "A dropped table or an unfiltered DELETE cannot be taken back."
    who   agents
    on    orders_db
    when  sql.verbs has any [drop, truncate, alter, grant, revoke]
       or (sql.verbs has any [delete, update] and not sql.filtered)
    block "Open a change ticket first"
}

rule no_deletion "Nothing is deleted over HTTP" {
    satisfies AC-3, AC-6(10)
    because   "What is deleted cannot be taken back."
    who   agents
    on    api
    when  http.method == DELETE
    block "Ask a person"
}
"""

COLUMN_MASK = """
/// Social security numbers.
data pii.ssn {
    column public.customers.ssn on orders_db
    column public.wide.ssn on orders_db
}

rule hide_ssn "Social security numbers never leave in clear" {
    satisfies SI-19(4), AC-4(23)
    because   "The last four digits are enough."
    who   everyone
    mask  pii.ssn keep last 4
}
"""

DETECTORS = """
/// What identifies a person, or opens a door.
data pii.text {
    detector us_ssn
    detector payment_card
    detector email
    detector iban
}

rule hide_in_text "Nor do they in any text" {
    satisfies SI-19(4), AC-4(23)
    because   "Free text holds what its column does not promise."
    who   everyone
    mask  pii.text
}
"""


def options(description, seconds=None, rounds=None):
    """The options that every script has."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=str(ROOT / "target/release"), metavar="FOLDER",
                        help="where `hpol` and `hpol-gateway` stand, built with --release")
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of tables")
    if seconds:
        parser.add_argument("--seconds", type=float, default=seconds, help="of one run")
    if rounds:
        parser.add_argument("--rounds", type=int, default=rounds,
                            help="each round runs everything once, one after the other; the medians are printed")
    return parser


def need(*programs):
    """Ends the script and says what to install when a program is missing."""
    missing = [program for program in programs if not program_path(program)]
    if missing:
        packages = sorted({PACKAGES.get(program, program) for program in missing})
        sys.exit(f"missing: {', '.join(missing)}; on Debian or Ubuntu: apt-get install {' '.join(packages)}")


def program_path(program):
    """The program of Debian's newest PostgreSQL, or else on the path, where servers may stand in /usr/sbin."""
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"), key=lambda path: int(path.parts[-3]))
    if versions:
        return str(versions[-1])
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def progress(text):
    print(text, file=sys.stderr, flush=True)


def median(values):
    return statistics.median(values) if values else float("nan")


def table(heads, rows):
    """A table in Markdown, columns aligned."""
    cells = [list(map(str, row)) for row in [heads, *rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heads))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |" for row in cells]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def report(arguments, document, tables):
    """Prints the figures: `document` as JSON, or `tables`, pairs of a title and a table."""
    document["machine"] = machine()
    if arguments.json:
        print(json.dumps(document, indent=2))
        return
    for title, text in tables:
        print(f"\n{title}\n\n{text}")


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    return {"cpus": os.cpu_count(), "model": models[0] if models else "unknown", "load": os.getloadavg()[0]}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Stand:
    """Everything that was started. Leaving the `with` ends it and removes the folder."""

    def __init__(self, bin_folder):
        self.bin = Path(bin_folder).resolve()
        self.processes = []
        self.gateways = 0

    def __enter__(self):
        for program in ("hpol", "hpol-gateway"):
            if not (self.bin / program).exists():
                sys.exit(f"no {self.bin / program}: run `cargo build --release -p hpol-gateway -p hpol-cli`, or say --bin FOLDER")
        # On a machine that is not quiet all sides gain alike.
        try:
            os.nice(-10)
        except OSError:
            pass
        self.folder = Path(tempfile.mkdtemp(prefix="hpol-bench-"))
        self.folder.chmod(0o711)
        self._certificates()
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.send_signal(process.stop_with)
        for process in reversed(self.processes):
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, command, stop_with=signal.SIGTERM, account=None, **more):
        """Starts a server; `account` is who it runs as when this script is root's."""
        if account and os.geteuid() == 0:
            command = ["setpriv", f"--reuid={account}", f"--regid={account}", "--clear-groups", *command]
        log = open(self.folder / "servers.log", "ab")
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder, **more)
        process.stop_with = stop_with
        self.processes.append(process)
        return process

    def wait_for(self, process, what, ready):
        end = time.monotonic() + 60
        while not ready():
            if process.poll() is not None or time.monotonic() > end:
                log = (self.folder / "servers.log").read_text(errors="replace")
                sys.exit(f"{what} did not start:\n{log[-4000:]}")
            time.sleep(0.05)

    def listening(self, port):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return True
        except OSError:
            return False

    def own(self, folder, account):
        """Makes a folder that the account can use."""
        folder.mkdir()
        if os.geteuid() == 0:
            shutil.chown(folder, account, account)
        return folder

    def secret(self, name, text):
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o600)
        return path

    def _certificates(self):
        """An authority and a server's certificate (P-256), the same for every server."""
        def openssl(*words):
            subprocess.run(["openssl", *words], cwd=self.folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        (self.folder / "server.ext").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
        openssl("req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.crt", "-days", "2", "-subj", "/CN=bench authority")
        openssl("req", *curve, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
        openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
                "-extfile", "server.ext", "-out", "server.crt")
        pair = (self.folder / "server.crt").read_text() + (self.folder / "server.key").read_text()
        self.secret("server.pem", pair)

    def certificate(self, folder, account):
        """A copy of certificate and key that the account can read."""
        for name in ("server.crt", "server.key", "ca.crt"):
            shutil.copy(self.folder / name, folder / name)
            (folder / name).chmod(0o600)
            if os.geteuid() == 0:
                shutil.chown(folder / name, account, account)

    def client_tls(self):
        context = ssl.create_default_context(cafile=str(self.folder / "ca.crt"))
        return context

    # PostgreSQL -------------------------------------------------------------------------------------------------------

    def postgres(self, scripts=(), connections=200):
        """A server with TLS, the role `hpol_gateway` and its database `demo`; runs the SQL of `scripts`. Its port."""
        home = self.own(self.folder / "postgres", "postgres")
        self.certificate(home, "postgres")
        password = home / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        initdb = [program_path("initdb"), "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync",
                  "--no-instructions", "--username", "postgres", "--pwfile", str(password), "--pgdata", str(home / "data")]
        self.start(initdb, account="postgres").wait()
        self.processes.pop()
        self.pg_port = free_port()
        settings = {
            "listen_addresses": "127.0.0.1", "unix_socket_directories": home, "fsync": "off", "ssl": "on",
            "ssl_cert_file": home / "server.crt", "ssl_key_file": home / "server.key", "max_connections": connections,
            "shared_buffers": "512MB", "log_min_messages": "fatal",
        }
        command = [program_path("postgres"), "-D", str(home / "data"), "-p", str(self.pg_port)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        # SIGINT is PostgreSQL's fast shutdown.
        process = self.start(command, stop_with=signal.SIGINT, account="postgres")
        ready = [program_path("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.pg_port)]
        self.wait_for(process, "PostgreSQL", lambda: subprocess.run(ready, check=False).returncode == 0)
        self.psql("postgres", "postgres", f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'")
        self.psql("postgres", "postgres", f"CREATE DATABASE demo OWNER {USER}")
        for script in scripts:
            self.psql(USER, "demo", script)
        return self.pg_port

    def psql(self, user, database, sql):
        environment = {**os.environ, **self.pg_environment(self.pg_port, user, PASSWORD), "PGDATABASE": database}
        command = [program_path("psql"), "-qAtX", "-v", "ON_ERROR_STOP=1"]
        done = subprocess.run(command, input=sql, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"psql: {done.stderr}")
        return done.stdout.strip()

    def pg_environment(self, port, user, password):
        return {"PGHOST": "127.0.0.1", "PGPORT": str(port), "PGUSER": user, "PGPASSWORD": password,
                "PGDATABASE": "demo", "PGSSLMODE": "require"}

    def pgbouncer(self, upstream_tls, connections=200):
        """A pgbouncer in session mode, TLS to clients. Its port."""
        home = self.own(self.folder / "pgbouncer", "postgres")
        self.certificate(home, "postgres")
        (home / "users").write_text(f'"{USER}" "{PASSWORD}"\n')
        port = free_port()
        server = f"server_tls_sslmode = verify-ca\nserver_tls_ca_file = {home}/ca.crt\n" if upstream_tls else "server_tls_sslmode = disable\n"
        (home / "ini").write_text(
            f"[databases]\ndemo = host=127.0.0.1 port={self.pg_port} dbname=demo\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
            f"listen_port = {port}\nunix_socket_dir =\nauth_type = plain\nauth_file = {home}/users\npool_mode = session\n"
            f"default_pool_size = {connections}\nmax_client_conn = {connections}\nclient_tls_sslmode = require\n"
            f"client_tls_key_file = {home}/server.key\nclient_tls_cert_file = {home}/server.crt\n{server}"
            "log_connections = 0\nlog_disconnections = 0\nignore_startup_parameters = extra_float_digits\n")
        process = self.start([program_path("pgbouncer"), str(home / "ini")], account="postgres")
        self.wait_for(process, "pgbouncer", lambda: self.listening(port))
        return port

    # HTTP -------------------------------------------------------------------------------------------------------------

    def origin(self, files, tls=False):
        """The service behind the proxies: an nginx that serves `files`, names with their bytes, under `/files/`. Its URL."""
        home = self.folder / "origin"
        (home / "www/files").mkdir(parents=True)
        for name, content in files.items():
            (home / "www/files" / name).write_bytes(content)
        port = free_port()
        server = (f"listen 127.0.0.1:{port}{' ssl' if tls else ''}; root {home}/www; sendfile on; open_file_cache max=100;\n"
                  "types { application/json json; text/plain txt; }\n")
        self._nginx(home, port, "", server)
        return f"{'https' if tls else 'http'}://127.0.0.1:{port}"

    def nginx(self, origin):
        """An nginx before `origin`, TLS to clients. Its port."""
        home = self.folder / "nginx"
        home.mkdir()
        port, address = free_port(), origin.split("://")[1]
        verify = f"proxy_ssl_verify on; proxy_ssl_trusted_certificate {self.folder}/ca.crt; proxy_ssl_name localhost;" if origin.startswith("https") else ""
        upstream = f"upstream origin {{ server {address}; keepalive 128; keepalive_requests 100000000; }}\n"
        server = (f"listen 127.0.0.1:{port} ssl; location / {{ proxy_pass {origin.split(':')[0]}://origin; proxy_http_version 1.1; "
                  f"proxy_set_header Connection ''; proxy_buffers 64 16k; proxy_max_temp_file_size 0; {verify} }}\n")
        self._nginx(home, port, upstream, server)
        return port

    def _nginx(self, home, port, upstream, server):
        root = "user root;\n" if os.geteuid() == 0 else ""
        paths = "".join(f"{kind}_temp_path {home}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (home / "nginx.conf").write_text(
            f"{root}worker_processes {os.cpu_count()};\ndaemon off;\npid {home}/pid;\nerror_log {home}/log error;\n"
            f"events {{ worker_connections 4096; }}\nhttp {{\naccess_log off;\n{paths}keepalive_requests 100000000;\n"
            f"ssl_certificate {self.folder}/server.crt;\nssl_certificate_key {self.folder}/server.key;\n"
            f"ssl_protocols TLSv1.2 TLSv1.3;\n{upstream}server {{\n{server}}}\n}}\n")
        # SIGQUIT would wait for idle clients.
        process = self.start([program_path("nginx"), "-e", str(home / "log"), "-c", str(home / "nginx.conf")])
        self.wait_for(process, "nginx", lambda: self.listening(port))

    def haproxy(self, origin):
        """A haproxy before `origin`, TLS to clients. Its port."""
        home = self.folder / "haproxy"
        home.mkdir()
        port, address = free_port(), origin.split("://")[1]
        tls = f" ssl verify required ca-file {self.folder}/ca.crt verifyhost localhost" if origin.startswith("https") else ""
        (home / "haproxy.cfg").write_text(
            f"global\n  nbthread {os.cpu_count()}\n  maxconn 4096\n  ssl-default-bind-options ssl-min-ver TLSv1.2\n"
            "defaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n"
            "  option http-keep-alive\n  http-reuse always\n"
            f"frontend clients\n  bind 127.0.0.1:{port} ssl crt {self.folder}/server.pem\n  default_backend origin\n"
            f"backend origin\n  server origin {address}{tls}\n")
        process = self.start([program_path("haproxy"), "-db", "-f", str(home / "haproxy.cfg")], stop_with=signal.SIGINT)
        self.wait_for(process, "haproxy", lambda: self.listening(port))
        return port

    # The gateway ------------------------------------------------------------------------------------------------------

    def gateway(self, policy, reads="buffered", upstream_tls=True, http=None, clients=1024):
        """A gateway with `policy`, in front of PostgreSQL when it runs and of the HTTP service at the URL `http`."""
        self.gateways += 1
        home = self.folder / f"gateway-{self.gateways}"
        (home / "policy").mkdir(parents=True)
        (home / "policy/bench.hpol").write_text(policy)
        self._hpol(home, "keygen", "policy.key")
        self._hpol(home, "keygen", "audit.key", "--for", "audit")
        self._hpol(home, "build", "policy", "--output", "policy.hpolb", "--key", "policy.key", "--sequence", "1")
        (home / "password").write_text(PASSWORD)
        (home / "password").chmod(0o600)
        text = (
            "[bundle]\npath = \"policy.hpolb\"\ntrusted_keys = [\"policy.key.pub\"]\n"
            f"[audit]\ndir = \"audit\"\nsigning_key = \"audit.key\"\nreads = \"{reads}\"\n[state]\ndir = \"state\"\n"
            "[admin]\nlisten = \"127.0.0.1:0\"\n[dev]\nlisten = \"127.0.0.1:0\"\n"
            "[tls]\ncertificate = \"../server.crt\"\nkey = \"../server.key\"\n"
            f"[limits]\nclients = {clients}\nclients_per_address = {clients}\n")
        if hasattr(self, "pg_port"):
            tls = "upstream_ca_file = \"../ca.crt\"\n" if upstream_tls else "upstream_tls = \"disable\"\n"
            text += (f"[connections.orders-prod]\nkind = \"postgres\"\nlisten = \"127.0.0.1:0\"\nuser = \"{USER}\"\n"
                     f"upstream = \"127.0.0.1:{self.pg_port}\"\npassword_file = \"password\"\ndatabases = [\"demo\"]\n{tls}")
        if http:
            ca = "upstream_ca_file = \"../ca.crt\"\n" if http.startswith("https") else ""
            text += f"[connections.crm-api]\nkind = \"http\"\nlisten = \"127.0.0.1:0\"\nupstream = \"{http}\"\n{ca}"
        (home / "gateway.toml").write_text(text)
        ready = home / "ready.json"
        command = [str(self.bin / "hpol-gateway"), "run", "--dev", "--config", str(home / "gateway.toml"), "--ready-file", str(ready)]
        process = self.start(command, env={**os.environ, "NO_COLOR": "1"})
        self.wait_for(process, "the gateway", ready.exists)
        return Gateway(process, home, json.loads(ready.read_text()))

    def _hpol(self, home, *words):
        done = subprocess.run([str(self.bin / "hpol"), *words], cwd=home, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"hpol {' '.join(words)}: {done.stdout}{done.stderr}")


class Gateway:
    """A gateway that runs, and a token for it."""

    def __init__(self, process, home, ready):
        self.process, self.home = process, home
        self.ports = {name: int(address.rsplit(":", 1)[1]) for name, address in ready["connections"].items()}
        form = {"grant_type": "client_credentials", "client_id": SUBJECT, "groups": GROUP, "expires_in": "3600"}
        request = urllib.request.urlopen(ready["issuer"].rstrip("/") + "/token", urllib.parse.urlencode(form).encode())
        self.token = json.load(request)["access_token"]

    def memory(self):
        """What it holds of memory now, in KiB."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        return 0


def fsync_floor(folder, count=300):
    """Median and 99th percentile, in microseconds, of appending 512 bytes to a file and having them on disk."""
    times = []
    with open(Path(folder) / "floor", "ab", buffering=0) as file:
        for _ in range(count):
            start = time.perf_counter()
            file.write(b"x" * 512)
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - start) * 1e6)
    times.sort()
    return {"median_us": round(median(times)), "p99_us": round(times[int(count * 0.99)]), "count": count}
