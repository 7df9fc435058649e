"""deployment-example.yaml is valid for current Kubernetes, and its parts fit each other."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate  # pyright: ignore[reportMissingTypeStubs]  # it ships no stubs
import pytest
import yaml
from kubernetes_validate.utils import (  # pyright: ignore[reportMissingTypeStubs]  # it ships no stubs
    latest_version,
    schema_contents,
)
from status_state_controller.settings import read_settings, unknown_variables

Document = dict[str, Any]

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "deployment-example.yaml").read_text(encoding="utf-8")
SERVICE, SSA, SSC, SECRET = (document for document in yaml.safe_load_all(TEXT))
DEPLOYMENTS = [pytest.param(SSA, id="ssa"), pytest.param(SSC, id="ssc")]
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


def pod_of(deployment: Document) -> Document:
    """The pod template's specification."""
    return deployment["spec"]["template"]["spec"]


def container_of(deployment: Document) -> Document:
    """The only container of the pod."""
    (container,) = pod_of(deployment)["containers"]
    return container


def environment_of(deployment: Document) -> dict[str, str]:
    """The container's environment by name."""
    return {variable["name"]: variable["value"] for variable in container_of(deployment)["env"]}


def mount_of(deployment: Document, path: str) -> Document:
    """The volume mounted at the folder of a file, or at the file itself."""
    container, pod = container_of(deployment), pod_of(deployment)
    folders = [path, str(Path(path).parent)]
    (name,) = [mount["name"] for mount in container["volumeMounts"] if mount["mountPath"] in folders]
    (volume,) = [volume for volume in pod["volumes"] if volume["name"] == name]
    return volume


def seconds_until_killed(probe: Document) -> int:
    """How long a startup probe lets a container take."""
    return probe["periodSeconds"] * probe["failureThreshold"]


