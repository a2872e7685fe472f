"""Names and labels of the chart that a reader of YAML may take for something else than text."""

import re

import pytest
import yaml
from integration.manifests import NAMESPACE, by_key, chart, helm_template, one, only

ODD = ["y", "on", "null", "123", "1e3", "0x1f"]
"""What YAML reads as a boolean, a null or a number where it is not quoted."""

LABELS = "app\\.kubernetes\\.io"


class Strict(yaml.SafeLoader):
    """Reads YAML 1.1 to the letter, as kubectl does: ``y`` and ``n`` are booleans."""


Strict.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^[yYnN]$"), list("yYnN"))
Strict.add_constructor("tag:yaml.org,2002:bool", lambda _, node: f"boolean {node.value}")
Strict.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[0-9.]+[eE][0-9]+$"), list("0123456789.")
)


def rendered(*values, **named):
    """The objects, as kubectl reads them."""
    code, printed, complained = helm_template(*(f"--set-string={each}" for each in values), **named)
    assert code == 0, complained
    return [each for each in yaml.load_all(printed, Loader=Strict) if each]


def odd(value, path=""):
    """Paths below labels, annotations, names and namespaces whose value is no text."""
    if isinstance(value, dict):
        return [
            found
            for name, each in value.items()
            for found in odd(each, f"{path}/{name}")
            if isinstance(name, str) or pytest.fail(f"{path}: {name!r} is no text")
        ]
    if isinstance(value, list):
        return [found for each in value for found in odd(each, f"{path}[]")]
    text = re.search(
        r"/(labels|matchLabels|annotations|selector)/|/(\w*[nN]ame|namespace|value)$"
        r"|(secretName|dnsNames|resourceNames)",
        path,
    )
    return [path] if text and not (isinstance(value, str) and "boolean " not in value) else []


@pytest.mark.parametrize("word", ODD)
@pytest.mark.parametrize("mode", ["self-managed", "cert-manager"])
def test_names_are_text_whatever_they_look_like(word, mode):
    objects = rendered(
        *(f"nameOverride={word}", f"fullnameOverride={word}", f"certificates.mode={mode}"),
        *("hpaAnnotations.namespaces[0]=123", f"serviceAccount.name={word}"),
        *(f"rules.existingConfigMap={word}", f"prometheus.tokenSecret.name={word}"),
        *(f"prometheus.caConfigMap.name={word}", f"prometheus.headersSecret.name={word}"),
        *(f"prometheus.clientCertificateSecret={word}", f"priorityClassName={word}"),
        release=word if word in {"y", "on", "null", "123"} else "viaduct",
        namespace="123",
    )

    assert [found for each in objects for found in odd(each, each["kind"])] == []
    assert {each["metadata"].get("namespace") for each in objects} == {None, "123", "kube-system"}


@pytest.mark.parametrize("word", ODD)
def test_labels_and_annotations_are_text_whatever_they_look_like(word):
    places = [
        *("commonLabels", "podLabels", "podAnnotations", "apis.annotations"),
        *("service.annotations", "serviceAccount.annotations", "nodeSelector"),
    ]
    objects = rendered(*(f"{place}.{word}={word}" for place in places))

    assert [found for each in objects for found in odd(each, each["kind"])] == []
    pod = one(objects, "Deployment")["spec"]["template"]
    assert pod["metadata"]["labels"][word] == word
    assert pod["metadata"]["annotations"][word] == word
    assert pod["spec"]["nodeSelector"][word] == word


def test_a_label_of_pods_beats_that_of_all_objects():
    """Neither stands twice, which kube-apiserver warns of and Flux refuses."""
    flags = ["--set=commonLabels.team=a", "--set=commonLabels.tier=b", "--set=podLabels.team=c"]

    _, printed, _ = helm_template(*flags)
    objects = chart(*flags)

    assert len(re.findall(r"^ +team: ", printed, re.MULTILINE)) == len(objects) + 1
    labels = one(objects, "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert (labels["team"], labels["tier"]) == ("c", "b")
    assert one(objects, "Deployment")["metadata"]["labels"]["team"] == "a"


def test_the_selector_matches_whatever_labels_are_added():
    objects = chart(
        f"--set=commonLabels.{LABELS}/part-of=a", f"--set=podLabels.{LABELS}/component=b"
    )

    labels = one(objects, "Deployment")["spec"]["template"]["metadata"]["labels"]
    selector = one(objects, "Deployment")["spec"]["selector"]["matchLabels"]
    assert selector.items() <= labels.items()
    assert labels["app.kubernetes.io/part-of"] == "a"
    assert labels["app.kubernetes.io/component"] == "b"
    assert len(by_key(objects)) == len(objects)
    assert {each["metadata"].get("namespace") for each in only(objects, "Service")} == {NAMESPACE}
