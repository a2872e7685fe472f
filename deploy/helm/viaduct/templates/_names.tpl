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
app.kubernetes.io/name: {{ include "viaduct.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "viaduct.labels" -}}
{{ include "viaduct.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
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
