{{- define "licheng.name" -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{- define "licheng.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}{{ .repository }}@{{ .digest }}
{{- else -}}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "licheng.selector" -}}
app.kubernetes.io/name: licheng
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "licheng.labels" -}}
{{ include "licheng.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | trunc 63 | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{/* The enabled targets, each merged over the defaults, as YAML of name → settings. */}}
{{- define "licheng.targets" -}}
{{- range $name, $target := .Values.targets }}
{{- if $target.enabled }}
{{ dict $name (mergeOverwrite (deepCopy $.Values.defaults) $target) | toYaml }}
{{- end }}
{{- end }}
{{- end }}

{{- define "licheng.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* One environment entry by reference; takes (list variable secretName key). */}}
{{- define "licheng.secretEnv" -}}
- name: {{ index . 0 }}
  valueFrom:
    secretKeyRef:
      name: {{ index . 1 }}
      key: {{ index . 2 }}
{{- end }}

{{- define "licheng.host" -}}
{{- (urlParse .).hostname -}}
{{- end }}
