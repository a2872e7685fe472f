"""HPAs with annotations: those of kube-metrics-adapter's documentation, and mistyped ones."""

from adapter.model.autoscaling import HorizontalPodAutoscaler, MetricSpec, ObjectName, SourceType

TARGET = ObjectName("apps/v1", "Deployment", "myapp")
SERVERS = {"default": "http://prometheus:9090", "team-a": "http://prometheus.my-namespace.svc"}

RPS = "metric-config.pods.requests-per-second.json-path"
UNIQUE = "metric-config.external.unique-metric-name.json-path"
EVENTS = "metric-config.external.processed-events-per-second.prometheus"
OBJECT = "metric-config.object.processed-events-per-second.prometheus"
LEGACY = "metric-config.external.prometheus-query.prometheus"
# as documented, but for the name of the series, where a minus makes it no PromQL
QUERY = (
    'scalar(sum(rate(event_service_events_count{application="event-service",processed="true"}'
    "[1m])))"
)

POD_EXAMPLE = {
    f"{RPS}/json-key": "$.http_server.rps",
    f"{RPS}/path": "/metrics",
    f"{RPS}/port": "9090",
    f"{RPS}/scheme": "https",
    f"{RPS}/aggregator": "max",
    f"{RPS}/interval": "60s",
    f"{RPS}/min-pod-ready-age": "30s",
}
HTTP_EXAMPLE = {
    f"{UNIQUE}/json-key": "$.some-metric.value",
    f"{UNIQUE}/endpoint": "http://metric-source.app-namespace:8080/metrics",
    f"{UNIQUE}/aggregator": "max",
    f"{UNIQUE}/interval": "60s",
}
PROMETHEUS_EXAMPLE = {
    f"{EVENTS}/prometheus-server": "http://prometheus.my-namespace.svc",
    f"{EVENTS}/query": f"{QUERY}\n",
    f"{EVENTS}/interval": "60s",
}
OBJECT_EXAMPLE = {f"{OBJECT}/query": f"{QUERY}\n", f"{OBJECT}/per-replica": "true"}
LEGACY_EXAMPLE = {
    f"{LEGACY}/prometheus-server": "http://prometheus.my-namespace.svc",
    f"{LEGACY}/processed-events-per-second": f"{QUERY}\n",
}

PODS_SPEC = MetricSpec(SourceType.PODS, "requests-per-second")
HTTP_SPEC = MetricSpec(SourceType.EXTERNAL, "unique-metric-name", {"type": "json-path"})
EVENTS_SPEC = MetricSpec(SourceType.EXTERNAL, "processed-events-per-second", {"type": "prometheus"})
OBJECT_SPEC = MetricSpec(
    SourceType.OBJECT,
    "processed-events-per-second",
    described=ObjectName("v1", "Pod", "dummy-pod"),
)
LEGACY_SPEC = MetricSpec(
    SourceType.EXTERNAL, "prometheus-query", {"query-name": "processed-events-per-second"}
)


def hpa(annotations, *metrics, name="myapp-hpa", namespace="shop", target=TARGET, **more):
    return HorizontalPodAutoscaler(
        namespace=namespace,
        name=name,
        uid=f"hpa-{namespace}-{name}",
        annotations=annotations,
        target=target,
        metrics=metrics,
        **more,
    )


def wire_metric(spec):
    """*spec* as in ``spec.metrics`` of autoscaling/v2."""
    word = spec.type.lower()
    metric = {"name": spec.name}
    if spec.match_labels:
        metric["selector"] = {"matchLabels": dict(spec.match_labels)}
    if spec.has_expressions:
        expression = {"key": "a", "operator": "Exists"}
        metric.setdefault("selector", {})["matchExpressions"] = [expression]
    source = {"metric": metric, "target": {"type": "AverageValue", "averageValue": "1"}}
    if spec.described is not None:
        version, kind, name = spec.described
        source["describedObject"] = {"apiVersion": version, "kind": kind, "name": name}
    return {"type": spec.type.value, word: source}


def without(annotations, *endings):
    return {key: value for key, value in annotations.items() if not key.endswith(endings)}


