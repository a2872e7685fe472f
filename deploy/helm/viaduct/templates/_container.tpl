{{- /* Environment of the container. Flags are variables as in the kustomize base; extraArgs beat them. */ -}}
{{- define "viaduct.env" -}}
- name: VIADUCT_CERT_DIR
  value: /tmp/serving-cert
- name: VIADUCT_SHUTDOWN_DELAY_DURATION
  value: {{ .Values.shutdownDelay }}
{{- if ne (int .Values.port) 6443 }}
- name: VIADUCT_SECURE_PORT
  value: {{ .Values.port | quote }}
{{- end }}
{{- if eq .Values.certificates.mode "self-managed" }}
- name: VIADUCT_SELF_MANAGED_CERTIFICATES
  value: "true"
- name: VIADUCT_SERVICE_NAME
  value: {{ include "viaduct.fullname" . | quote }}
{{- end }}
{{- if include "viaduct.servingSecret" . }}
- name: VIADUCT_TLS_CERT_FILE
  value: /etc/viaduct/serving/tls.crt
- name: VIADUCT_TLS_PRIVATE_KEY_FILE
  value: /etc/viaduct/serving/tls.key
{{- end }}
{{- if include "viaduct.readsKubelets" . }}
- name: VIADUCT_KUBELET_USE_NODE_STATUS_PORT
  value: "true"
{{- end }}
{{- if .Values.kubelets.insecureTLS }}
- name: VIADUCT_KUBELET_INSECURE_TLS
  value: "true"
{{- end }}
{{- with .Values.metricResolution }}
- name: VIADUCT_METRIC_RESOLUTION
  value: {{ . }}
{{- end }}
{{- if ne .Values.fallback "warm" }}
- name: VIADUCT_FALLBACK
  value: {{ .Values.fallback | quote }}
{{- end }}
{{- if include "viaduct.rulesConfigMap" . }}
- name: VIADUCT_CONFIG
  value: /etc/viaduct/rules
{{- end }}
{{- with .Values.jsonSource.allow }}
- name: VIADUCT_JSON_ALLOW
  value: {{ join "," . | quote }}
{{- end }}
{{- with .Values.hpaAnnotations.namespaces }}
- name: VIADUCT_HPA_ANNOTATIONS
  value: {{ join "," . | quote }}
{{- end }}
{{- include "viaduct.prometheusEnv" . }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "viaduct.prometheusEnv" -}}
{{- with .Values.prometheus }}
{{- if .url }}
- name: VIADUCT_PROMETHEUS_URL
  value: {{ .url | quote }}
{{- end }}
{{- if .inCluster }}
- name: VIADUCT_PROMETHEUS_AUTH_INCLUSTER
  value: "true"
{{- end }}
{{- if .tokenSecret.name }}
- name: VIADUCT_PROMETHEUS_TOKEN_FILE
  value: /etc/viaduct/prometheus-token/{{ .tokenSecret.key }}
{{- end }}
{{- if .headersSecret.name }}
- name: VIADUCT_PROMETHEUS_HEADER
  valueFrom:
    secretKeyRef:
      name: {{ .headersSecret.name | quote }}
      key: {{ .headersSecret.key | quote }}
{{- end }}
{{- if .caConfigMap.name }}
- name: VIADUCT_PROMETHEUS_CA_FILE
  value: /etc/viaduct/prometheus-ca/{{ .caConfigMap.key }}
{{- end }}
{{- if .clientCertificateSecret }}
- name: VIADUCT_PROMETHEUS_CLIENT_TLS_CERT_FILE
  value: /etc/viaduct/prometheus-client/tls.crt
- name: VIADUCT_PROMETHEUS_CLIENT_TLS_KEY_FILE
  value: /etc/viaduct/prometheus-client/tls.key
{{- end }}
{{- end }}
{{- end -}}

{{- /* Volumes as a map of name and source: what mounts and volumes are made of. */ -}}
{{- define "viaduct.mounted" -}}
{{- with include "viaduct.rulesConfigMap" . }}
rules: {configMap: {name: {{ . | quote }}}}
{{- end }}
{{- with include "viaduct.servingSecret" . }}
serving: {secret: {secretName: {{ . | quote }}}}
{{- end }}
{{- with .Values.prometheus.tokenSecret.name }}
prometheus-token: {secret: {secretName: {{ . | quote }}}}
{{- end }}
{{- with .Values.prometheus.caConfigMap.name }}
prometheus-ca: {configMap: {name: {{ . | quote }}}}
{{- end }}
{{- with .Values.prometheus.clientCertificateSecret }}
prometheus-client: {secret: {secretName: {{ . | quote }}}}
{{- end }}
{{- end -}}

{{- define "viaduct.spread" -}}
{{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
- topologyKey: {{ . }}
  maxSkew: 1
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels:
      {{- include "viaduct.selectorLabels" $ | nindent 6 }}
  matchLabelKeys: [pod-template-hash]
{{- end }}
{{- end -}}

{{- define "viaduct.probe" -}}
httpGet:
  path: {{ . }}
  port: https
  scheme: HTTPS
timeoutSeconds: 5
{{- end -}}
