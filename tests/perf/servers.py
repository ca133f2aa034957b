# SPDX-License-Identifier: Apache-2.0
"""The servers that bench.py compares. Each is a process of its own on a free port of the loopback
interface, keeps its files in a folder that is given, and is ended by its own id."""
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
READY_S = 120


class Unavailable(Exception):
    """Why a peer is left out."""


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Server:
    """Started by start(), which sets `address` (host:port)."""
    process = None
    address = None
    key = "test"  # access key id and secret
    settings = {}  # of the generator, before those of a row

    def processor_s(self):
        """Seconds of processor time that its process took so far."""
        if not self.process:
            return 0
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def measure(self, bench, scenario, settings):
        """The generator's result."""
        return bench.run_load(self, scenario, **settings)

    def spawn(self, command, log, **options):
        with open(log, "ab") as to:
            self.process = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL,
                                            stderr=to, **{"stdout": to, **options})

    def wait_for_http(self):
        """Any answer will do."""
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise Unavailable(f"{self.name} ended with {self.process.returncode} at its start")
            try:
                urllib.request.urlopen(f"http://{self.address}/", timeout=5).close()
                return
            except urllib.error.HTTPError:
                return
            except OSError:
                time.sleep(0.05)
        raise Unavailable(f"{self.name} did not answer within {READY_S} s")

    def stop(self):
        if not self.process:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()
        self.process = None

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_):
        self.stop()


class Kintoun(Server):
    name = "kintoun"

    def __init__(self, program, folder, options=(), wrapper=()):
        self.program, self.folder = pathlib.Path(program).resolve(), pathlib.Path(folder)
        self.options, self.wrapper = list(options), list(wrapper)

    def start(self):
        """`ready_ms` is the time from just before the process is made to its `Ready.`"""
        if not self.program.exists():
            raise Unavailable(f"{self.program} is not built")
        self.folder.mkdir(parents=True, exist_ok=True)
        begun = time.perf_counter()
        self.spawn([*self.wrapper, self.program, "up", "--port", "0", "--data", self.folder / "data",
                    *self.options], self.folder / "log", stdout=subprocess.PIPE, close_fds=False)
        banner = ""
        for line in self.process.stdout:
            banner += line.decode(errors="replace")
            if line.strip() == b"Ready.":
                break
        else:
            raise Unavailable(f"kintoun did not become ready:\n{banner}{(self.folder / 'log').read_text()}")
        self.ready_ms = (time.perf_counter() - begun) * 1000
        self.address = "127.0.0.1:" + re.search(r"https?://[^\s:/]+:(\d+)", banner)[1]
        return self

    def resident_mib(self, which="VmRSS"):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"{which}:\s+(\d+)", status)[1]) / 1024

    def peak_mib(self):
        return self.resident_mib("VmHWM")


class Moto(Server):
    name = "moto"

    def __init__(self, folder, venv):
        self.folder, self.venv = pathlib.Path(folder), pathlib.Path(venv)

    def install(self):
        wanted, stamp = HERE / "peers.txt", self.venv / "peers.txt"
        if stamp.exists() and stamp.read_text() == wanted.read_text():
            return
        shutil.rmtree(self.venv, ignore_errors=True)
        for command in ([sys.executable, "-m", "venv", self.venv],
                        [self.venv / "bin/pip", "-q", "--disable-pip-version-check", "install", "-r", wanted]):
            made = subprocess.run([str(part) for part in command], capture_output=True, text=True)
            if made.returncode:
                raise Unavailable("moto cannot be installed: " + made.stderr.strip().splitlines()[-1])
        shutil.copy(wanted, stamp)

    def start(self):
        self.install()
        port = free_port()
        self.address = f"127.0.0.1:{port}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.spawn([self.venv / "bin/moto_server", "-H", "127.0.0.1", "-p", str(port)], self.folder / "log",
                   env={**os.environ, "TMPDIR": str(self.folder)})
        self.wait_for_http()
        return self


class Npm(Server):
    """A server that is a package of npm, of the version that peers.json pins; `arguments` may name its port and folder."""

    def __init__(self, name, folder, modules, arguments, key="test"):
        self.name, self.folder, self.modules = name, pathlib.Path(folder), pathlib.Path(modules)
        self.arguments, self.key = arguments, key

    def install(self):
        wanted, stamp = HERE / "peers.json", self.modules / "package.json"
        if (self.modules / "node_modules").exists() and stamp.exists() and stamp.read_text() == wanted.read_text():
            return
        if not shutil.which("npm"):
            raise Unavailable("npm is not installed")
        self.modules.mkdir(parents=True, exist_ok=True)
        shutil.copy(wanted, stamp)
        made = subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund"], cwd=self.modules,
                              capture_output=True, text=True)
        if made.returncode:
            raise Unavailable(f"{self.name} cannot be installed: " + (made.stderr.strip().splitlines() or ["npm failed"])[-1])

    def start(self):
        self.install()
        port = free_port()
        self.address = f"127.0.0.1:{port}"
        (self.folder / "data").mkdir(parents=True, exist_ok=True)
        arguments = [text.format(port=port, data=self.folder / "data") for text in self.arguments]
        self.spawn([self.modules / "node_modules/.bin" / self.name, *arguments], self.folder / "log")
        self.wait_for_http()
        return self


