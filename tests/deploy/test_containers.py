"""What cannot be started here can be read: commands that exist, extras that exist, parts that know each other."""

import configparser
import re
import shlex
from pathlib import Path

import pytest
import yaml

from product_matching.cli.main import build_parser

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def services():
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]


def test_our_commands_are_those_of_the_command_line(services):
    ours = {name: service for name, service in services.items() if service.get("build")}
    assert set(ours) == {"service", "events"}
    for service in ours.values():
        options = build_parser().parse_args(
            shlex.split(service["command"].replace("${KAFKA:-kafka:9092}", "kafka:9092"))
        )
        assert str(options.state) == "/state"
        assert options.bundle == "/saved_models/shop"


def test_parts_know_each_other_by_name(services):
    for service in services.values():
        depends = service.get("depends_on", [])
        assert set(depends) <= set(services)
        text = f"{service.get('command', '')} {service.get('environment', '')}"
        for host in re.findall(r"(?:http://|@)(\w+)[:/]", text):
            assert host in services
    mounts = [volume.split(":")[1] for volume in services["towers"]["volumes"]]
    config = (ROOT / "examples/tf_serving.config").read_text(encoding="utf-8")
    assert re.search(r'base_path: "([^"]+)"', config)[1] in mounts
    assert "/v1/models/shop" in services["service"]["command"]
    assert 'name: "shop"' in config


def test_volumes_are_named(services):
    named = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["volumes"]
    used = {volume.split(":")[0] for service in services.values() for volume in service.get("volumes", [])}
    assert {name for name in used if not name.startswith(".")} == set(named)


def test_the_image_installs_extras_that_there_are():
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    extras = re.search(r"'\.\[([\w,]+)\]'", text)[1].split(",")
    assert set(extras) <= set(settings["options.extras_require"])
    copied = re.findall(r"^COPY (.+) \S+$", text, re.MULTILINE)
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert {name for line in copied for name in line.split()} == allowed
