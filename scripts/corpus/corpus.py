"""Writes down how an engine tells of some forty containers: `inspect` answers, as the tests of the controller want them.

Run it once for each version of the engine, as root:

    python3 scripts/engine/private_engine.py run -- python3 scripts/corpus/corpus.py FILE

with another version first in PATH: scripts/engine/debian_engine.sh brings it. FILE gets one JSON object: the version, and
by name the answers about containers, images and networks. What this engine or its client can't do is left out and told.
Ids are replaced by made-up ones, and only what a person may have asked for is kept; nothing of this machine is in it.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

LIVE = ("sleep", "infinity")
NETWORKS = {
    "front": ("--subnet", "172.31.240.0/24"),
    "back": ("--subnet", "172.31.241.0/24", "--opt", "com.docker.network.bridge.enable_icc=true"),
    "inner": ("--internal",),
    "six": ("--ipv6", "--subnet", "fd00:31::/64", "--subnet", "172.31.242.0/24"),
}
IMAGES = {
    "plain": (),
    "rich": (
        *("--change", "VOLUME /of-image", "--change", "ENV FROM_IMAGE=yes", "--change", "WORKDIR /srv"),
        *("--change", "EXPOSE 8080", "--change", 'CMD ["sleep", "infinity"]', "--change", "LABEL of.image=yes"),
    ),
}
# By name: options of `docker create`; in the end, after `image=`, another image, and after `join=` further networks.
CONTAINERS: dict[str, tuple[str, ...]] = {
    "plain": (),
    "other-image": ("image=rich",),
    "env-and-labels": ("--env", "COLOUR=green", "--env", "EMPTY=", "--label", "a=b", "--label", "empty="),
    "user": ("--user", "65534:100", "--group-add", "44", "--workdir", "/var"),
    "entrypoint": ("--entrypoint", "/bin/sleep"),
    "hostname": ("--hostname", "sea", "--domainname", "example.test"),
    "terminal": ("--tty", "--interactive"),
    "stop": ("--stop-signal", "SIGUSR2", "--stop-timeout", "3"),
    "init": ("--init",),
    "health-check": ("--health-cmd", "true", "--health-interval", "70s", "--health-retries", "4"),
    "restart-always": ("--restart", "always"),
    "restart-on-failure": ("--restart", "on-failure:3"),
    "named-volume": ("--volume", "data:/data:nocopy"),
    "volume-by-mount": ("--mount", "type=volume,source=other,target=/data,volume-label=a=b"),
    "anonymous-volume": ("--volume", "/data"),
    "bind": ("--volume", "/srv:/srv:ro"),
    "bind-by-mount": ("--mount", "type=bind,source=/srv,target=/media,readonly"),
    "tmpfs": ("--tmpfs", "/run:rw,noexec,size=1m"),
    "tmpfs-by-mount": ("--mount", "type=tmpfs,target=/scratch,tmpfs-size=1048576"),
    "read-only": ("--read-only",),
    "devices": ("--device", "/dev/null:/dev/nothing:rw", "--device-cgroup-rule", "c 42:* rmw"),
    "network": ("--network", "front", "--network-alias", "web", "--ip", "172.31.240.77"),
    "mac": ("--network", "front", "--mac-address", "02:42:aa:bb:cc:01"),
    "several-networks": ("--network", "front", "join=back", "join=inner"),
    "ipv6": ("--network", "six", "--ip6", "fd00:31::77"),
    "no-network": ("--network", "none"),
    "host-network": ("--network", "host"),
    "link": ("--link", "plain:mother"),
    "namespaces": ("--network", "container:plain", "--pid", "container:plain"),
    "ports": ("--publish", "127.0.0.1:18080:80", "--publish", "18081:81/udp", "--expose", "90"),
    "dns": ("--dns", "192.0.2.53", "--dns-search", "example.test", "--add-host", "there:192.0.2.1"),
    "memory": ("--memory", "64m", "--memory-swap", "96m", "--memory-reservation", "32m"),
    "cpus": ("--cpus", "0.5", "--cpu-shares", "512", "--pids-limit", "77", "--shm-size", "5m"),
    "ulimits-and-sysctls": ("--ulimit", "nofile=1024:2048", "--sysctl", "net.core.somaxconn=1024"),
    "capabilities": ("--cap-drop", "ALL", "--cap-add", "NET_ADMIN", "--security-opt", "no-new-privileges"),
    "privileged": ("--privileged",),
    "system-paths": ("--security-opt", "systempaths=unconfined"),
    "log": ("--log-driver", "local", "--log-opt", "max-size=2m"),
    "interface-sysctl": ("--network", "front", "--sysctl", "net.ipv4.conf.eth0.route_localnet=1"),
    "annotations": ("--annotation", "a=b"),
    "start-interval": ("--health-cmd", "true", "--health-start-period", "50s", "--health-start-interval", "4s"),
    "subpath": ("--mount", "type=volume,source=parts,target=/part,volume-subpath=one"),
    "gateway-priority": ("--network", "name=front,gw-priority=100", "--network", "name=back"),
    "image-mount": ("--mount", "type=image,source=rich,target=/image"),
}
# Another spelling, for engines that refuse the first.
ALTERNATIVES = {
    "interface-sysctl": (
        "--network",
        "name=front,driver-opt=com.docker.network.endpoint.sysctls=net.ipv4.conf.IFNAME.route_localnet=1",
    ),
}
KEPT = ("Id", "Name", "Image", "Config", "HostConfig", "Mounts", "NetworkSettings")
_ID = re.compile(r"\b[0-9a-f]{64}\b")


def docker(*arguments: str) -> str:
    """The client's answer; what it can't do raises."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False, timeout=120)
    if done.returncode != 0:
        raise RuntimeError((done.stderr.strip().splitlines() or ["it failed"])[-1])
    return done.stdout.strip()


