"""A MariaDB server in a folder of its own, for process tests.

    with MariaDB() as db:
        db.sql("CREATE DATABASE mega")
        db.port, db.socket_path, db.user, db.password

It listens on a free port of 127.0.0.1 and on a unix socket. The account `user` may do everything and has a password, so that
tests can look for it where it must not be. Nothing sleeps: start() asks the server with the mariadb command until it answers.
"""
import getpass
import os
import shutil
import socket
import subprocess
import tempfile
import time

LIMIT_S = 60
NO_AIO = "--innodb-use-native-aio=0"  # the kernel has few of these contexts, and tests may run side by side


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def find_program(name):
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin:/sbin")
    if path is None:
        raise FileNotFoundError(name + " is not installed")
    return path


class MariaDB:
    user = "mega"
    password = "se-cret'\"7"

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="mega-db-")
        self.data = os.path.join(self.folder, "data")
        self.tmp = os.path.join(self.folder, "tmp")  # in a shared one, a server that starts removes the files of others
        os.mkdir(self.tmp)
        self.socket_path = os.path.join(self.folder, "s")
        self.port = free_port()
        self.process = None

    def __enter__(self):
        try:
            self.install()
            self.start()
            self.sql("CREATE USER '%s'@'%%' IDENTIFIED BY '%s'; GRANT ALL ON *.* TO '%s'@'%%'"
                     % (self.user, self.password.replace("'", "''"), self.user))
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def run_as(self):
        """mariadbd refuses to run as root unless it is told to."""
        return ["--user=root"] if os.geteuid() == 0 else ["--user=" + getpass.getuser()]

    def install(self):
        done = subprocess.run([find_program("mariadb-install-db"), "--no-defaults", "--datadir=" + self.data, "--skip-test-db",
                               "--auth-root-authentication-method=normal", "--skip-name-resolve", NO_AIO,
                               "--tmpdir=" + self.tmp] + self.run_as(),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, timeout=LIMIT_S)
        if done.returncode != 0:
            raise RuntimeError("mariadb-install-db: " + done.stdout.decode(errors="replace")[-4000:])

    def start(self):
        """Starts the server (again) on the same port and waits until it answers."""
        with open(os.path.join(self.folder, "log"), "ab") as log:
            self.process = subprocess.Popen(
                [find_program("mariadbd"), "--no-defaults", "--datadir=" + self.data, "--socket=" + self.socket_path,
                 "--bind-address=127.0.0.1", "--port=%d" % self.port, "--pid-file=" + os.path.join(self.folder, "pid"),
                 "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=16M", "--skip-log-bin",
                 "--skip-name-resolve", NO_AIO, "--tmpdir=" + self.tmp] + self.run_as(),
                stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        end = time.monotonic() + LIMIT_S
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("mariadbd does not start: " + self.log())
        return self

    def log(self):
        with open(os.path.join(self.folder, "log"), errors="replace") as f:
            return f.read()[-4000:]

    def client(self, database=None):
        """The command line of the mariadb client, as root over the unix socket."""
        return [find_program("mariadb"), "--no-defaults", "--socket=" + self.socket_path, "--user=root", "--batch",
                "--skip-column-names", "--unbuffered", "--default-character-set=utf8mb4"] + ([database] if database else [])

    def answers(self):
        return subprocess.run(self.client() + ["-e", "SELECT 1"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              stdin=subprocess.DEVNULL, timeout=LIMIT_S).returncode == 0

    def sql(self, text, database=None):
        """Runs statements. Returns the rows as lists of texts."""
        done = subprocess.run(self.client(database), input=text.encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=LIMIT_S)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.decode(errors="replace"))
        return [line.split("\t") for line in done.stdout.decode().splitlines()]

    def session(self, database=None):
        return Session(self.client(database))

    def stop(self):
        """Ends the server in good order; start() brings it back with its data."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(LIMIT_S)

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(LIMIT_S)

    def close(self):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class Session:
    """One connection that stays open, for locks."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(LIMIT_S)
        self.process.stdout.close()

    def run(self, text):
        """Runs statements and returns when they are done."""
        self.process.stdin.write((text + ";\nSELECT 'done';\n").encode())
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line == b"done\n":
                return
        raise RuntimeError("the session ended")
