{{- /* A binding of a ClusterRole to the service account: (list $ NAME ROLE). */ -}}
{{- define "viaduct.clusterRoleBinding" -}}
{{- $root := index . 0 -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: {{ index . 1 }}
  labels:
    {{- include "viaduct.labels" $root | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: {{ index . 2 }}
subjects:
- kind: ServiceAccount
  name: {{ include "viaduct.serviceAccount" $root }}
  namespace: {{ $root.Release.Namespace }}
{{- end -}}

{{- /* A binding of a ClusterRole to the service account in one namespace: (list $ NAME ROLE NAMESPACE). */ -}}
{{- define "viaduct.roleBinding" -}}
{{- $root := index . 0 -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: {{ index . 1 }}
  namespace: {{ index . 3 }}
  labels:
    {{- include "viaduct.labels" $root | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: {{ index . 2 }}
subjects:
- kind: ServiceAccount
  name: {{ include "viaduct.serviceAccount" $root }}
  namespace: {{ $root.Release.Namespace }}
{{- end -}}

{{- /* A ClusterRole up to its rules: (list $ NAME). */ -}}
{{- define "viaduct.clusterRole" -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: {{ index . 1 }}
  labels:
    {{- include "viaduct.labels" (index . 0) | nindent 4 }}
{{- end -}}