class Minio(Server):
    """By the Go toolchain, of the version that peers-go.txt pins; one folder, one process."""
    name, key = "MinIO", "benchbench"

    def __init__(self, folder, tools):
        self.folder, self.tools = pathlib.Path(folder), pathlib.Path(tools).resolve()

    def install(self):
        wanted, stamp = HERE / "peers-go.txt", self.tools / "peers-go.txt"
        if stamp.exists() and stamp.read_text() == wanted.read_text():
            return
        program = shutil.which("go", path=os.environ["PATH"] + ":/usr/local/go/bin")
        if not program:
            raise Unavailable("Go is not installed")
        self.tools.mkdir(parents=True, exist_ok=True)
        made = subprocess.run([program, "install", *wanted.read_text().split()], env={**os.environ, "GOBIN": str(self.tools)},
                              capture_output=True, text=True)
        if made.returncode:
            raise Unavailable("MinIO cannot be built: " + made.stderr.strip().splitlines()[-1])
        shutil.copy(wanted, stamp)

    def start(self):
        self.install()
        port, console = free_port(), free_port()
        self.address = f"127.0.0.1:{port}"
        (self.folder / "data").mkdir(parents=True, exist_ok=True)
        self.spawn([self.tools / "minio", "server", "--quiet", "--address", self.address, "--console-address", f"127.0.0.1:{console}",
                    self.folder / "data"], self.folder / "log",
                   env={**os.environ, "MINIO_ROOT_USER": self.key, "MINIO_ROOT_PASSWORD": self.key, "MINIO_UPDATE": "off"})
        self.wait_for_http()
        return self


