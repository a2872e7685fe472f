"""What ``deploy/`` gives: kustomize's and Helm's objects, so that they can be compared."""

import functools
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from adapter.sim.demo.processes import clean_environment, find_program

ROOT = Path(__file__).parents[2]
KUSTOMIZE = ROOT / "deploy" / "kustomize"
CHART = ROOT / "deploy" / "helm" / "viaduct"
OVERLAYS = sorted(path.name for path in (KUSTOMIZE / "overlays").iterdir())
NAMESPACE = "viaduct-system"
KUBERNETES = "1.33.0"
"""Version the chart is rendered for: a helm made by ``go install`` believes in 1.20."""

_HELM_LABELS = {
    "app.kubernetes.io/instance",
    "app.kubernetes.io/managed-by",
    "app.kubernetes.io/version",
    "helm.sh/chart",
}


def program(name):
    """Path of *name*, or the test is skipped; Go's folder of programs counts as well."""
    found = find_program(name) or shutil.which(name, path=Path.home() / "go" / "bin")
    if found is None:
        pytest.skip(f"no {name} on PATH")
    return found


@functools.cache
def kubectl_version():
    """Major and minor version of kubectl, such as (1, 32); without one the test is skipped."""
    code, printed, complained = run(program("kubectl"), "version", "--client", "--output=yaml")
    assert code == 0, complained
    version = yaml.safe_load(printed)["clientVersion"]
    return int(version["major"]), int(re.match("[0-9]+", version["minor"])[0])


def needs_kubectl(minor, why):
    """Skip a test where kubectl is older than 1.*minor*: Debian 12 has 1.20."""
    if kubectl_version() < (1, minor):
        pytest.skip(f"kubectl before 1.{minor} {why}")


def run(*words):
    """Exit code, standard output and error of a command."""
    return clean_run(*words, folder=ROOT)


def clean_run(*words, folder, **environment):
    """The same in *folder*, with more variables."""
    home = {"HOME": os.environ.get("HOME", "/")}
    done = subprocess.run(
        words,
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
        cwd=folder,
        env=clean_environment() | home | environment,
    )
    return done.returncode, done.stdout, done.stderr


def kustomized(folder):
    """Objects of the kustomization in *folder*; the caller's own, to be changed."""
    return documents(_kustomized(folder))


@functools.cache
def _kustomized(folder):
    needs_kubectl(21, "has a kustomize without components")
    code, printed, complained = run(program("kubectl"), "kustomize", str(folder))
    assert code == 0, complained
    return printed


def overlay(name):
    """Objects of one of ours."""
    return kustomized(KUSTOMIZE / "overlays" / name)


def chart(*flags, values=(), release="viaduct", namespace=NAMESPACE):
    """Objects of the chart, with files of values and further flags."""
    code, printed, complained = helm_template(
        *flags, values=values, release=release, namespace=namespace
    )
    assert code == 0, complained
    return documents(printed)


def helm_template(*flags, values=(), release="viaduct", namespace=NAMESPACE):
    """What rendering the chart prints, and whether it can be rendered."""
    files = [f"--values={path}" for path in values]
    where = [f"--namespace={namespace}", f"--kube-version={KUBERNETES}"]
    return run(program("helm"), "template", release, str(CHART), *where, *files, *flags)


def values_of(name):
    """The chart's values that correspond to an overlay."""
    return CHART / "ci" / f"{name}-values.yaml"


def documents(text):
    return [document for document in yaml.safe_load_all(text) if document]


def key(document):
    metadata = document["metadata"]
    return document["kind"], metadata.get("namespace", ""), metadata["name"]


def by_key(objects):
    """*objects* by kind, namespace and name."""
    found = {key(document): document for document in objects}
    assert len(found) == len(objects), "two objects of the same name"
    return found


def normalised(objects):
    """*objects* by key, without what only one of the two tools adds, lists by name in order."""
    found = by_key([_normalised(document) for document in objects])
    for (kind, _, _), document in found.items():
        if kind == "ConfigMap":
            texts = document["data"].items()
            document["data"] = {name: yaml.safe_load(text) for name, text in texts}
    return found


def _normalised(value):
    if isinstance(value, dict):
        return {
            name: _normalised(each)
            for name, each in value.items()
            if name not in _HELM_LABELS and not name.startswith("checksum/")
        }
    if isinstance(value, list):
        items = [_normalised(each) for each in value]
        named = all(isinstance(each, dict) and "name" in each for each in items)
        return sorted(items, key=lambda each: each["name"]) if named else items
    if isinstance(value, str):
        return re.sub(r"^viaduct-rules-[a-z0-9]{10}$", "viaduct-rules", value)
    return value


def only(objects, kind):
    """The objects of one kind."""
    return [document for document in objects if document["kind"] == kind]


def one(objects, kind):
    """The object of a kind of which there is one."""
    (found,) = only(objects, kind)
    return found


def container(objects):
    """The container of the Deployment."""
    (found,) = one(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
    return found


def environment(objects):
    """Environment of the container, those values that stand in it."""
    return {each["name"]: each["value"] for each in container(objects)["env"] if "value" in each}


def rights(objects):
    """What the service account may do by roles of its own: (where, group, resource): verbs."""
    roles = {(*key(role)[:2], key(role)[2]): role for role in objects if "Role" in role["kind"]}
    found = {}
    for binding in objects:
        if not binding["kind"].endswith("RoleBinding") or not _is_ours(binding["subjects"]):
            continue
        kind, name = binding["roleRef"]["kind"], binding["roleRef"]["name"]
        namespace = binding["metadata"].get("namespace", "")
        role = roles.get((kind, namespace if kind == "Role" else "", name))
        if role is None:
            found[namespace, kind, name] = ("bound",)
            continue
        for rule in role["rules"]:
            for group in rule["apiGroups"]:
                for resource in rule["resources"]:
                    for item in rule.get("resourceNames", [""]):
                        found[namespace, group, "/".join(filter(None, (resource, item)))] = tuple(
                            rule["verbs"]
                        )
    return found


def _is_ours(subjects):
    return [(each["kind"], each["name"]) for each in subjects] == [("ServiceAccount", "viaduct")]
