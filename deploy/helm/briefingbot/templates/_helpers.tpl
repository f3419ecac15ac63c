{{- define "briefingbot.name" -}}
{{- if contains "briefingbot" .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-briefingbot" (.Release.Name | trunc 40 | trimSuffix "-") -}}
{{- end -}}
{{- end -}}

{{- define "briefingbot.selector" -}}
app.kubernetes.io/name: briefingbot
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "briefingbot.labels" -}}
{{ include "briefingbot.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "briefingbot.image" -}}
{{- $tag := toString .Values.image.tag -}}
{{- if hasPrefix "sha256:" $tag -}}
{{- printf "%s@%s" .Values.image.repository $tag -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository $tag -}}
{{- end -}}
{{- end -}}
