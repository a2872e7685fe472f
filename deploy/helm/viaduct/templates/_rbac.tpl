{{- /* A binding of a ClusterRole to the service account: (list $ NAME ROLE). */ -}}
{{- define "viaduct.clusterRoleBinding" -}}
{{- $root := index . 0 -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: {{ index . 1 | quote }}
  labels:
    {{- include "viaduct.labels" $root | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: {{ index . 2 | quote }}
subjects:
- kind: ServiceAccount
  name: {{ include "viaduct.serviceAccount" $root | quote }}
  namespace: {{ $root.Release.Namespace | quote }}
{{- end -}}

{{- /* A binding of a ClusterRole to the service account in one namespace: (list $ NAME ROLE NAMESPACE). */ -}}
{{- define "viaduct.roleBinding" -}}
{{- $root := index . 0 -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: {{ index . 1 | quote }}
  namespace: {{ index . 3 | quote }}
  labels:
    {{- include "viaduct.labels" $root | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: {{ index . 2 | quote }}
subjects:
- kind: ServiceAccount
  name: {{ include "viaduct.serviceAccount" $root | quote }}
  namespace: {{ $root.Release.Namespace | quote }}
{{- end -}}

{{- /* A ClusterRole up to its rules: (list $ NAME). */ -}}
{{- define "viaduct.clusterRole" -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: {{ index . 1 | quote }}
  labels:
    {{- include "viaduct.labels" (index . 0) | nindent 4 }}
{{- end -}}
