"""A backend whose answers a test gives, for sources that ask by rules."""

import json

import yaml

from adapter.errors import SourceError
from adapter.model.restmapper import BUILTIN
from adapter.promql.response import VectorAnswer
from adapter.rules.compiled import compile_rule
from adapter.rules.mapping import ResourceMapping
from adapter.rules.registry import Finding, SeriesRegistry
from adapter.rules.schema import RuleFile
from adapter.sources.prometheus.client import Vector


class Answering:
    """Stands for a backend.

    Attributes:
        asked: The queries, in order.
        answer: Function of a query: a list of (labels, value), a number for a scalar, or an error.
        warnings: What comes with each answer.
    """

    def __init__(self, clock):
        self.asked = []
        self.answer = lambda _: []
        self.warnings = ()
        self._clock = clock

    async def query(self, promql, *, at=None, scalar=False):
        self.asked.append(promql)
        given = self.answer(promql)
        if isinstance(given, SourceError):
            raise given
        if isinstance(given, list):
            rows = [{"metric": labels, "value": [at, str(value)]} for labels, value in given]
            data = {"resultType": "vector", "result": rows}
        else:
            data = {"resultType": "scalar", "result": [at, str(given)]}
        body = json.dumps({"status": "success", "data": data}).encode()
        pieces = VectorAnswer(body, scalar=scalar).pieces()
        return Vector([sample for piece in pieces for sample in piece], self.warnings)


class OneBackend:
    """Gives the same backend for each name, and remembers the names."""

    def __init__(self, backend):
        self.names = []
        self._backend = backend

    def get(self, name):
        self.names.append(name)
        return self._backend


class FoundSeries:
    """Stands for discovery: every rule has found the one series it names."""

    def __init__(self, text):
        file = RuleFile.model_validate(yaml.safe_load(text))
        self.requested = 0
        custom = self._findings(file.rules, "rules")
        external = self._findings(file.external_rules, "externalRules")
        self.registry = SeriesRegistry(custom, external)

    def mapping(self, rule):
        section = rule.rule.resources
        return ResourceMapping(section, BUILTIN, namespace_label=rule.rule.namespace_label)

    def request_relist(self):
        self.requested += 1

    def why_unknown(self, metric, resource):
        return "no rule gives it"

    def _findings(self, rules, section):
        for number, rule in enumerate(rules):
            compiled = compile_rule(rule, f"{section}[{number}]")
            series = compiled.selector.name if compiled.selector else ""
            mapping = self.mapping(compiled)
            infos = [mapping.resource_for(label) for label in mapping.override_labels]
            found = {info: {series} for info in infos if info is not None}
            yield Finding(compiled, {series: compiled.namer.name_for(series)}, found)
