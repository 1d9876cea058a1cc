"""Runs the commands of docs/backup.md while a shop is being written to, and looks whether all is there afterwards.

    check.py BINARY

What was answered before a backup began has to be in it. The servers are those of `scripts/with-databases`. MySQL is backed up
twice, with MariaDB's tools and with its own.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../readme"))
from document import Document  # noqa: E402

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
PASSWORD = "correct horse"
ACCOUNTS = 40  # are there before the backup begins


class Shop:
    """A shop on a database, as a context manager."""

    def __init__(self, binary, url, folder):
        self.folder = folder
        ready = f"{folder}/ready"
        if os.path.exists(ready):
            os.remove(ready)
        self.log = open(f"{folder}/log", "ab")
        command = [binary, "serve", "--env", "test", "--ready-file", ready, *settings(url, folder)]
        self.process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + 60
        while not os.path.exists(ready):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                with open(f"{folder}/log", encoding="utf-8", errors="replace") as log:
                    raise AssertionError(f"the shop does not start:\n{log.read()[-2000:]}")
            time.sleep(0.05)
        with open(ready, encoding="utf-8") as file:
            addresses = json.load(file)
        self.rest, self.ops = addresses["rest"], addresses["ops"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=60)
        self.log.close()

    def call(self, path, **fields):
        """The status of a call with a form."""
        body = urllib.parse.urlencode(fields).encode()
        try:
            with OPENER.open(f"http://{self.rest}{path}", data=body, timeout=30) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def register(self, number):
        fields = {"name": "Ada", "email": f"ada{number}@example.com", "role": "buyer"}
        return self.call("/users/register", password=PASSWORD, confirm_password=PASSWORD, **fields)

    def knows(self, number):
        return self.call("/users/login", email=f"ada{number}@example.com", password=PASSWORD) == 200


def settings(url, folder):
    values = {"database.url": url, "storage.url": f"file://{folder}/images"}
    return [part for key, value in values.items() for part in ("--set", f"{key}={value}")]


class Writer:
    """Somebody who registers accounts for as long as the backup goes on."""

    def __init__(self, shop):
        self.shop, self.count, self.stopping = shop, ACCOUNTS, False
        self.thread = threading.Thread(target=self._write)

    def _write(self):
        while not self.stopping:
            self.shop.register(self.count)
            self.count += 1

    def __enter__(self):
        self.thread.start()
        time.sleep(0.3)
        return self

    def __exit__(self, *_):
        self.stopping = True
        self.thread.join()


def run(commands, variables):
    """Runs a block of the page, with its variables."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=ROOT,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise AssertionError(f"exit code {done.returncode} of\n{commands}\n{done.stdout}{done.stderr}")


def go_back(document, heading, place, binary, url, folder, database, variables):
    """Undoes the last migration as the page says; the shop then says that its schema is older, and migrates again."""
    step = sorted(os.listdir(f"{ROOT}/migrations/{place}"))[-1]
    version = step.split("_")[0].replace("-", "")
    blocks = [block for block in document.blocks if block.heading == "The way back"]
    order = {"SQLite": 0, "PostgreSQL": 1, "MySQL and MariaDB": 2}
    run(database.commands("\n".join(blocks[order[heading]].lines)), variables | {"step": step, "version": version})
    command = [binary, "--env", "test", *settings(url, folder)]
    check = [*command, "--set", "database.migrate_on_start=false", "audit"]
    found = subprocess.run(check, cwd=folder, capture_output=True, text=True, check=False)
    if found.returncode == 0:
        raise AssertionError("nothing was undone: the audit finds the schema that it needs")
    after_restore(document, binary, url, folder)


def after_restore(document, binary, url, folder):
    """The commands that follow a restore, by the name that the page gives the binary."""
    commands = document.commands_under("After a restore")
    ours = " ".join([binary, "--env", "test", *(f"'{part}'" for part in settings(url, folder))])
    run(f"cd '{folder}'\n" + commands.replace("go-commerce", ours), {})


def check(document, heading, place, binary, database):
    """Backs up, restores elsewhere, and compares."""
    with tempfile.TemporaryDirectory(prefix="backup-check.") as folder:
        backup, images = f"{folder}/backup", f"{folder}/images"
        os.makedirs(backup)
        os.makedirs(images)
        with open(f"{images}/kept", "w", encoding="utf-8") as file:
            file.write("an image")
        variables = {"backup": backup, "images_folder": images} | database.variables(folder)
        blocks = [block for block in document.blocks if block.heading == heading]
        save, restore = (database.commands("\n".join(block.lines)) for block in blocks)
        with Shop(binary, database.url(folder), folder) as shop:
            for number in range(ACCOUNTS):
                if shop.register(number) != 201:
                    raise AssertionError("an account cannot be opened")
            with Writer(shop) as writer:
                run(save, variables)
            written = writer.count
        url = database.lose(folder)
        run(restore, variables)
        if not os.path.exists(f"{images}/kept"):
            raise AssertionError("an image is missing")
        after_restore(document, binary, url, folder)
        with Shop(binary, url, folder) as shop:
            missing = [number for number in range(ACCOUNTS) if not shop.knows(number)]
            if missing:
                raise AssertionError(f"answered before the backup, and lost: {missing}")
            if shop.register(written) != 201:
                raise AssertionError("the restored shop takes no account")
        for query in queries():
            run(database.commands(database.query()), variables | database.restored_variables(folder) | {"query": query})
        go_back(document, heading, place, binary, url, folder, database, variables | database.restored_variables(folder))
    return written


