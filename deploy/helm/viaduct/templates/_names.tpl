{{- define "viaduct.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "viaduct.fullname" -}}
{{- $name := include "viaduct.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "viaduct.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "viaduct.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- required "serviceAccount.name is needed when serviceAccount.create is false" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "viaduct.selectorLabels" -}}
app.kubernetes.io/name: {{ include "viaduct.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- define "viaduct.labels" -}}
{{ include "viaduct.labelsWith" (list . dict) }}
{{- end -}}

{{- /* Labels with those of one object, which beat commonLabels: (list $ LABELS). */ -}}
{{- define "viaduct.labelsWith" -}}
{{- $root := index . 0 -}}
{{ include "viaduct.selectorLabels" $root }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- with merge dict (default dict (index . 1)) (default dict $root.Values.commonLabels) }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "viaduct.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- /* Groups to register, with the preferred version first. */ -}}
{{- define "viaduct.groups" -}}
{{- if .Values.apis.metrics }}
- {group: metrics.k8s.io, versions: [v1, v1beta1]}
{{- end }}
{{- if .Values.apis.custom }}
- {group: custom.metrics.k8s.io, versions: [v1beta2, v1beta1]}
{{- end }}
{{- if .Values.apis.external }}
- {group: external.metrics.k8s.io, versions: [v1beta1]}
{{- end }}
{{- end -}}

{{- define "viaduct.rulesConfigMap" -}}
{{- if .Values.rules.existingConfigMap -}}
{{ .Values.rules.existingConfigMap }}
{{- else if or .Values.rules.shipped .Values.rules.inline -}}
{{ include "viaduct.fullname" . }}-rules
{{- end -}}
{{- end -}}

{{- /* Ports to let out to Prometheus: policies see a pod's port, which need not be its Service's. */ -}}
{{- define "viaduct.prometheusPorts" -}}
{{- $urls := list .Values.prometheus.url -}}
{{- range .Values.rules.inline.backends -}}
{{- $urls = append $urls (default "" .url) -}}
{{- end -}}
{{- $ports := list -}}
{{- range compact $urls -}}
{{- $url := urlParse . -}}
{{- $usual := ternary 443 80 (eq $url.scheme "https") -}}
{{- $ports = append $ports (regexFind ":[0-9]+$" $url.host | trimPrefix ":" | default $usual | int) -}}
{{- end -}}
{{- if and $ports .Values.networkPolicy.prometheusPort -}}
{{- $ports = list (int .Values.networkPolicy.prometheusPort) -}}
{{- else if $ports -}}
{{- $ports = prepend $ports 9090 | uniq -}}
{{- end -}}
{{- toJson $ports -}}
{{- end -}}

{{- /* Seconds of a duration such as 1m30s. */ -}}
{{- define "viaduct.seconds" -}}
{{- $units := dict "ms" 0.001 "s" 1 "m" 60 "h" 3600 -}}
{{- $seconds := 0 -}}
{{- range regexFindAll "[0-9.]+[a-z]+" . -1 -}}
{{- $number := regexFind "^[0-9.]+" . -}}
{{- $seconds = addf $seconds (mulf $number (index $units (trimPrefix $number .))) -}}
{{- end -}}
{{- $seconds -}}
{{- end -}}

{{- /* Not empty when kubelets are read. */ -}}
{{- define "viaduct.readsKubelets" -}}
{{- if and .Values.apis.metrics (ne .Values.fallback "off") }}yes{{ end -}}
{{- end -}}

{{- /* Where the serving certificate comes from, if not from Viaduct itself. */ -}}
{{- define "viaduct.servingSecret" -}}
{{- if eq .Values.certificates.mode "cert-manager" -}}
{{ include "viaduct.fullname" . }}-serving
{{- else if eq .Values.certificates.mode "secret" -}}
{{- required "certificates.secret.name is needed with certificates.mode=secret" .Values.certificates.secret.name -}}
{{- end -}}
{{- end -}}
