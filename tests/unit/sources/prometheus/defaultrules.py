"""The rules most users of prometheus-adapter began with."""

import yaml

GAUGE = "sum(<<.Series>>{<<.LabelMatchers>>%s}) by (<<.GroupBy>>)"
COUNTER = "sum(rate(<<.Series>>{<<.LabelMatchers>>%s}[1m])) by (<<.GroupBy>>)"


def default_rules(prefix=""):
    """What prometheus-adapter's ``config-gen`` writes, at a rate of 1m."""
    container = {
        "seriesQuery": '{__name__=~"^container_.*",container!="POD",namespace!="",pod!=""}',
        "resources": {
            "overrides": {"namespace": {"resource": "namespace"}, "pod": {"resource": "pod"}}
        },
    }
    other = {
        "seriesQuery": f'{{{prefix}namespace!="",__name__!~"^container_.*"}}',
        "resources": {"template": f"{prefix}<<.Resource>>"},
    }
    no_sandbox = ',container!="POD"'
    return yaml.safe_dump(
        {
            "rules": [
                {
                    **container,
                    "name": {"matches": "^container_(.*)_seconds_total$"},
                    "metricsQuery": COUNTER % no_sandbox,
                },
                {
                    **container,
                    "seriesFilters": [{"isNot": "^container_.*_seconds_total$"}],
                    "name": {"matches": "^container_(.*)_total$"},
                    "metricsQuery": COUNTER % no_sandbox,
                },
                {
                    **container,
                    "seriesFilters": [{"isNot": "^container_.*_total$"}],
                    "name": {"matches": "^container_(.*)$"},
                    "metricsQuery": GAUGE % no_sandbox,
                },
                {**other, "seriesFilters": [{"isNot": ".*_total$"}], "metricsQuery": GAUGE % ""},
                {
                    **other,
                    "seriesFilters": [{"isNot": ".*_seconds_total"}],
                    "name": {"matches": "^(.*)_total$"},
                    "metricsQuery": COUNTER % "",
                },
                {
                    **other,
                    "name": {"matches": "^(.*)_seconds_total$"},
                    "metricsQuery": COUNTER % "",
                },
            ]
        }
    )
