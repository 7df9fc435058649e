"""What containers can be made with: every option that this engine offers, a container or a few for each group of them.

One line per container: what it is about, and the options of `docker create`. `{mark}` stands for the random mark of
the test run. Options that the kernel, the engine or its client may refuse carry the word for that.

Two kinds of options are not here: `--gpus`, with which no container starts where there is no GPU (that request is tried
with a device by CDI), and generic resources, which only services of a swarm can ask for.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..kit.host import LIVE

# Networks, volumes and images that the table relies on; made before any container of it.
PARENTS = ("parent0", "parent1")
"""Two ends of one cable, as networks of their own drivers need: one interface may not serve both of these."""
NETWORKS = {
    "macvlan-{mark}": ("--driver", "macvlan", "--subnet", "172.31.242.0/24", "--opt", f"parent={PARENTS[0]}"),
    "ipvlan-{mark}": ("--driver", "ipvlan", "--subnet", "172.31.243.0/24", "--opt", f"parent={PARENTS[1]}"),
    "six-{mark}": ("--ipv6", "--subnet", "fd00:31:244::/64", "--subnet", "172.31.244.0/24"),
    "six-alone-{mark}": ("--ipv6", "--ipv4=false", "--subnet", "fd00:31:245::/64"),
    "configuration-{mark}": ("--config-only", "--subnet", "172.31.246.0/24", "--label", "purpose=configuration"),
    "configured-{mark}": ("--driver", "bridge", "--config-from", "configuration-{mark}"),
    "front-{mark}": ("--subnet", "172.31.240.0/24", "--gateway", "172.31.240.1"),
    "back-{mark}": ("--subnet", "172.31.241.0/24", "--opt", "com.docker.network.bridge.enable_icc=true"),
    "inner-{mark}": ("--internal", "--label", "purpose=inner"),  # the last: its id is `{network-id}`
}
VOLUMES = {
    "named-{mark}": ("--label", "purpose=data"),
    "memory-{mark}": ("--driver", "local", "--opt", "type=tmpfs", "--opt", "device=tmpfs", "--opt", "o=size=4m"),
}
IMAGES = {
    "volume-image-{mark}": (
        "VOLUME /of-image",
        'ENTRYPOINT ["sh", "-c"]',
        "CMD [\"trap 'exit 0' TERM; while :; do sleep infinity & wait $!; done\"]",
        "ENV FROM_IMAGE=yes",
        "LABEL of.image=yes",
        "WORKDIR /srv",
        "EXPOSE 8080",
        "USER 0:0",
        "STOPSIGNAL SIGTERM",
        "HEALTHCHECK --interval=5s CMD true",
    )
}


@dataclass(frozen=True)
class Case:
    """One container.

    Args:
        about: what it is about, and its name.
        options: those of `docker create`.
        command: what it runs.
        joins: options of `docker network connect` with the network, each before its start.
        leaves: networks that it is disconnected from once it runs.
        after: that of the case whose container has to run first.
        data: folders in which data are put that must be there afterwards.
        refusal: parts of what is said where the kernel, the engine or its client can't do it; none: it must work.
        told: what its inspect tells where it was made as asked; some engines leave out what they don't know.
        image: another image than the base image.
    """

    about: str
    options: tuple[str, ...]
    command: tuple[str, ...] = LIVE
    joins: tuple[tuple[str, ...], ...] = ()
    leaves: tuple[str, ...] = ()
    after: str = ""
    data: tuple[str, ...] = ()
    refusal: tuple[str, ...] = ()
    told: str = ""
    image: str = ""


# A client newer than the engine may know that it has no such option, as with a MAC, which it asks for in another way.
OLD_ENGINE = ("requires API version",)
OLD_CLIENT = (*OLD_ENGINE, "unknown flag", "invalid field key", "unexpected key")
# Older clients take the second one for that of the same network.
SECOND_NETWORK = (*OLD_CLIENT, "cannot be connected to network endpoints")
INTERFACE_SYSCTL = "com.docker.network.endpoint.sysctls=net.ipv4.conf.IFNAME.route_localnet=1"
LOOP = "trap 'exit 0' TERM; while :; do sleep infinity & wait $!; done"

PROCESS = (
    Case("command", ()),
    Case("entrypoint", ("--entrypoint", "sh"), ("-c", LOOP)),
    Case("entrypoint-reset", ("--entrypoint", ""), image="volume-image-{mark}"),
    Case("image-defaults", (), (), image="volume-image-{mark}", data=("/of-image",)),
    Case("image-overridden", ("--no-healthcheck", "--workdir", "/opt"), (LOOP,), image="volume-image-{mark}"),
    Case("env", ("--env", "COLOUR=green", "--env", "EMPTY=", "--env", "WITH=a=b c'd\"e$f")),
    Case("labels", ("--label", "a.b=c", "--label", "empty=", "--label", "com.example.json={\"a\": [1, 2]}")),
    Case("user-and-groups", ("--user", "65534:100", "--group-add", "44", "--group-add", "audio")),
    Case("workdir", ("--workdir", "/var/lib/made-by-the-engine")),
    Case("hostname-and-domainname", ("--hostname", "sea", "--domainname", "example.test")),
    Case("hostname-with-domain", ("--hostname", "sea.example.test")),
    Case("terminal", ("--tty", "--interactive")),
    Case("stop-signal-and-time-out", ("--stop-signal", "SIGUSR2", "--stop-timeout", "3")),
    Case("stop-time-out-of-zero", ("--stop-timeout", "0")),
    Case("init", ("--init",)),
    Case("rm", ("--rm",)),
    Case(
        "health-check",
        ("--health-cmd", "true", "--health-interval", "7s", "--health-retries", "4", "--health-timeout", "3s",
         "--health-start-period", "9s"),
    ),
    Case(
        "health-start-interval",
        ("--health-cmd", "true", "--health-start-period", "50s", "--health-start-interval", "4s"),
        refusal=OLD_CLIENT,
        told='"StartInterval": 4000000000',
    ),
    Case("annotations", ("--annotation", "a=b", "--annotation", "c="), refusal=OLD_CLIENT, told='"Annotations": {'),
    Case("no-health-check", ("--no-healthcheck",)),
    Case("restart-always", ("--restart", "always")),
    Case("restart-on-failure", ("--restart", "on-failure:3")),
    Case("restart-unless-stopped", ("--restart", "unless-stopped")),
)  # fmt: skip

STORAGE = (
    Case("named-volume", ("--volume", "named-{mark}:/data"), data=("/data",)),
    Case("volume-with-options", ("--volume", "memory-{mark}:/data:nocopy")),
    Case("named-volume-by-mount", ("--mount", "type=volume,source=by-mount-{mark},target=/data"), data=("/data",)),
    Case(
        "named-volume-by-mount-with-options",
        ("--mount", "type=volume,source=labelled-{mark},target=/data,volume-label=a=b,volume-nocopy"),
        data=("/data",),
    ),
    Case("anonymous-volume", ("--volume", "/data", "--volume", "/more"), data=("/data", "/more")),
    Case("anonymous-volume-by-mount", ("--mount", "type=volume,target=/data"), data=("/data",)),
    Case("anonymous-volume-over-image", (), (LOOP,), image="volume-image-{mark}", data=("/of-image",)),
    Case("named-volume-over-image", ("--volume", "over-{mark}:/of-image"), (LOOP,), image="volume-image-{mark}"),
    Case("bind", ("--volume", "{folder}:/data", "--volume", "{folder}:/read-only:ro")),
    Case("bind-with-propagation", ("--volume", "{folder}:/data:ro,private")),
    Case("bind-by-mount", ("--mount", "type=bind,source={folder},target=/data,readonly,bind-propagation=rprivate")),
    Case("tmpfs", ("--tmpfs", "/scratch", "--tmpfs", "/run:rw,noexec,size=1m,mode=1770")),
    Case("tmpfs-by-mount", ("--mount", "type=tmpfs,target=/scratch,tmpfs-size=1048576,tmpfs-mode=1770")),
    Case("read-only-root", ("--read-only", "--tmpfs", "/scratch", "--volume", "/data"), data=("/data",)),
    Case(
        "giver-of-volumes", ("--volume", "given-{mark}:/given", "--volume", "/nameless"), data=("/given", "/nameless")
    ),
    Case("volumes-from", ("--volumes-from", "giver-of-volumes-{mark}"), after="giver-of-volumes"),
    Case("volumes-from-read-only", ("--volumes-from", "giver-of-volumes-{mark}:ro"), after="giver-of-volumes"),
    Case(
        "volumes-from-and-own",
        ("--volumes-from", "giver-of-volumes-{mark}", "--volume", "/own", "--volume", "own-{mark}:/named"),
        after="giver-of-volumes",
        data=("/own", "/named"),
    ),
    Case(
        "paths-not-normalised",
        ("--volume", "untidy-{mark}:/data//sub", "--volume", "/nameless//", "--volume", "{folder}/.:/bound/./",
         "--mount", "type=volume,target=/by//mount/", "--mount", "type=tmpfs,target=/scratch//x/", "--tmpfs", "/t//"),
        data=("/data/sub", "/nameless", "/by/mount"),
    ),
    Case("tmpfs-over-a-volume-of-the-image", ("--tmpfs", "/of-image/"), (LOOP,), image="volume-image-{mark}"),
    Case("giver-of-parts", ("--volume", "parts-{mark}:/parts", "--workdir", "/parts/one")),
    Case(
        "part-of-a-volume",
        ("--mount", "type=volume,source=parts-{mark},target=/part,volume-subpath=one"),
        after="giver-of-parts",
        data=("/part",),
        refusal=OLD_CLIENT,
        told='"Subpath": "one"',
    ),
    Case(
        "image-by-mount",
        ("--mount", "type=image,source=volume-image-{mark},target=/image"),
        refusal=("mount type unknown",),
    ),
    Case(
        "part-of-an-image",
        ("--mount", "type=image,source=volume-image-{mark},target=/image,image-subpath=etc"),
        refusal=("mount type unknown", *OLD_CLIENT),
        told='"Subpath": "etc"',
    ),
    Case(
        "device-by-cdi",
        ("--device", "{cdi-device}"),
        refusal=("not an absolute path", 'could not select device driver "cdi"'),
        told='"DeviceIDs": [',
    ),
    Case("devices", ("--device", "/dev/null:/dev/nothing:rw", "--device-cgroup-rule", "c 42:* rmw")),
)  # fmt: skip

NETWORKING = (
    Case("address-assigned", ("--network", "front-{mark}")),
    Case("address-static", ("--network", "front-{mark}", "--ip", "172.31.240.77", "--network-alias", "seventy-seven")),
    Case("mac", ("--network", "front-{mark}", "--mac-address", "02:42:aa:bb:cc:01"), refusal=OLD_ENGINE),
    Case("mac-on-the-default-network", ("--mac-address", "02:42:aa:bb:cc:02"), refusal=OLD_ENGINE),
    Case(
        "several-networks",
        ("--network", "front-{mark}", "--network-alias", "web", "--network-alias", "www", "--ip", "172.31.240.88",
         "--mac-address", "02:42:aa:bb:cc:03"),
        joins=(("--ip", "172.31.241.88", "--alias", "store", "back-{mark}"), ("--alias", "deep", "inner-{mark}")),
        refusal=OLD_ENGINE,
    ),
    Case("default-and-another-network", (), joins=(("--alias", "both", "back-{mark}"),)),
    Case("disconnected-from-the-default-network", (), joins=(("--alias", "only", "back-{mark}"),), leaves=("bridge",)),
    Case(
        "disconnected-from-its-first-network",
        ("--network", "front-{mark}"),
        joins=(("back-{mark}",), ("inner-{mark}",)),
        leaves=("front-{mark}",),
    ),
    Case("disconnected-from-all", ("--network", "front-{mark}"), leaves=("front-{mark}",)),
    Case("disconnected-from-the-default-network-alone", (), leaves=("bridge",)),
    Case("link-local-address", ("--network", "front-{mark}", "--link-local-ip", "169.254.34.68")),
    Case(
        "macvlan",
        ("--network", "macvlan-{mark}", "--ip", "172.31.242.77", "--network-alias", "own"),
        refusal=("not supported",),
    ),
    Case("ipvlan", ("--network", "ipvlan-{mark}", "--ip", "172.31.243.77"), refusal=("not supported",)),
    Case("ipv6-assigned", ("--network", "six-{mark}", "--ip", "172.31.244.66")),
    Case("ipv6-static", ("--network", "six-{mark}", "--ip6", "fd00:31:244::77")),
    Case("ipv6-alone", ("--network", "six-alone-{mark}", "--ip6", "fd00:31:245::77"), refusal=OLD_CLIENT),
    Case("network-configured-by-another", ("--network", "configured-{mark}", "--ip", "172.31.246.77")),
    Case("network-internal", ("--network", "inner-{mark}", "--network-alias", "inside")),
    Case(
        "networks-with-gateway-priorities",
        ("--network", "name=front-{mark},ip=172.31.240.99,gw-priority=-1", "--network", "name=back-{mark}",
         "--network", "name=six-{mark},gw-priority=100"),
        refusal=SECOND_NETWORK,
        told='"GwPriority": 100',
    ),
    Case(
        "default-network-with-a-gateway-priority",
        ("--network", "name=bridge,gw-priority=7"),
        refusal=OLD_CLIENT,
        told='"GwPriority": 7',
    ),
    Case(
        "sysctls-of-an-interface",
        ("--network", "front-{mark}", "--sysctl", "net.ipv4.conf.eth0.route_localnet=1"),
        refusal=("must be supplied using driver option",),
    ),
    Case(
        "sysctls-of-a-network",
        ("--network", "name=front-{mark},driver-opt=" + INTERFACE_SYSCTL),
    ),
    Case("network-by-id", ("--network", "{network-id}", "--network-alias", "known-by-id")),
    Case("network-bridge-by-name", ("--network", "bridge")),
    Case("network-host", ("--network", "host")),
    Case("network-host-with-a-hostname", ("--network", "host", "--hostname", "ship")),
    Case("network-none", ("--network", "none")),
    Case("parent", ("--ipc", "shareable", "--publish", "127.0.0.1:18070:70", "--hostname", "parent")),
    Case("network-of-a-container", ("--network", "container:parent-{mark}"), after="parent"),
    Case("ipc-of-a-container", ("--ipc", "container:parent-{mark}"), after="parent"),
    Case("pid-of-a-container", ("--pid", "container:parent-{mark}"), after="parent"),
    Case("ports-fixed", ("--publish", "127.0.0.1:18080:80", "--publish", "18081:81/udp", "--publish", "18082-18084:82-84")),
    Case("ports-ephemeral", ("--publish", "80", "--publish", "127.0.0.1::81", "--publish", "18400-18410:82")),
    Case("ports-all", ("--publish-all", "--expose", "90", "--expose", "91/udp")),
    Case("ports-exposed", ("--expose", "90-92", "--network", "front-{mark}")),
    Case("dns", ("--dns", "192.0.2.53", "--dns-search", "example.test", "--dns-option", "ndots:2")),
    Case("extra-hosts", ("--add-host", "there:192.0.2.1", "--add-host", "outside:host-gateway")),
    Case("link", ("--link", "parent-{mark}:mother", "--link", "command-{mark}"), after="parent"),
    Case(
        "link-on-a-network",
        ("--network", "front-{mark}", "--link", "address-static-{mark}:seven"),
        after="address-static",
    ),
)  # fmt: skip

LIMITS = (
    Case(
        "memory",
        ("--memory", "64m", "--memory-swap", "96m", "--memory-reservation", "32m", "--memory-swappiness", "10"),
    ),
    Case("kernel-memory", ("--kernel-memory", "48m"), refusal=("kernel memory",)),
    Case("cpus", ("--cpus", "0.5", "--cpu-shares", "512", "--cpuset-cpus", "0", "--cpuset-mems", "0")),
    Case("cpu-quota", ("--cpu-period", "50000", "--cpu-quota", "25000")),
    Case("pids", ("--pids-limit", "77")),
    Case("block-io", ("--blkio-weight", "300"), refusal=("blkio",)),
    Case(
        "block-io-of-a-device", ("--device-read-bps", "{block-device}:1mb", "--device-write-iops", "{block-device}:99")
    ),
    Case("ulimits", ("--ulimit", "nofile=1024:2048", "--ulimit", "core=0")),
    Case("sysctls", ("--sysctl", "net.core.somaxconn=1024", "--sysctl", "net.ipv4.ip_unprivileged_port_start=0")),
    Case("shm-size", ("--shm-size", "5m")),
    Case("oom", ("--oom-score-adj", "345", "--oom-kill-disable", "--memory", "64m")),
    Case("cgroup-parent", ("--cgroup-parent", "/{engine}/of-a-person")),
)

SAFETY = (
    Case(
        "capabilities",
        ("--cap-drop", "ALL", "--cap-add", "NET_BIND_SERVICE", "--cap-add", "CHOWN", "--cap-add", "KILL"),
    ),
    Case("privileged", ("--privileged",), refusal=("not permitted",)),
    Case("security-options", ("--security-opt", "no-new-privileges", "--security-opt", "label=disable")),
    Case("seccomp-unconfined", ("--security-opt", "seccomp=unconfined")),
    Case("seccomp-profile", ("--security-opt", "seccomp={seccomp}")),
    Case("system-paths-unconfined", ("--security-opt", "systempaths=unconfined")),
    Case("user-namespace-of-the-host", ("--userns", "host")),
    Case("cgroup-namespace", ("--cgroupns", "private"), refusal=("cgroup namespace",)),
    Case("ipc-private", ("--ipc", "private")),
    Case("ipc-none", ("--ipc", "none")),
    Case("ipc-host", ("--ipc", "host")),
    Case("pid-host", ("--pid", "host")),
    Case("uts-host", ("--uts", "host")),
    Case("runtime", ("--runtime", "runc")),
)

LOGGING = (
    Case("log-json-file", ("--log-driver", "json-file", "--log-opt", "max-size=1m", "--log-opt", "max-file=3",
                           "--log-opt", "labels=a,b")),
    Case("log-local", ("--log-driver", "local", "--log-opt", "max-size=2m")),
    Case("log-none", ("--log-driver", "none")),
    Case("log-syslog", ("--log-driver", "syslog", "--log-opt", "syslog-address=udp://127.0.0.1:5514", "--log-opt", "tag=x")),
    Case("log-non-blocking", ("--log-opt", "mode=non-blocking", "--log-opt", "max-buffer-size=1m")),
)  # fmt: skip

CASES = (*PROCESS, *STORAGE, *NETWORKING, *LIMITS, *SAFETY, *LOGGING)
