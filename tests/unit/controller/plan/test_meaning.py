"""What is the same configuration by meaning and what is not: each row is tried in both directions, and against itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from status_state_controller.plan.meaning.successor import differences, is_successor, tell

from ..world import id_of
from .answers import inspected

if TYPE_CHECKING:
    from collections.abc import Mapping

Change = dict[str, Any]
"""What to lay over `Config`, `HostConfig`, `Endpoint` (of its network) and the top; `Add` are further mounts."""

GIB = 1 << 30
NAMES = {id_of("db"): "db", id_of("db again"): "db"}
MASKED = ["/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/scsi", "/sys/firmware"]
OF_PROCESSORS = [f"/sys/devices/system/cpu/cpu{number}/thermal_throttle" for number in range(2)]
MASKED_28 = [*MASKED, "/proc/interrupts", "/sys/devices/virtual/powercap", *OF_PROCESSORS]
READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]


def host(**fields: Any) -> Change:
    """Fields of `HostConfig`."""
    return {"HostConfig": fields}


def config(**fields: Any) -> Change:
    """Fields of `Config`."""
    return {"Config": fields}


def end(**fields: Any) -> Change:
    """Fields of the attachment to its network."""
    return {"Endpoint": fields}


def volume(
    mode: str = "z", *, bind: str | None = None, name: str = "named", place: str = "/x", **request: Any
) -> Change:
    """A named volume, mounted by `-v` or by `--mount`."""
    asked = (
        host(Binds=[bind]) if bind else host(Mounts=[{"Type": "volume", "Target": place, "Source": name, **request}])
    )
    mount = {"Type": "volume", "Name": name, "Source": "/v", "Destination": place, "Mode": mode, "RW": True}
    return asked | {"Add": [mount]}


def bind(source: str = "/srv", mode: str = "", **options: Any) -> Change:
    """A folder of the host, mounted by `-v`, or by `--mount` where there are options."""
    asked = host(Mounts=[{"Type": "bind", "Source": source, "Target": "/x", "BindOptions": options}]) if options else {}
    mount = {"Type": "bind", "Source": source, "Destination": "/x", "Mode": mode, "RW": True, "Propagation": "rprivate"}
    return asked | {"Add": [mount]}


def image(path: str, name: str = "tools:1", **options: Any) -> Change:
    """An image, mounted."""
    asked = {"Type": "image", "Source": name, "Target": "/tools", "ImageOptions": options}
    mount = {"Type": "image", "Name": name, "Source": path, "Destination": "/tools", "RW": False}
    return host(Mounts=[asked]) | {"Add": [mount]}


def tmpfs(**options: Any) -> Change:
    """A tmpfs, mounted by `--mount`."""
    mount = {"Type": "tmpfs", "Source": "", "Destination": "/x", "Mode": "", "RW": True, "Propagation": ""}
    return host(Mounts=[{"Type": "tmpfs", "Target": "/x", "TmpfsOptions": options}]) | {"Add": [mount]}


def device(outside: str, inside: str, rights: str = "rwm") -> dict[str, str]:
    """A device."""
    return {"PathOnHost": outside, "PathInContainer": inside, "CgroupPermissions": rights}


def mac(address: str, ip: str = "172.18.0.9", **others: Any) -> Change:
    """A MAC address in use."""
    return end(MacAddress=address, IPAddress=ip, **others)


def check(**timing: Any) -> Change:
    """A health check."""
    return config(Healthcheck={"Test": ["CMD", "true"], **timing})


def ulimit(name: str, soft: int, hard: int = 9) -> dict[str, Any]:
    """A limit of processes."""
    return {"Name": name, "Soft": soft, "Hard": hard}


def gpu(*capabilities: str, **others: Any) -> Change:
    """A request for GPUs."""
    return host(
        DeviceRequests=[{"Driver": "", "Count": -1, "DeviceIDs": None, "Capabilities": [list(capabilities)], **others}]
    )


SYSCTLS = "com.docker.network.endpoint.sysctls"
NOTHING: Change = {}

SAME: dict[str, tuple[Change, Change]] = {
    "capabilities are a set": (host(CapAdd=["NET_ADMIN", "SYS_TIME"]), host(CapAdd=["CAP_SYS_TIME", "net_admin"])),
    "all capabilities": (host(CapDrop=["ALL"]), host(CapDrop=["all", "CHOWN"])),
    "security options are a set": (
        host(SecurityOpt=["no-new-privileges:true", "apparmor=x"]),
        host(SecurityOpt=["apparmor:x", "no-new-privileges"]),
    ),
    "an option that is off": (host(SecurityOpt=["no-new-privileges=false"]), NOTHING),
    "the layout of a seccomp profile": (host(SecurityOpt=['seccomp={"a": 1}']), host(SecurityOpt=['seccomp={"a":1}'])),
    "the label that goes with a host's namespace": (
        host(PidMode="host", SecurityOpt=["label=disable"]),
        host(PidMode="host"),
    ),
    "groups are a set": (host(GroupAdd=["1", "video"]), host(GroupAdd=["video", "1", "1"])),
    "cgroup rules are a set": (
        host(DeviceCgroupRules=["c 1:3 rwm", "c 1:5  r"]),
        host(DeviceCgroupRules=["c 1:5 r", "c 1:3 rwm"]),
    ),
    "devices": (
        host(Devices=[device("/dev//a", "/dev/a", "mrw"), device("/dev/b", "/dev/b")]),
        host(Devices=[device("/dev/b/", ""), device("/dev/a", "/dev/a")]),
    ),
    "GPUs": (gpu("gpu", "nvidia", Options={}), gpu("nvidia", "gpu", Options=None)),
    "DNS options are a set": (host(DnsOptions=["a", "b"]), host(DnsOptions=["b", "a"])),
    "further hosts are a set": (host(ExtraHosts=["a:1.1.1.1", "b:2.2.2.2"]), host(ExtraHosts=["b:2.2.2.2", "a:1.1.1.1"])),
    "the default network": (host(NetworkMode="default"), host(NetworkMode="bridge")),
    "no network mode": (host(NetworkMode=""), host(NetworkMode="default")),
    "a volume that is writable": (volume(bind="named:/x"), volume("rw", bind="named:/x:rw")),
    "the label of a volume": (volume(bind="named:/x:z"), volume("", name="named")),
    "a volume's path": (volume(bind="named:/x//y/", place="/x//y/"), volume(bind="named:/x/./y", place="/x/./y")),
    "a volume that is not copied to": (
        volume("nocopy", bind="named:/x:nocopy"),
        volume(VolumeOptions={"NoCopy": True}),
    ),
    "a volume's driver": (volume(VolumeOptions={"DriverConfig": {"Name": "local"}}), volume()),
    "a folder's path": (bind("/srv//a/"), bind("/srv/b/../a")),
    "a folder that may be made": (bind(CreateMountpoint=True, Propagation="rprivate"), bind()),
    "a mount's consistency": (bind(mode="cached"), bind()),
    "an image's own path": (image("/var/lib/one"), image("/var/lib/other")),
    "no subpath": (image("/1", Subpath=""), image("/1")),
    "tmpfs options": (host(Tmpfs={"/x/": "size=1m,mode=1777"}), host(Tmpfs={"/x": "rw,noexec,mode=01777,size=1024k"})),
    "tmpfs by mount": (host(Tmpfs={"/x": "size=1m,mode=700"}), tmpfs(SizeBytes=1 << 20, Mode=0o700)),
    "swappiness": (host(MemorySwappiness=-1), host(MemorySwappiness=None)),
    "the OOM killer": (host(OomKillDisable=False), host(OomKillDisable=None)),
    "no limit of processes": (host(PidsLimit=-1), host(PidsLimit=0)),
    "no limit of processes at all": (host(PidsLimit=None), host(PidsLimit=-1)),
    "kernel memory": (host(KernelMemory=0, KernelMemoryTCP=0), NOTHING),
    "kernel memory, which later engines don't know": (host(KernelMemory=GIB), NOTHING),
    "shared memory": (host(ShmSize=64 << 20), host(ShmSize=0)),
    "swap": (host(Memory=GIB, MemorySwap=0), host(Memory=GIB, MemorySwap=2 * GIB)),
    "processors": (host(NanoCpus=1_500_000_000), host(CpuPeriod=100_000, CpuQuota=150_000)),
    "no quota": (host(CpuQuota=-1), NOTHING),
    "a list of processors": (host(CpusetCpus="0-2"), host(CpusetCpus="2,0,1")),
    "no restart policy": (host(RestartPolicy={"Name": ""}), host(RestartPolicy={"Name": "no", "MaximumRetryCount": 0})),
    "tries that don't count": (
        host(RestartPolicy={"Name": "always", "MaximumRetryCount": 0}),
        host(RestartPolicy={"Name": "always"}),
    ),
    "IPC of a daemon with that default": (host(IpcMode=""), host(IpcMode="shareable")),
    "IPC of a daemon with the other default": (host(IpcMode="private"), NOTHING),
    "IPC of a container that was made again": (
        host(IpcMode=f"container:{id_of('db')}"),
        host(IpcMode=f"container:{id_of('db again')}"),
    ),
    "masked paths grow": (host(MaskedPaths=MASKED), host(MaskedPaths=MASKED_28)),
    "masked paths of nobody": (host(MaskedPaths=MASKED, ReadonlyPaths=READ_ONLY), NOTHING),
    "masked paths of a privileged one": (host(Privileged=True, MaskedPaths=[]), host(Privileged=True, MaskedPaths=MASKED)),
    "the runtime": (host(Runtime="runc"), host(Runtime="io.containerd.runc.v2")),
    "the cgroup namespace": (host(CgroupnsMode=""), host(CgroupnsMode="private")),
    "what the client adds": (host(ConsoleSize=[24, 80], Annotations={}), host(ConsoleSize=[0, 0], ContainerIDFile="/x")),
    "who listened": (config(AttachStdout=True, AttachStderr=True), config(AttachStdout=False)),
    "a field of a later engine": (host(Novelty=None), host(Novelty=0)),
    "ulimits": (host(Ulimits=[ulimit("a", 1), ulimit("b", 2)]), host(Ulimits=[ulimit("b", 2), ulimit("a", 1)])),
    "the defaults of a health check": (check(Interval=30_000_000_000, Retries=3, StartInterval=5_000_000_000), check(Retries=0)),
    "no health check": (config(Healthcheck={"Test": ["NONE"]}), NOTHING),
    "the stop signal": (config(StopSignal="SIGTERM"), config(StopSignal="15")),
    "the stop time-out": (config(StopTimeout=10), config(StopTimeout=None)),
    "no entrypoint": (config(Entrypoint=[""]), config(Entrypoint=[])),
    "the folder to work in": (config(WorkingDir="/srv//"), config(WorkingDir="/srv")),
    "a published port is exposed": (config(ExposedPorts={}), config(ExposedPorts={"80/tcp": {}})),
    "any port": (
        host(PortBindings={"81/tcp": [{"HostIp": "", "HostPort": "0"}], "82/tcp": []}),
        host(PortBindings={"81": [{"HostPort": ""}]}),
    ),
    "IPv6 addresses": (end(IPAMConfig={"IPv6Address": "2001:DB8:0::5"}), end(IPAMConfig={"IPv6Address": "2001:db8::5"})),
    "an empty request for addresses": (end(IPAMConfig={}), end(IPAMConfig={"LinkLocalIPs": None})),
    "no priority": (end(GwPriority=0), end()),
    "a kernel setting of an interface": (
        host(NetworkMode="shop_default", Sysctls={"net.ipv4.conf.eth0.log_martians": "1"}),
        end(DriverOpts={SYSCTLS: "net.ipv4.conf.IFNAME.log_martians=1"}),
    ),
    "MAC addresses that follow from the address": (mac("02:42:ac:12:00:09"), mac("02:42:ac:12:00:08", "172.18.0.8")),
    "MAC addresses of engines from 28 on": (mac("02:42:ac:12:00:09"), mac("de:ad:be:ef:00:01", GwPriority=0)),
    "a MAC address that is told in another place": (
        config(MacAddress="AA-bb-cc-00-00-01") | mac("aa:bb:cc:00:00:01"),
        mac("aa:bb:cc:00:00:01", GwPriority=0),
    ),
    "a MAC address while it is down": (mac("00:16:3e:00:00:01"), mac("", "")),
    "legacy links": (host(Links=["/db:/web/database"]), host(Links=["db:database"])),
    "where volumes come from": (host(VolumesFrom=[f"{id_of('db')}:rw"]), host(VolumesFrom=["db"])),
}  # fmt: skip


DIFFERENT: dict[str, tuple[Change, Change, str]] = {
    "capabilities": (host(CapAdd=["NET_ADMIN"]), host(CapAdd=["NET_RAW"]), "CapAdd: NET_ADMIN → NET_RAW"),
    "added and dropped": (host(CapDrop=["ALL"]), host(CapDrop=["CHOWN"]), "CapDrop: ALL → CHOWN"),
    "a security option": (host(SecurityOpt=["no-new-privileges"]), NOTHING, "SecurityOpt: no-new-privileges → none"),
    "labels of SELinux": (host(SecurityOpt=["label=disable"]), NOTHING, "SecurityOpt: label=disable → none"),
    "groups": (host(GroupAdd=["1"]), host(GroupAdd=["2"]), "GroupAdd: 1 → 2"),
    "rights to a device": (
        host(Devices=[device("/dev/a", "/dev/a", "r")]),
        host(Devices=[device("/dev/a", "/dev/a")]),
        "Devices: /dev/a:/dev/a:r → /dev/a:/dev/a:mrw",
    ),
    "the order of DNS servers": (host(Dns=["1.1.1.1", "2.2.2.2"]), host(Dns=["2.2.2.2", "1.1.1.1"]), "Dns: 1.1.1.1 2.2.2.2 → 2.2.2.2 1.1.1.1"),
    "the order of search domains": (host(DnsSearch=["a", "b"]), host(DnsSearch=["b", "a"]), "DnsSearch: a b → b a"),
    "the order of one host's addresses": (
        host(ExtraHosts=["a:1.1.1.1", "a:2.2.2.2"]),
        host(ExtraHosts=["a:2.2.2.2", "a:1.1.1.1"]),
        "ExtraHosts: a:1.1.1.1 a:2.2.2.2 → a:2.2.2.2 a:1.1.1.1",
    ),
    "the order of a variable that is there twice": (config(Env=["A=1", "A=2"]), config(Env=["A=2", "A=1"]), "env.A: set → other"),
    "a variable that is empty": (config(Env=["A="]), config(Env=["A"]), "env.A: set → other"),
    "network mode": (host(NetworkMode="default"), host(NetworkMode="none"), "NetworkMode: bridge → none"),
    "a private label of a volume": (volume("Z", bind="named:/x:Z"), volume(bind="named:/x"), "mount./x: volume named Z → volume named"),
    "a volume that is not copied to": (volume("nocopy"), volume(), "mount./x: volume named nocopy → volume named"),
    "a volume's subpath": (
        volume(VolumeOptions={"Subpath": "a"}),
        volume(VolumeOptions={"Subpath": "b"}),
        'mount./x: volume named Subpath="a" → volume named Subpath="b"',
    ),
    "the label of a folder": (bind(mode="z"), bind(), "mount./x: bind /srv z → bind /srv"),
    "which label of a folder": (bind(mode="ro,Z"), bind(mode="z"), "mount./x: bind /srv Z → bind /srv z"),
    "a folder without those below": (bind(NonRecursive=True), bind(), "mount./x: bind /srv NonRecursive=true → bind /srv"),
    "which image is mounted": (image("/1"), image("/1", "tools:2"), "mount./tools: image tools:1 → image tools:2"),
    "which part of an image": (image("/1", Subpath="a"), image("/1"), 'mount./tools: image tools:1 Subpath="a" → image tools:1'),
    "the size of a tmpfs": (host(Tmpfs={"/x": "size=1m"}), host(Tmpfs={"/x": "size=1g"}), "mount./x: tmpfs size=1048576 → tmpfs size=1073741824"),
    "programs in a tmpfs": (host(Tmpfs={"/x": "exec"}), host(Tmpfs={"/x": ""}), "mount./x: tmpfs exec → tmpfs"),
    "swappiness of zero": (host(MemorySwappiness=0), host(MemorySwappiness=None), "MemorySwappiness: 0 → none"),
    "the OOM killer": (host(OomKillDisable=True), host(OomKillDisable=None), "OomKillDisable: True → none"),
    "a limit of processes": (host(PidsLimit=100), host(PidsLimit=-1), "PidsLimit: 100 → none"),
    "kernel memory that was asked for": (host(KernelMemory=GIB), host(KernelMemory=0), "KernelMemory: 1073741824 → 0"),
    "shared memory": (host(ShmSize=GIB), host(ShmSize=0), "ShmSize: 1073741824 → none"),
    "swap": (host(Memory=GIB, MemorySwap=-1), host(Memory=GIB), "MemorySwap: -1 → none"),
    "processors": (host(NanoCpus=1_000_000_000), host(CpuQuota=150_000), "cpus: 100000 of 100000 us → 150000 of 100000 us"),
    "tries": (
        host(RestartPolicy={"Name": "on-failure", "MaximumRetryCount": 3}),
        host(RestartPolicy={"Name": "on-failure"}),
        "RestartPolicy: on-failure:3 → on-failure",
    ),
    "IPC by wish": (host(IpcMode="private"), host(IpcMode="shareable"), "IpcMode: private → shareable"),
    "IPC of another": (host(IpcMode=f"container:{id_of('db')}"), host(IpcMode="host"), "IpcMode: container:db → host"),
    "nothing masked, by wish": (host(MaskedPaths=[]), host(MaskedPaths=MASKED), "MaskedPaths: none → other"),
    "one masked, by wish": (host(MaskedPaths=[*MASKED, "/proc/mine"]), host(MaskedPaths=MASKED_28), "MaskedPaths: /proc/mine → none"),
    "nothing read-only, by wish": (host(ReadonlyPaths=[]), NOTHING, "ReadonlyPaths: none → other"),
    "the runtime": (host(Runtime="runsc"), host(Runtime="runc"), "Runtime: runsc → none"),
    "the cgroup namespace": (host(CgroupnsMode="host"), host(CgroupnsMode="private"), "CgroupnsMode: host → private"),
    "annotations": (host(Annotations={"a": "1"}), NOTHING, 'Annotations: {"a": "1"} → none'),
    "a field of a later engine": (host(Novelty=2), NOTHING, "Novelty: 2 → none"),
    "ulimits": (host(Ulimits=[ulimit("a", 1)]), host(Ulimits=[ulimit("a", 2)]), "ulimit.a: 1 9 → 2 9"),
    "GPUs": (gpu("gpu", Count=1, DeviceIDs=None), NOTHING, 'DeviceRequests: {"Capabilities": [["gpu"]], "Count": 1} → none'),
    "how often health is checked": (check(Interval=5_000_000_000), check(), "Healthcheck: CMD true Interval=5000000000 → CMD true"),
    "the stop time-out": (config(StopTimeout=0), config(StopTimeout=None), "StopTimeout: 0 → none"),
    "the stop signal": (config(StopSignal="SIGKILL"), config(StopSignal=None), "StopSignal: KILL → none"),
    "a port's address": (
        host(PortBindings={"81/tcp": [{"HostIp": "127.0.0.1", "HostPort": "81"}]}),
        host(PortBindings={"81/tcp": [{"HostIp": "", "HostPort": "81"}]}),
        "port.81/tcp: 127.0.0.1:81 → :81",
    ),
    "priority": (end(GwPriority=100), end(GwPriority=0), "network.shop_default.GwPriority: 100 → none"),
    "a MAC address that was asked for": (
        config(MacAddress="02:42:0a:00:00:01") | mac("02:42:0a:00:00:01"),
        mac("02:42:ac:12:00:09"),
        "network.shop_default.MacAddress: 02:42:0a:00:00:01 → 02:42:ac:12:00:09",
    ),
    "a MAC address of a further network": (
        mac("00:16:3e:00:00:01", GwPriority=0),
        mac("de:ad:be:ef:00:01", GwPriority=0),
        "network.shop_default.MacAddress: 00:16:3e:00:00:01 → de:ad:be:ef:00:01",
    ),
    "a kernel setting": (host(Sysctls={"net.core.somaxconn": "1"}), NOTHING, "sysctl.net.core.somaxconn: 1 → none"),
    "volumes of another, read-only": (host(VolumesFrom=["db:ro"]), host(VolumesFrom=["db"]), "VolumesFrom: db:ro → db"),
    "log options": (host(LogConfig={"Type": "json-file", "Config": {"max-size": "1m"}}), host(LogConfig={"Type": "json-file", "Config": {}}), "log.max-size: 1m → none"),
}  # fmt: skip


def changed(word: str, change: Change) -> dict[str, Any]:
    """A container, with a change."""
    web = inspected(word)
    web["Config"] |= change.get("Config", {})
    web["HostConfig"] |= change.get("HostConfig", {})
    web["NetworkSettings"]["Networks"]["shop_default"] |= change.get("Endpoint", {})
    web["Mounts"] += change.get("Add", [])
    return web


@pytest.mark.parametrize(("one", "other"), SAME.values(), ids=SAME.keys())
def test_what_means_the_same_is_the_same(one: Change, other: Change) -> None:
    for recipe, candidate in ((one, other), (other, one), (one, one), (other, other)):
        assert differences(changed("original", recipe), changed("again", candidate), NAMES) == []


@pytest.mark.parametrize(("one", "other", "told"), DIFFERENT.values(), ids=DIFFERENT.keys())
def test_what_differs_is_reported(one: Change, other: Change, told: str) -> None:
    recipe, candidate = changed("original", one), changed("again", other)
    found = differences(recipe, candidate, NAMES)
    assert tell(found) == told
    back = differences(changed("original", other), changed("again", one), NAMES)
    assert [one.field for one in back] == [one.field for one in found]
    assert is_successor(recipe, changed("again", one), NAMES)


CHANGES = [change for one, other in SAME.values() for change in (one, other)]
CHANGES.extend(change for one, other, _ in DIFFERENT.values() for change in (one, other))


@given(st.sampled_from(CHANGES), st.sampled_from(CHANGES))
def test_to_be_the_same_goes_both_ways_and_everything_is_the_same_as_itself(one: Change, other: Change) -> None:
    recipe, candidate = changed("original", one), changed("again", other)
    assert is_successor(recipe, recipe, NAMES)
    assert is_successor(recipe, candidate, NAMES) == is_successor(candidate, recipe, NAMES)


# How the difference is told.


def told(one: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """The difference between two changes."""
    return tell(differences(changed("original", dict(one)), changed("again", dict(other)), NAMES))


@pytest.mark.parametrize(
    "change",
    [
        config(Env=["A=1", "PASSWORD=hunter2", "X=s3cret"]),
        config(Labels={"api.token": "s3cret"}),
        config(Cmd=["serve", "--password", "s3cret and more"]),
        config(Cmd=["serve", "--db-password=s3cret"]),
        config(Cmd=["sh", "-c", "API_KEY='s3cret' serve"]),
        config(Cmd=["serve", "postgres://me:s3cret@db/shop"]),
        config(Healthcheck={"Test": ["CMD-SHELL", 'curl -H "Authorization: s3cret" localhost']}),
        host(LogConfig={"Type": "splunk", "Config": {"splunk-token": "s3cret"}}),
        host(Annotations={"credential": "s3cret"}),
    ],
)
def test_no_secret_is_reported(change: Change) -> None:
    for line in (told(NOTHING, change), told(change, NOTHING)):
        assert line
        assert "s3cret" not in line


def test_five_differences_are_reported_the_image_first_and_the_rest_is_counted() -> None:
    one = config(User="1", Domainname="a" * 100) | host(Memory=1, CpuShares=2, PidsLimit=3, OomScoreAdj=4)
    recipe, candidate = changed("original", one), changed("again", config(Image="nginx:1.28"))
    candidate["Image"] = "sha256:2c1b"
    line = tell(differences(recipe, candidate, {}))
    assert line == (
        f"image: nginx:1.27 → nginx:1.28, CpuShares: 2 → none, Domainname: {'a' * 39}… → none, Memory: 1 → none, "
        "OomScoreAdj: 4 → none, and 2 more"
    )
    assert len(tell(differences(recipe, changed("again", config(Env=[f"A{n}=1" for n in range(999)])), {}))) < 800
