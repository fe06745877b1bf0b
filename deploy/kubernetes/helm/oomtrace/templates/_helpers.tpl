{{- define "oomtrace.selector" -}}
app.kubernetes.io/name: oomtrace
{{- end }}

{{- define "oomtrace.labels" -}}
{{ include "oomtrace.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}

{{- define "oomtrace.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag }}{{ with .Values.image.digest }}@{{ . }}{{ end }}
{{- end }}

{{- define "oomtrace.config" -}}
[capture]
backfill = {{ .Values.kernelLog }}

[store]
path = "/var/lib/oomtrace"
max_size = {{ .Values.store.maxSize | quote }}
max_age = {{ .Values.store.maxAge | quote }}

[metrics]
listen = "0.0.0.0:{{ .Values.metricsPort }}"

{{ .Values.sinks }}
{{- if .Values.events.enabled }}
[[sink]]
type = "kubernetes"
events = ["oom_kill"]
{{- end }}
{{- end }}
