"""Which requests are audited: a ``Policy`` of ``audit.k8s.io/v1``.

As apiserver's ``pkg/audit/policy``: the first rule that matches decides, and without one nothing is
recorded. What ``Request`` and ``RequestResponse`` record besides ``Metadata`` is bodies; nothing
here has a body to record but the answers, which are no secret worth that space.
"""

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import msgspec
import yaml

from adapter.errors import ConfigError
from adapter.model.identity import Attributes, UserInfo

API_VERSION = "audit.k8s.io/v1"


class Level(StrEnum):
    """How much of a request is recorded."""

    NONE = "None"
    METADATA = "Metadata"
    REQUEST = "Request"
    REQUEST_RESPONSE = "RequestResponse"


class Stage(StrEnum):
    """When in the life of a request an event is made."""

    REQUEST_RECEIVED = "RequestReceived"
    RESPONSE_STARTED = "ResponseStarted"
    RESPONSE_COMPLETE = "ResponseComplete"
    PANIC = "Panic"


class GroupResources(msgspec.Struct, frozen=True, rename="camel"):
    """Resources of an API group; ``*`` is every group, no resources are all of them."""

    group: str = ""
    resources: tuple[str, ...] = ()
    resource_names: tuple[str, ...] = ()


class Rule(msgspec.Struct, frozen=True, rename="camel"):
    """What is recorded of the requests it matches; what is empty matches all."""

    level: Level
    users: tuple[str, ...] = ()
    user_groups: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ()
    resources: tuple[GroupResources, ...] = ()
    namespaces: tuple[str, ...] = ()
    non_resource_urls: tuple[str, ...] = msgspec.field(default=(), name="nonResourceURLs")
    omit_stages: tuple[Stage, ...] = ()

    def matches(self, user: UserInfo | None, attributes: Attributes) -> bool:
        """Whether it is about this request of *user*, who is None before that is known."""
        if self.users and (user is None or user.name not in self.users):
            return False
        if self.user_groups and (user is None or set(self.user_groups).isdisjoint(user.groups)):
            return False
        if self.verbs and attributes.verb not in self.verbs:
            return False
        if self.namespaces or self.resources:
            return attributes.is_resource and self._matches_resource(attributes)
        if self.non_resource_urls:
            return not attributes.is_resource and any(
                _matches_path(url, attributes.path) for url in self.non_resource_urls
            )
        return True

    def _matches_resource(self, attributes: Attributes) -> bool:
        if self.namespaces and attributes.namespace not in self.namespaces:
            return False
        return not self.resources or any(
            _matches_resources(each, attributes) for each in self.resources
        )


class Decision(NamedTuple):
    """What is recorded of a request, and which of its stages are not."""

    level: Level
    omit_stages: frozenset[Stage]


class Policy(msgspec.Struct, frozen=True, rename="camel"):
    """The rules, in order."""

    api_version: str
    kind: str
    rules: tuple[Rule, ...]
    omit_stages: tuple[Stage, ...] = ()

    def decide(self, user: UserInfo | None, attributes: Attributes) -> Decision:
        """What is recorded of this request."""
        for rule in self.rules:
            if rule.matches(user, attributes):
                return Decision(rule.level, frozenset((*self.omit_stages, *rule.omit_stages)))
        return Decision(Level.NONE, frozenset(self.omit_stages))

    @property
    def wants_bodies(self) -> bool:
        """Whether a rule asks for more than is recorded here."""
        return any(rule.level not in {Level.NONE, Level.METADATA} for rule in self.rules)


def read_policy(path: str) -> Policy:
    """Read the policy in the file *path*.

    Raises:
        ConfigError: It cannot be read, or is none; every problem of its rules is named.
    """
    try:
        content = yaml.safe_load(Path(path).read_bytes())
        policy = msgspec.convert(content, Policy)
    except OSError as error:
        raise ConfigError([f"--audit-policy-file {path}: {error.strerror}"]) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        text = " ".join(str(error).split())
        raise ConfigError([f"--audit-policy-file {path} is no YAML: {text}"]) from error
    except msgspec.ValidationError as error:
        raise ConfigError([f"--audit-policy-file {path}: {error}"]) from error
    problems = [f"--audit-policy-file {path}: {problem}" for problem in _problems(policy)]
    if problems:
        raise ConfigError(problems)
    return policy


def _problems(policy: Policy) -> Iterator[str]:
    """What is wrong (apiserver ``pkg/apis/audit/validation``)."""
    if (policy.api_version, policy.kind) != (API_VERSION, "Policy"):
        yield f"it is a {policy.kind} of {policy.api_version}, not a Policy of {API_VERSION}"
    if not policy.rules:
        yield "it has no rules: nothing would ever be recorded"
    for number, rule in enumerate(policy.rules):
        for problem in _rule_problems(rule):
            yield f"rules[{number}]: {problem}"


def _rule_problems(rule: Rule) -> Iterator[str]:
    if rule.non_resource_urls and (rule.resources or rule.namespaces):
        yield "nonResourceURLs cannot be together with resources or namespaces"
    for url in rule.non_resource_urls:
        if url != "*" and not url.startswith("/"):
            yield f'nonResourceURLs: "{url}" must begin with /'
        if "*" in url[:-1]:
            yield f'nonResourceURLs: "{url}" may have a * only at its end'
    for each in rule.resources:
        if "/" in each.group:
            yield f'resources: group "{each.group}" must be a group without a version'
        if each.resource_names and not each.resources:
            yield "resources: resourceNames needs resources"


def _matches_path(pattern: str, path: str) -> bool:
    if pattern.endswith("*"):
        return path.startswith(pattern.rstrip("*"))
    return path == pattern


def _matches_resources(wanted: GroupResources, attributes: Attributes) -> bool:
    if wanted.group not in {attributes.group, "*"}:
        return False
    if not wanted.resources:
        return True
    if wanted.resource_names and attributes.name not in wanted.resource_names:
        return False
    return not _names_of(attributes).isdisjoint(wanted.resources)


def _names_of(attributes: Attributes) -> set[str]:
    """Everything a rule may call the resource of a request."""
    resource, subresource = attributes.resource, attributes.subresource
    names = {"*", f"{resource}/*", f"{resource}/{subresource}" if subresource else resource}
    return names | {f"*/{subresource}"} if subresource else names
