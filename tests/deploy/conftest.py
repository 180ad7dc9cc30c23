"""A PostgreSQL server for the length of the tests, where one is installed."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest


def programs():
    """The folder of PostgreSQL's programs, or None."""
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return folders[-1] if folders and (folders[-1] / "initdb").is_file() else None


@pytest.fixture(scope="session")
def postgres():
    """Address of an empty database; each test that wants it empty makes one of its own by `fresh_postgres`."""
    pytest.importorskip("psycopg")
    where = programs()
    if where is None:
        pytest.skip("no PostgreSQL server is installed")
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []  # it refuses to run as root
    folder = Path(tempfile.mkdtemp(prefix="pg"))  # short: a socket's path has 107 letters at most
    try:
        if as_user:
            shutil.chown(folder, "postgres")
        quiet = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
        try:
            subprocess.run([*as_user, where / "initdb", "-D", folder / "d", "-A", "trust", "-U", "t", "-N"], **quiet)
            start = f"-k {folder} -h '' -c fsync=off -c shared_buffers=16MB"
            ctl = [*as_user, where / "pg_ctl", "-D", folder / "d", "-w"]
            subprocess.run([*ctl, "-l", folder / "log", "-o", start, "start"], **quiet)
        except (subprocess.CalledProcessError, OSError) as error:
            pytest.skip(f"the PostgreSQL server does not start: {error}")
        yield f"postgresql+psycopg://t@/postgres?host={folder}"
        subprocess.run([*ctl, "-m", "immediate", "stop"], **quiet)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def fresh_postgres(postgres, request):
    """Address of a database of its own for one test."""
    import psycopg

    plain = postgres.replace("+psycopg", "")
    name = f"t{abs(hash(request.node.nodeid))}"
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f"create database {name}")
    return postgres.replace("/postgres?", f"/{name}?")
