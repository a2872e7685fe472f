{{- /* What the schema cannot say: values that do not go together. */ -}}
{{- define "viaduct.checks" -}}
{{- $rules := .Values.rules -}}
{{- $known := not $rules.existingConfigMap -}}
{{- if and $rules.existingConfigMap (or $rules.shipped $rules.inline) -}}
{{- fail "rules.existingConfigMap takes the place of rules.shipped and rules.inline: give one or the others" -}}
{{- end -}}
{{- if and .Values.prometheus.url (not (include "viaduct.rulesConfigMap" .)) -}}
{{- fail "prometheus.url needs rules: set rules.shipped, rules.inline or rules.existingConfigMap" -}}
{{- end -}}
{{- $annotated := .Values.hpaAnnotations.namespaces -}}
{{- if and .Values.apis.custom $known (not $rules.inline.rules) (not $annotated) -}}
{{- fail "apis.custom needs rules.inline.rules, rules.existingConfigMap or hpaAnnotations.namespaces: a group without rules is not served" -}}
{{- end -}}
{{- if and .Values.apis.external $known (not $rules.inline.externalRules) (not $annotated) -}}
{{- fail "apis.external needs rules.inline.externalRules, rules.existingConfigMap or hpaAnnotations.namespaces: a group without rules is not served" -}}
{{- end -}}
{{- if .Values.apis.metrics -}}
{{- $resources := or $rules.shipped $rules.inline.resourceRules -}}
{{- if and (eq .Values.fallback "off") (not .Values.prometheus.url) -}}
{{- fail "fallback=off needs prometheus.url: nothing would be left to serve metrics.k8s.io from" -}}
{{- end -}}
{{- if and $known (or $rules.inline.rules $rules.inline.externalRules) (not $resources) (ne .Values.fallback "primary") -}}
{{- fail "apis.metrics needs resource rules beside other rules: set rules.shipped to [rules.kubelet.yaml], or fallback to primary to have the kubelets serve, or apis.metrics to false" -}}
{{- end -}}
{{- end -}}
{{- if not (or .Values.apis.metrics .Values.apis.custom .Values.apis.external) -}}
{{- fail "apis.metrics, apis.custom and apis.external are all false: nothing would be served" -}}
{{- end -}}
{{- end -}}
