"""Which container a process runs in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from status_state_api.process.own_id import own_container_id

if TYPE_CHECKING:
    from pathlib import Path

OWN = "ab" * 32
BEFORE = "1457 1200 0:300 / / rw,relatime - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/l/X\nrubbish\n"
OWN_MOUNTS = {
    "overlay2": f"1470 1457 254:1 /var/lib/docker/containers/{OWN}/resolv.conf /etc/resolv.conf rw - ext4 /dev/vda1 rw",
    "a partition of its own": f"1470 1457 254:2 /containers/{OWN}/hostname /etc/hostname rw - xfs /dev/vdb1 rw",
    "a moved data-root": f"1470 1457 254:1 /srv/a\\040b/containers/{OWN}/hosts /etc/hosts rw - ext4 /dev/vda1 rw",
    "rootless": f"1470 1457 254:1 /home/me/.local/share/docker/containers/{OWN}/hosts /etc/hosts rw - ext4 x rw",
}
OTHER_MOUNTS = {
    "a host": "25 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw",
    "Kubernetes with containerd": "1470 1457 254:1 /var/lib/kubelet/pods/6f1d/etc-hosts /etc/hosts rw - ext4 /dev/vda1 rw\n"
    f"1471 1457 254:1 /var/lib/containerd/io.containerd.grpc.v1.cri/sandboxes/{OWN}/hostname /etc/hostname rw - ext4 x rw",
    "podman": f"1470 1457 0:44 /containers/storage/overlay-containers/{OWN}/userdata/hosts /etc/hosts rw - tmpfs x rw",
    "another file of a container": f"1470 1457 254:1 /var/lib/docker/containers/{OWN}/mounts/shm /dev/shm rw - tmpfs x rw",
    "another container's, mounted elsewhere": f"1470 1457 254:1 /var/lib/docker/containers/{OWN}/hosts /other rw - ext4 x rw",
    "a short id": f"1470 1457 254:1 /var/lib/docker/containers/{OWN[:12]}/hosts /etc/hosts rw - ext4 /dev/vda1 rw",
    "nothing": "",
}


@pytest.mark.parametrize("line", OWN_MOUNTS.values(), ids=OWN_MOUNTS.keys())
def test_the_own_id_is_found_in_a_container_of_the_engine(line: str, tmp_path: Path) -> None:
    file = tmp_path / "mountinfo"
    file.write_text(f"{BEFORE}{line}\n")
    assert own_container_id(file) == OWN


@pytest.mark.parametrize("lines", OTHER_MOUNTS.values(), ids=OTHER_MOUNTS.keys())
def test_elsewhere_there_is_no_own_id(lines: str, tmp_path: Path) -> None:
    file = tmp_path / "mountinfo"
    file.write_text(f"{BEFORE}{lines}\n")
    assert own_container_id(file) is None


def test_where_the_mounts_can_not_be_read_there_is_no_own_id(tmp_path: Path) -> None:
    assert own_container_id(tmp_path / "nowhere") is None
