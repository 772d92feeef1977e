{{/* The alert rules, with what `<...>` stands for in them filled in: dashboards/alerts.py. */}}
{{- define "batt.rules" -}}
{{- $rules := .Files.Get "files/rules.yaml" -}}
{{- $words := dict "namespace" .Release.Namespace "runNamespaces" (include "batt.runNamespaceExpression" .) "runbooks" .Values.metrics.rules.runbooks -}}
{{- range $name, $value := merge $words .Values.metrics.rules.thresholds -}}
{{- $rules = replace (printf "<%s>" $name) (toString $value) $rules -}}
{{- end -}}
{{ $rules }}
{{- end }}

{{/* Regular expression of the namespaces that hold runs. */}}
{{- define "batt.runNamespaceExpression" -}}
{{- if .Values.watch.allNamespaces }}.*{{ else }}{{ include "batt.watched" . }}{{ end -}}
{{- end }}

{{/* Labels of the pods that do the work of runs. */}}
{{- define "batt.workSelector" -}}
app.kubernetes.io/managed-by: batt
batt.dev/stage: work
{{- end }}