def deprecations(value: Any, schema: Document, definitions: Document, path: str) -> Iterator[str]:
    """Every field of a document, by its path, that its schema calls deprecated."""
    if "deprecated" in schema.get("description", "").lower():
        yield path
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rsplit("/", 1)[-1]]
    if isinstance(value, dict):
        for key, item in value.items():  # pyright: ignore[reportUnknownVariableType]  # YAML is Any
            inner = schema.get("properties", {}).get(key, schema.get("additionalProperties", {}))
            yield from deprecations(item, inner or {}, definitions, f"{path}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType]  # YAML is Any
            yield from deprecations(item, schema.get("items", {}), definitions, f"{path}[{index}]")


def deprecations_of(document: Document) -> list[str]:
    """Every deprecated field of a document, and its kind when that is deprecated."""
    folder = f"kubernetes-json-schema/v{latest_version()}-local-strict"
    api_version = re.sub(r"^([^./]*)(?:\.[^/]*)?/", r"\1-", document["apiVersion"])
    schema = schema_contents(f"{folder}/{document['kind'].lower()}-{api_version}.json", latest_version())
    definitions = schema_contents(f"{folder}/_definitions.json", latest_version())["$defs"]
    return list(deprecations(document, schema, definitions, document["kind"]))


def duplicate_keys(node: yaml.Node) -> Iterator[str]:
    """Keys that stand twice in one mapping: YAML libraries keep the last one without a word."""
    if isinstance(node, yaml.MappingNode):
        keys = [key.value for key, _ in node.value]
        yield from (key for key in sorted(set(keys)) if keys.count(key) > 1)
        for _, value in node.value:
            yield from duplicate_keys(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from duplicate_keys(item)


@pytest.mark.parametrize("document", [SERVICE, SSA, SSC, SECRET], ids=lambda document: document["kind"])
def test_a_document_is_strictly_valid_for_current_kubernetes(document: Document) -> None:
    kubernetes_validate.validate(document, latest_version(), strict=True)


def test_the_schema_is_strict_about_a_misspelt_field() -> None:
    misspelt: Document = yaml.safe_load(yaml.safe_dump(SERVICE).replace("selector", "selectr"))
    with pytest.raises(kubernetes_validate.ValidationError, match="selectr"):
        kubernetes_validate.validate(misspelt, latest_version(), strict=True)


@pytest.mark.parametrize("document", [SERVICE, SSA, SSC, SECRET], ids=lambda document: document["kind"])
def test_a_document_uses_nothing_deprecated(document: Document) -> None:
    assert deprecations_of(document) == []


@pytest.mark.parametrize(
    ("document", "section", "field", "value"),
    [
        pytest.param(SERVICE, SERVICE["spec"], "loadBalancerIP", "10.0.0.1", id="loadBalancerIP"),
        pytest.param(SSA, pod_of(SSA), "serviceAccount", "default", id="serviceAccount"),
    ],
)
def test_a_deprecated_field_would_be_found(
    document: Document, section: Document, field: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(section, field, value)
    (found,) = deprecations_of(document)
    assert found.endswith(f".{field}")


def test_no_key_stands_twice() -> None:
    assert [key for node in yaml.compose_all(TEXT, yaml.SafeLoader) for key in duplicate_keys(node)] == []


def test_the_blocks_are_service_ssa_ssc_and_secret() -> None:
    assert [f"{block['kind']} {block['metadata']['name']}" for block in (SERVICE, SSA, SSC, SECRET)] == [
        "Service status-state-api",
        "Deployment status-state-api-blue",
        "Deployment status-state-controller",
        "Secret status-state-token",
    ]


def test_line_9_is_the_version_that_the_service_selects() -> None:
    assert TEXT.splitlines()[8] == "    version: blue"
    assert SERVICE["spec"]["type"] == "LoadBalancer"
    assert SERVICE["spec"]["selector"] == {"app": "status-state-api", "version": "blue"}


def test_the_service_selects_the_pods_of_the_ssa_and_not_those_of_the_ssc() -> None:
    selector = SERVICE["spec"]["selector"].items()
    assert selector <= SSA["spec"]["template"]["metadata"]["labels"].items()
    assert not selector <= SSC["spec"]["template"]["metadata"]["labels"].items()


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_a_deployment_selects_its_own_pods(deployment: Document) -> None:
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert labels.keys() == {"app", "version"}
    assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()


def test_two_colours_of_the_ssa_share_neither_pods_nor_data_while_the_ssc_is_always_the_same() -> None:
    blue_ssa, blue_ssc = (yaml.safe_dump(deployment) for deployment in (SSA, SSC))
    green_ssa, green_ssc = (yaml.safe_load(text.replace("blue", "green")) for text in (blue_ssa, blue_ssc))
    assert green_ssa["metadata"]["name"] != SSA["metadata"]["name"]
    assert green_ssa["spec"]["selector"] != SSA["spec"]["selector"]
    assert mount_of(green_ssa, "/data")["hostPath"]["path"] != mount_of(SSA, "/data")["hostPath"]["path"]
    assert green_ssc["metadata"]["name"] == SSC["metadata"]["name"]
    assert green_ssc["spec"]["selector"] == SSC["spec"]["selector"]


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_there_is_never_a_second_pod_of_a_deployment(deployment: Document) -> None:
    assert deployment["spec"]["replicas"] == 1
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_a_pod_lands_on_the_labelled_node_that_has_the_ssa(deployment: Document) -> None:
    pod = pod_of(deployment)
    assert pod["nodeSelector"] == {"status-state.engine": "first"}
    (term,) = pod["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert term["topologyKey"] == "kubernetes.io/hostname"
    assert term["labelSelector"]["matchLabels"].items() <= SSA["spec"]["template"]["metadata"]["labels"].items()


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_every_mount_has_its_volume_and_every_volume_its_mount(deployment: Document) -> None:
    mounts = [mount["name"] for mount in container_of(deployment)["volumeMounts"]]
    volumes = [volume["name"] for volume in pod_of(deployment)["volumes"]]
    assert sorted(mounts) == sorted(volumes)


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_the_socket_of_the_node_is_where_the_settings_say(deployment: Document) -> None:
    path = environment_of(deployment)["DOCKER_HOST"].removeprefix("unix://")
    assert mount_of(deployment, path)["hostPath"] == {"path": "/var/run/docker.sock", "type": "Socket"}


@pytest.mark.parametrize(
    ("deployment", "setting"), [(SSA, "SSA_TOKEN_FILE"), (SSC, "SSC_TOKEN_FILE")], ids=["ssa", "ssc"]
)
def test_the_token_of_the_secret_is_where_the_settings_say(deployment: Document, setting: str) -> None:
    path = Path(environment_of(deployment)[setting])
    secret = mount_of(deployment, str(path))["secret"]
    assert secret == {
        "secretName": SECRET["metadata"]["name"],
        "defaultMode": 0o400,
        "items": [{"key": "token", "path": path.name}],
    }


def test_the_file_holds_no_token_that_would_work() -> None:
    assert SECRET.keys() == {"apiVersion", "kind", "metadata", "type"}


def test_the_files_that_the_pair_writes_are_on_volumes_it_may_write() -> None:
    database = environment_of(SSA)["SSA_DATABASE_URL"].removeprefix("sqlite:///")
    assert mount_of(SSA, database)["hostPath"]["type"] == "DirectoryOrCreate"
    assert "emptyDir" in mount_of(SSC, environment_of(SSC)["SSC_HEARTBEAT_FILE"])


def test_the_ssc_asks_the_service() -> None:
    (port,) = SERVICE["spec"]["ports"]
    assert environment_of(SSC)["SSC_SSA_URL"] == f"http://{SERVICE['metadata']['name']}:{port['port']}"


def test_the_ssc_knows_every_setting_that_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment_of(SSC).items():
        monkeypatch.setenv(name, value)
    assert read_settings().interval == 30
    assert unknown_variables(environment_of(SSC)) == []


def test_a_restarted_ssa_resumes_because_its_container_is_a_new_one() -> None:
    assert environment_of(SSA)["SSA_SNAPSHOT_ON_START"] == "resume"


def test_the_ports_of_service_and_probes_are_those_of_the_ssa() -> None:
    container = container_of(SSA)
    names = {port["name"] for port in container["ports"]}
    assert {port["targetPort"] for port in SERVICE["spec"]["ports"]} <= names
    assert {container[probe]["httpGet"]["port"] for probe in PROBES} <= names


def test_the_ssa_is_probed_where_it_says_how_it_is() -> None:
    paths = {probe: container_of(SSA)[probe]["httpGet"]["path"] for probe in PROBES}
    assert paths == {"startupProbe": "/readyz", "readinessProbe": "/readyz", "livenessProbe": "/healthz"}


def test_the_ssc_listens_on_no_port_and_lives_by_its_heartbeat() -> None:
    container = container_of(SSC)
    assert "ports" not in container
    assert "readinessProbe" not in container
    for probe in ("startupProbe", "livenessProbe"):
        assert container[probe]["exec"]["command"] == ["python3", "-m", "app.process.heartbeat"]


def test_nobody_is_killed_while_a_host_settles() -> None:
    ssa, ssc = (seconds_until_killed(container_of(deployment)["startupProbe"]) for deployment in (SSA, SSC))
    assert ssa >= 60 + 300 + 30  # for the engine, for a host that is booting, and a margin
    assert ssc >= ssa + 60  # the first check begins when the SSA is ready


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_a_pod_may_do_no_more_than_it_must(deployment: Document) -> None:
    pod, container = pod_of(deployment), container_of(deployment)
    assert pod["securityContext"] == {
        "runAsUser": 0,
        "runAsGroup": 0,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_resources_are_asked_for_and_limited(deployment: Document) -> None:
    resources = container_of(deployment)["resources"]
    assert resources["requests"].keys() == {"cpu", "memory"}
    assert "memory" in resources["limits"]