def make_images() -> None:
    """Images with nothing but `sleep`, `true`, and what these need: the same layer whenever it is made here."""
    programs = ["/bin/sleep", "/bin/true"]
    needed = subprocess.run(["ldd", *programs], capture_output=True, text=True, check=True).stdout
    files = sorted({*programs, *re.findall(r"(/\S+) \(", needed)})
    same = ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "--mode=755"]
    with tempfile.NamedTemporaryFile(suffix=".tar") as archive:
        subprocess.run(["tar", "-chPf", archive.name, *same, *files], check=True)
        for name, changes in IMAGES.items():
            docker("import", "--change", "ENV PATH=/bin", *changes, archive.name, name)


def make(name: str, options: tuple[str, ...]) -> None:
    """A container, running."""
    image = next((one.removeprefix("image=") for one in options if one.startswith("image=")), "plain")
    further = [one.removeprefix("join=") for one in options if one.startswith("join=")]
    plain = [one for one in options if not one.startswith(("image=", "join="))]
    command = LIVE[1:] if name == "entrypoint" else LIVE
    try:
        docker("create", "--name", name, *plain, image, *command)
        for network in further:
            docker("network", "connect", "--alias", f"{name}-{network}", network, name)
        docker("start", name)
        if name == "subpath" and "Subpath" not in docker("inspect", name):
            raise RuntimeError("this engine leaves a subpath out, without a word")  # noqa: TRY301 # as any refusal
    except RuntimeError:
        subprocess.run(["docker", "rm", "--force", name], capture_output=True, check=False)
        raise


def sanitised(document: dict[str, Any]) -> dict[str, Any]:
    """The document with other ids; the same one is replaced by the same one, also in the answers of another engine."""
    text = json.dumps(document, sort_keys=True)
    for old in set(_ID.findall(text)):
        new = hashlib.sha256(old.encode()).hexdigest()
        text = text.replace(old, new).replace(f'"{old[:12]}"', f'"{new[:12]}"')
    return json.loads(text)


def told() -> dict[str, Any]:
    """What the engine tells of everything that was made."""
    names = docker("ps", "--all", "--format", "{{.Names}}").split()
    containers: dict[str, Any] = {}
    for name in sorted(one for one in names if one in CONTAINERS):
        inspect: dict[str, Any] = json.loads(docker("inspect", "--type", "container", name))[0]
        inspect["NetworkSettings"] = {"Networks": inspect["NetworkSettings"]["Networks"]}
        if inspect["HostConfig"]["NetworkMode"] == "host":
            inspect["Config"]["Hostname"] = "this-host"
        for mount in inspect["Mounts"]:
            if mount["Type"] in {"volume", "image"}:
                mount["Source"] = f"/var/lib/docker/of/{mount.get('Name')}"
        containers[name] = {key: inspect.get(key) for key in KEPT}
    images = {name: json.loads(docker("image", "inspect", name))[0] for name in IMAGES}
    networks = {name: json.loads(docker("network", "inspect", name))[0] for name in NETWORKS}
    return {
        "containers": containers,
        "images": {
            name: {key: image.get(key) for key in ("Id", "RepoDigests", "RootFS", "Config")}
            for name, image in images.items()
        },
        "networks": {
            name: {key: value for key, value in network.items() if key not in {"Containers", "Created"}}
            for name, network in networks.items()
        },
    }


def main() -> int:
    """Makes everything, and writes it down."""
    version = docker("version", "--format", "{{.Server.Version}}").partition("+")[0]
    make_images()
    for name, options in NETWORKS.items():
        docker("network", "create", *options, name)
    docker("volume", "create", "parts")
    where = json.loads(docker("volume", "inspect", "parts"))[0]["Mountpoint"]
    (Path(where) / "one").mkdir()
    for name, options in CONTAINERS.items():
        for spelling in (options, *([ALTERNATIVES[name]] if name in ALTERNATIVES else [])):
            try:
                make(name, spelling)
                break
            except RuntimeError as refusal:
                print(f"{version}: {name}: {refusal}", file=sys.stderr)
    document = sanitised(told())
    lines = [f'"version": {json.dumps(version)}']
    for part, entries in document.items():
        inner = ",\n".join(f"  {json.dumps(name)}: {json.dumps(one, sort_keys=True)}" for name, one in entries.items())
        lines.append(f'"{part}": {{\n{inner}\n}}')
    Path(sys.argv[1]).write_text("{\n" + ",\n".join(lines) + "\n}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
