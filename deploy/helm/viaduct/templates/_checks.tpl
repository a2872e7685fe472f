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
{{- include "viaduct.checkArguments" . -}}
{{- include "viaduct.checkLabels" . -}}
{{- include "viaduct.checkPeriods" . -}}
{{- include "viaduct.checkBudget" . -}}
{{- end -}}

{{- /* Flags that would not agree with the other objects. */ -}}
{{- define "viaduct.checkArguments" -}}
{{- $instead := dict
    "secure-port" "set port, which the Service and the probes follow"
    "config" "set rules.inline or rules.existingConfigMap, which are mounted"
    "prometheus-url" "set prometheus.url, which the network policy follows"
    "cert-dir" "the pod may write to /tmp alone, and has one there"
    "tls-cert-file" "set certificates.mode to secret, and certificates.secret.name"
    "tls-private-key-file" "set certificates.mode to secret, and certificates.secret.name"
    "shutdown-delay-duration" "set shutdownDelay, which must fit terminationGracePeriodSeconds"
-}}
{{- range .Values.extraArgs -}}
{{- $flag := regexReplaceAll "=.*" . "" | replace "_" "-" -}}
{{- with get $instead (trimPrefix "--" $flag) -}}
{{- if hasPrefix "--" $flag -}}
{{- fail (printf "extraArgs: leave out %s: %s" $flag .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "viaduct.checkLabels" -}}
{{- $taken := list "app.kubernetes.io/name" "app.kubernetes.io/instance" "app.kubernetes.io/version" "app.kubernetes.io/managed-by" "helm.sh/chart" -}}
{{- range $taken -}}
{{- if hasKey (default dict $.Values.podLabels) . -}}
{{- fail (printf "podLabels: %s is set by the chart itself: leave it out" .) -}}
{{- end -}}
{{- end -}}
{{- range append $taken "app.kubernetes.io/component" -}}
{{- if hasKey (default dict $.Values.commonLabels) . -}}
{{- fail (printf "commonLabels: %s is set by the chart itself: leave it out" .) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "viaduct.checkPeriods" -}}
{{- $timeout := 60.0 -}}
{{- range .Values.extraArgs -}}
{{- if hasPrefix "--request-timeout=" (toString .) -}}
{{- $timeout = include "viaduct.seconds" (trimPrefix "--request-timeout=" .) | float64 -}}
{{- end -}}
{{- end -}}
{{- $needed := addf (include "viaduct.seconds" .Values.shutdownDelay | float64) $timeout 5.0 -}}
{{- if lt (float64 .Values.terminationGracePeriodSeconds) $needed -}}
{{- fail (printf "terminationGracePeriodSeconds=%v must be at least %v, which is shutdownDelay, --request-timeout and 5 s: the pod would be killed while it answers" .Values.terminationGracePeriodSeconds $needed) -}}
{{- end -}}
{{- with .Values.metricResolution -}}
{{- $seconds := include "viaduct.seconds" . | float64 -}}
{{- if lt $seconds 10.0 -}}
{{- fail (printf "metricResolution=%s must be at least 10s: kubelets refresh their metrics no faster" .) -}}
{{- end -}}
{{- $given := list $.Values.extraArgs $.Values.extraEnv | toJson | lower | replace "_" "-" -}}
{{- if and (lt (mulf $seconds 0.9) 10.0) (not (contains "kubelet-request-timeout" $given)) -}}
{{- fail (printf "metricResolution=%s needs --kubelet-request-timeout in extraArgs: it is 10s, and must not be longer than nine tenths of the period" .) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* A budget that keeps every pod makes drains wait for ever. A share is rounded up. */ -}}
{{- define "viaduct.checkBudget" -}}
{{- $replicas := int .Values.replicas -}}
{{- $given := toString .Values.podDisruptionBudget.minAvailable -}}
{{- $kept := int $given -}}
{{- if hasSuffix "%" $given -}}
{{- $kept = div (add 99 (mul $replicas (trimSuffix "%" $given | int))) 100 | int -}}
{{- end -}}
{{- if and .Values.podDisruptionBudget.enabled (gt $replicas 1) (ge $kept $replicas) -}}
{{- fail (printf "podDisruptionBudget.minAvailable=%s of replicas=%d lets no pod be drained: lower the one or raise the other" $given $replicas) -}}
{{- end -}}
{{- end -}}