TYPOS = {
    "no slash": (
        {**POD_EXAMPLE, f"{RPS}.raw-query": "a=b"},
        (PODS_SPEC,),
        f"{RPS}.raw-query: there is no '/' before the option; did you mean '{RPS}/raw-query'?",
    ),
    "a part is missing": (
        {"metric-config.requests-per-second.json-path/json-key": "$.a"},
        (PODS_SPEC,),
        (
            "metric-config.requests-per-second.json-path/json-key: the type (pods, object or "
            "external) is missing; write metric-config.<type>.<metric>.<collector>/<option>"
        ),
    ),
    "prefix": (
        {"metrics-config.pods.requests-per-second.json-path/json-key": "$.a"},
        (PODS_SPEC,),
        "'metrics-config' defines no metric; did you mean 'metric-config'?",
    ),
    "type": (
        {"metric-config.pod.requests-per-second.json-path/json-key": "$.a"},
        (PODS_SPEC,),
        "there is no type 'pod'; did you mean 'pods'?",
    ),
    "collector": (
        {"metric-config.external.processed-events-per-second.promethues/query": "1"},
        (EVENTS_SPEC,),
        (
            "there is no collector 'promethues' for metrics of type External; "
            "did you mean 'prometheus'?"
        ),
    ),
    "collector that there is not": (
        {"metric-config.external.queue.influxdb/query": "1"},
        (MetricSpec(SourceType.EXTERNAL, "queue", {"type": "influxdb"}),),
        (
            "the collector 'influxdb' of kube-metrics-adapter is not supported; "
            "there are json-path and prometheus; or write a rule"
        ),
    ),
    "option": (
        {**without(POD_EXAMPLE, "/json-key"), f"{RPS}/json-keys": "$.a"},
        (PODS_SPEC,),
        f"{RPS}/json-keys: there is no option 'json-keys' here; did you mean 'json-key'?",
    ),
    "duration": (
        {**POD_EXAMPLE, f"{RPS}/interval": "60"},
        (PODS_SPEC,),
        f"{RPS}/interval: '60' is no duration; add a unit: 60s",
    ),
    "port": (
        {**POD_EXAMPLE, f"{RPS}/port": "http"},
        (PODS_SPEC,),
        f"{RPS}/port: 'http' is no port; write its number, 1 to 65535",
    ),
    "aggregator": (
        {**POD_EXAMPLE, f"{RPS}/aggregator": "average"},
        (PODS_SPEC,),
        f"{RPS}/aggregator: 'average' is not known; did you mean 'avg'?",
    ),
    "scheme": (
        {**POD_EXAMPLE, f"{RPS}/scheme": "htps"},
        (PODS_SPEC,),
        f"{RPS}/scheme: 'htps' is not known; did you mean 'https'?",
    ),
    "JSONPath": (
        {**POD_EXAMPLE, f"{RPS}/json-key": "{.http_server.rps}"},
        (PODS_SPEC,),
        f"{RPS}/json-key: ",
    ),
    "metric": (
        {key.replace("second", "secnd"): value for key, value in POD_EXAMPLE.items()},
        (PODS_SPEC,),
        "no metric of this HPA is called 'requests-per-secnd'; did you mean 'requests-per-second'?",
    ),
    "metric with an underscore": (
        POD_EXAMPLE,
        (MetricSpec(SourceType.PODS, "requests_per_second"),),
        (
            "it is called 'requests_per_second', and a key of an annotation can have neither '_' "
            "nor capitals: call the metric by what stands in the key"
        ),
    ),
    "other type": (
        {key.replace("pods", "external"): value for key, value in POD_EXAMPLE.items()},
        (PODS_SPEC,),
        (
            "the metric requests-per-second of this HPA is of type Pods, not External; "
            "begin with metric-config.pods."
        ),
    ),
    "two collectors": (
        {**HTTP_EXAMPLE, UNIQUE.replace("json-path", "prometheus") + "/query": "1"},
        (HTTP_SPEC,),
        (
            f"the metric has annotations of another collector, too: {UNIQUE}; "
            "remove those of one of them"
        ),
    ),
    "query": (
        without(PROMETHEUS_EXAMPLE, "/query"),
        (EVENTS_SPEC,),
        f"{EVENTS}/query: is missing; write the PromQL whose result is the metric",
    ),
    "endpoint": (
        without(HTTP_EXAMPLE, "/endpoint"),
        (HTTP_SPEC,),
        f"{UNIQUE}/endpoint: is missing; write the URL of the document",
    ),
    "server": (
        {**PROMETHEUS_EXAMPLE, f"{EVENTS}/prometheus-server": "http://elsewhere"},
        (EVENTS_SPEC,),
        (
            f"{EVENTS}/prometheus-server: this server may not be asked: no server known here has "
            "this URL; let it be added to 'backends' of the rule file"
        ),
    ),
    "alias": (
        {f"{EVENTS}/query": "1", f"{EVENTS}/prometheus-server-alias": "team-b"},
        (EVENTS_SPEC,),
        f"{EVENTS}/prometheus-server-alias: there is no server 'team-b'; did you mean 'team-a'?",
    ),
    "key and script": (
        {**POD_EXAMPLE, f"{RPS}/json-eval": "ceil($.a)"},
        (PODS_SPEC,),
        f"{RPS}/json-eval: there is json-key, too; give one of them",
    ),
    "per-replica": (
        {**OBJECT_EXAMPLE, f"{OBJECT}/per-replica": "yes"},
        (OBJECT_SPEC,),
        f"{OBJECT}/per-replica: 'yes' is not known; write \"true\", or leave it out",
    ),
    "matchExpressions": (
        HTTP_EXAMPLE,
        (MetricSpec(SourceType.EXTERNAL, "unique-metric-name", {}, has_expressions=True),),
        "the selector of the metric unique-metric-name has matchExpressions; use matchLabels alone",
    ),
    "type of the selector": (
        HTTP_EXAMPLE,
        (MetricSpec(SourceType.EXTERNAL, "unique-metric-name", {"type": "prometheus"}),),
        (
            "the selector of the metric unique-metric-name says type: prometheus; "
            "write type: json-path, or annotations for prometheus"
        ),
    ),
}
"""By name: annotations, the metrics of the HPA, and what a person is told."""