class Disk(Server):
    """No server but the yardstick of one: the same bytes into new files, by as many threads, each file synced at its end."""
    name, BLOCK = "a file with fdatasync", 1 << 20

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def start(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        return self

    def write_files(self, thread, size, until, done):
        block = os.urandom(self.BLOCK)
        while time.monotonic() < until:
            fd = os.open(self.folder / str(thread), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.posix_fallocate(fd, 0, size)
            for at in range(0, size, self.BLOCK):
                os.pwrite(fd, block, at)
            os.fdatasync(fd)
            os.close(fd)
            done.append(size)

    def measure(self, bench, scenario, settings):
        begun, done = time.monotonic(), []
        threads = [threading.Thread(target=self.write_files, args=(i, settings["large"], begun + bench.options.seconds, done))
                   for i in range(settings["connections"])]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.monotonic() - begun
        return {"requests_per_s": len(done) / seconds, "mib_per_s": sum(done) / seconds / 2 ** 20, "verified": 0}


class Maven(Server):
    """Java programs: the jars of the project `pom`, in the versions that it pins, are put into the folder `jars`."""
    pom = None

    def install(self):
        wanted, stamp = HERE / self.pom, self.jars / "pom.xml"
        if stamp.exists() and stamp.read_text() == wanted.read_text():
            return
        if not shutil.which("mvn") or not shutil.which("java"):
            raise Unavailable("Java or Maven is not installed")
        shutil.rmtree(self.jars, ignore_errors=True)
        made = subprocess.run(["mvn", "-q", "-B", "-f", wanted, "dependency:copy-dependencies", f"-DoutputDirectory={self.jars}"],
                              capture_output=True, text=True)
        if made.returncode:
            raise Unavailable(f"{self.name} cannot be installed: " + (made.stdout.strip().splitlines() or ["mvn failed"])[0])
        shutil.copy(wanted, stamp)


class Kafka(Maven):
    """A broker that is its own controller, from Maven, and the producer that comes with it. `settings`: of the broker."""
    name, pom = "kafka", "kafka/pom.xml"
    READY = 60  # seconds

    def __init__(self, folder, jars, settings=()):
        self.folder, self.jars, self.extra = pathlib.Path(folder), pathlib.Path(jars), list(settings)

    def java(self, *arguments):
        return ["java", "-cp", f"{self.jars}/*", *arguments]

    def start(self):
        self.install()
        ports = free_port(), free_port()
        self.address = f"127.0.0.1:{ports[0]}"
        self.folder.mkdir(parents=True, exist_ok=True)
        properties = self.folder / "properties"
        properties.write_text("\n".join([
            "process.roles=broker,controller", "node.id=1", f"controller.quorum.voters=1@127.0.0.1:{ports[1]}",
            f"listeners=PLAINTEXT://{self.address},CONTROLLER://127.0.0.1:{ports[1]}", "controller.listener.names=CONTROLLER",
            f"log.dirs={self.folder}/data", "num.partitions=4", "offsets.topic.replication.factor=1", *self.extra, ""]))
        made = subprocess.run(self.java("kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qg", "-c", str(properties)),
                              capture_output=True, text=True)
        if made.returncode:
            raise Unavailable("kafka: " + made.stderr.strip().splitlines()[-1])
        self.spawn(self.java("kafka.Kafka", str(properties)), self.folder / "log")
        self.wait_for_port(ports[0])
        return self

    def wait_for_port(self, port):
        deadline = time.monotonic() + self.READY
        while time.monotonic() < deadline and self.process.poll() is None:
            with socket.socket() as sock:
                if not sock.connect_ex(("127.0.0.1", port)):
                    return
            time.sleep(0.1)
        raise Unavailable("kafka did not begin to listen")

    def produce(self, records, size):
        """Records a second: its own measurement, of a run behind one that warms it up."""
        for count in (records // 4, records):
            done = subprocess.run(self.java(
                "org.apache.kafka.tools.ProducerPerformance", "--topic", "bench", "--num-records", str(count), "--record-size", str(size),
                "--throughput", "-1", "--producer-props", f"bootstrap.servers={self.address}", "acks=all"),
                capture_output=True, text=True, timeout=600)
        told = re.findall(r"([\d.]+) records/sec", done.stdout)
        if done.returncode or not told:
            raise Unavailable("kafka's producer: " + (done.stderr.strip().splitlines() or ["no figure"])[-1])
        return float(told[-1])


class DynamoDbLocal(Maven):
    """Its files are SQLite's."""
    name, pom = "DynamoDB Local", "dynamodb-local/pom.xml"

    def __init__(self, folder, jars):
        self.folder, self.jars = pathlib.Path(folder), pathlib.Path(jars).resolve()

    def start(self):
        self.install()
        port = free_port()
        self.address = f"127.0.0.1:{port}"
        (self.folder / "data").mkdir(parents=True, exist_ok=True)
        self.spawn(["java", f"-Djava.library.path={self.jars}", "-cp", f"{self.jars}/*",
                    "com.amazonaws.services.dynamodbv2.local.main.ServerRunner", "-disableTelemetry", "-port", str(port),
                    "-dbPath", self.folder / "data"], self.folder / "log")
        self.wait_for_http()
        return self


def peer(name, folder, build):
    """The peer of that name, with its files in `folder` and what is installed for it below `build`."""
    if name == "moto":
        return Moto(folder, build / "bench-venv")
    if name == "nginx":
        return Nginx(folder)
    if name == Minio.name:
        return Minio(folder, build / "bench-go")
    if name == DynamoDbLocal.name:
        return DynamoDbLocal(folder, build / "bench-dynamodb-local")
    modules = build.resolve() / "bench-npm"
    if name == "dynalite":
        return Npm(name, folder, modules, ["--port", "{port}", "--createTableMs", "0"])
    if name == "kinesalite":
        return Npm(name, folder, modules, ["--port", "{port}", "--createStreamMs", "0", "--shardLimit", "100"])
    return Npm(name, folder, modules, ["-d", "{data}", "-a", "127.0.0.1", "-p", "{port}", "-s"], "S3RVER")


class Nginx(Server):
    """Static files under `folder`/www, by sendfile."""
    name = "nginx"

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def start(self):
        program = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
        if not program:
            raise Unavailable("nginx is not installed (Debian: nginx-light)")
        port, folder = free_port(), self.folder.resolve()
        self.address = f"127.0.0.1:{port}"
        (folder / "www").mkdir(parents=True, exist_ok=True)
        user = "user root;" if os.geteuid() == 0 else ""
        temporary = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in
                            ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (folder / "nginx.conf").write_text(f"""
daemon off; {user} worker_processes 2; pid {folder}/pid; error_log stderr;
events {{ worker_connections 1024; }}
http {{
    access_log off; sendfile on; tcp_nodelay on; keepalive_requests 1000000000; open_file_cache max=4000;
    {temporary}
    server {{ listen 127.0.0.1:{port} reuseport; root {folder}/www; }}
}}
""")
        self.spawn([program, "-c", folder / "nginx.conf", "-e", "stderr"], folder / "log")
        self.wait_for_http()
        return self