class Sqlite:
    """A file, which is lost with what was in its log."""

    def url(self, folder):
        return f"sqlite://{folder}/shop.db"

    def commands(self, block):
        return block

    def variables(self, folder):
        return {"database_file": f"{folder}/shop.db"}

    restored_variables = variables

    def query(self):
        return 'sqlite3 -bail "$database_file" "$query"'

    def lose(self, folder):
        with open(f"{folder}/shop.db", "wb") as file:
            file.write(b"lost")
        with open(f"{folder}/shop.db-wal", "wb") as file:
            file.write(b"lost")
        shutil.rmtree(f"{folder}/images")
        os.makedirs(f"{folder}/images")
        return self.url(folder)


class Postgres:
    """A database of a server, restored into another one."""

    def __init__(self, server):
        self.server = server
        parts = urllib.parse.urlsplit(server)
        self.open_server = parts._replace(netloc=f"{parts.username}@{parts.hostname}:{parts.port}").geturl()
        self.passwords = tempfile.NamedTemporaryFile(mode="w", prefix="backup-check.", encoding="utf-8")
        escaped = urllib.parse.unquote(parts.password).replace("\\", "\\\\").replace(":", "\\:")
        self.passwords.write(f"*:*:*:*:{escaped}\n")
        self.passwords.flush()
        self._create("backup_check", "backup_check_restored")

    def _create(self, *names):
        for name in names:
            for statement in (f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}"):
                subprocess.run(["psql", "--quiet", "--command", statement, self.server], check=True, capture_output=True)

    def _named(self, name):
        return self.server.rsplit("/", 1)[0] + f"/{name}"

    def url(self, _):
        return self._named("backup_check")

    def _open(self, name):
        return self.open_server.rsplit("/", 1)[0] + f"/{name}"

    def commands(self, block):
        return block

    def variables(self, _):
        urls = {"database_url": self._open("backup_check"), "restored_url": self._open("backup_check_restored")}
        return urls | {"PGPASSFILE": self.passwords.name}

    def restored_variables(self, _):
        return {"database_url": self._open("backup_check_restored"), "PGPASSFILE": self.passwords.name}

    def query(self):
        return 'psql --quiet --set=ON_ERROR_STOP=1 --command="$query" "$database_url"'

    def lose(self, _):
        return self._named("backup_check_restored")


class Mysql:
    """The same of MariaDB or MySQL, with MariaDB's tools or those that the page names for MySQL."""

    def __init__(self, server, own_tools=False):
        self.own_tools = own_tools
        self.server = urllib.parse.urlsplit(server)
        self.scratch = tempfile.mkdtemp(prefix="backup-check.")
        self.file = f"{self.scratch}/client.cnf"
        with open(self.file, "w", encoding="utf-8") as file:
            password = urllib.parse.unquote(self.server.password)
            lines = [f"user={self.server.username}", f'password="{password}"', f"host={self.server.hostname}"]
            file.write("\n".join(["[client]", *lines, f"port={self.server.port}", "protocol=tcp", ""]))
        for name in ("backup_check", "backup_check_restored"):
            for statement in (f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}"):
                command = ["mariadb", f"--defaults-extra-file={self.file}", "--execute", statement]
                subprocess.run(command, check=True, capture_output=True)

    def url(self, _):
        return self.server._replace(path="/backup_check").geturl()

    def variables(self, _):
        return {"client_file": self.file, "database_name": "backup_check", "restored_name": "backup_check_restored"}

    def restored_variables(self, _):
        return {"client_file": self.file, "database_name": "backup_check_restored"}

    def commands(self, block):
        """A block of the page with MySQL's own tools in it, as the page says."""
        if not self.own_tools:
            return block
        dump, client = (f"{os.environ['TEST_MYSQL_ROOT']}/bin/{name}" for name in ("mysqldump", "mysql"))
        options = '--defaults-extra-file="$client_file"'
        block = block.replace(f"mariadb-dump {options}", f"'{dump}' {options} --set-gtid-purged=OFF")
        return block.replace("mariadb ", f"'{client}' ")

    def query(self):
        return 'mariadb --defaults-extra-file="$client_file" "$database_name" --execute="$query"'

    def lose(self, _):
        return self.server._replace(path="/backup_check_restored").geturl()


def queries():
    """The queries that docs/operations.md gives operators, each of one line or more."""
    with open(f"{ROOT}/docs/operations.md", encoding="utf-8") as file:
        return ["\n".join(block.lines) for block in Document(file.read()).blocks if block.language == "sql"]


def main():
    """Each database that is there."""
    binary = os.path.abspath(sys.argv[1])
    with open(f"{ROOT}/docs/backup.md", encoding="utf-8") as file:
        document = Document(file.read())
    postgres, mariadb, mysql = (os.environ.get(f"TEST_{name}_URL") for name in ("POSTGRES", "MARIADB", "MYSQL"))
    databases = [("SQLite", "SQLite", "sqlite", Sqlite)]
    databases += [("PostgreSQL", "PostgreSQL", "postgres", lambda: Postgres(postgres))] if postgres else []
    databases += [("MariaDB", "MySQL and MariaDB", "mysql", lambda: Mysql(mariadb))] if mariadb else []
    if mysql:
        databases += [("MySQL", "MySQL and MariaDB", "mysql", lambda: Mysql(mysql))]
        databases += [("MySQL, its own tools", "MySQL and MariaDB", "mysql", lambda: Mysql(mysql, own_tools=True))]
    failed = 0
    for name, heading, place, make in databases:
        try:
            written = check(document, heading, place, binary, make())
        except (AssertionError, subprocess.CalledProcessError) as error:
            failed += 1
            print(f"docs/backup.md, {name}: FAILED: {error} {getattr(error, 'stderr', '') or ''}", flush=True)
        else:
            print(f"docs/backup.md, {name}: ok ({written} accounts were written meanwhile)", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
