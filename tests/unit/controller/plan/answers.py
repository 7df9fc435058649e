"""What the engine says of a container with a bit of everything."""

from __future__ import annotations

from typing import Any

from ..world import id_of

ANONYMOUS = "a" * 64
"""The name of its anonymous volume."""


def inspected(word: str) -> dict[str, Any]:
    """A container with a bit of everything, as the engine tells of it."""
    own = id_of(word)
    return {
        "Id": own,
        "Name": "/web",
        "Created": f"2026-11-23T18:00:00.{len(word)}Z",
        "Image": "sha256:1b0a",
        "RestartCount": len(word),
        "State": {"Status": "running", "Pid": len(word)},
        "Config": {
            "Hostname": own[:12],
            "Image": "nginx:1.27",
            "User": "101",
            "Env": ["A=1", "PASSWORD=hunter2"],
            "Cmd": ["nginx", "-g", "daemon off;"],
            "Entrypoint": None,
            "Labels": {"com.docker.compose.project": "shop", "com.docker.compose.config-hash": word, "team": "a"},
            "ExposedPorts": {"80/tcp": {}},
            "Volumes": None,
            "StopSignal": "SIGQUIT",
        },
        "HostConfig": {
            "Binds": ["/srv/pages:/pages:ro"],
            "NetworkMode": "shop_default",
            "PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]},
            "RestartPolicy": {"Name": "always", "MaximumRetryCount": 0},
            "CapAdd": None,
            "Memory": 0,
            "ContainerIDFile": "",
        },
        "Mounts": [
            {
                "Type": "bind",
                "Source": "/srv/pages",
                "Destination": "/pages",
                "Mode": "ro",
                "RW": False,
                "Propagation": "rprivate",
            },
            {"Type": "volume", "Name": "shop_data", "Source": f"/var/{word}", "Destination": "/data", "RW": True},
            {"Type": "volume", "Name": ANONYMOUS, "Source": f"/var/{word}2", "Destination": "/cache", "RW": True},
        ],
        "NetworkSettings": {
            "SandboxID": word,
            "Networks": {
                "shop_default": {
                    "IPAMConfig": None,
                    "Links": None,
                    "Aliases": ["web", own[:12]],
                    "NetworkID": "n",
                    "EndpointID": word,
                    "IPAddress": f"172.18.0.{len(word)}",
                    "MacAddress": f"02:42:ac:12:00:0{len(word)}",
                }
            },
        },
    }
