{{/* Names and labels that several templates share. */}}

{{/* Name that all objects begin with: the release's, with the chart's where it does not hold it. */}}
{{- define "batt.fullname" -}}
{{- $name := .Release.Name -}}
{{- if not (contains .Chart.Name $name) }}{{ $name = printf "%s-%s" $name .Chart.Name }}{{ end -}}
{{- $name | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{/* The same for objects without a namespace: two releases of one name in two namespaces must not collide. */}}
{{- define "batt.clusterName" -}}
{{ .Release.Namespace }}-{{ include "batt.fullname" . }}
{{- end }}

{{/* Labels by which the operator's pods are found; they never change. */}}
{{- define "batt.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "batt.labels" -}}
{{ include "batt.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "batt.workerAccount" -}}
{{- $account := .Values.worker.serviceAccount -}}
{{ $account.name | default (ternary (printf "%s-worker" (include "batt.fullname" .)) "default" $account.create) }}
{{- end }}

{{- define "batt.watched" -}}
{{ .Values.watch.namespace | default .Release.Namespace }}
{{- end }}

{{/* Namespaces that hold runs and what their pods need, as JSON in a block: templates return text only. */}}
{{- define "batt.runNamespaces" -}}
{{- if .Values.watch.allNamespaces -}}
{{ dict "names" (.Values.watch.prepare | default (list .Release.Namespace)) | toJson }}
{{- else -}}
{{ dict "names" (list (include "batt.watched" .)) | toJson }}
{{- end -}}
{{- end }}

{{/* Reference of an image. Takes: root, and the entry of `images`. */}}
{{- define "batt.image" -}}
{{- with .root.Values.images.registry }}{{ . | trimSuffix "/" }}/{{ end -}}
{{ .image.name }}
{{- if .image.digest }}@{{ .image.digest }}{{ else }}:{{ .image.tag | default .root.Chart.AppVersion }}{{ end -}}
{{- end }}

{{/* Reference of a pool's image: an entry of `images` by its key, or an image in full. Takes: root, image. */}}
{{- define "batt.poolImage" -}}
{{- if has .image (list "worker" "workerL4") -}}
{{ include "batt.image" (dict "root" .root "image" (get .root.Values.images .image)) }}
{{- else -}}
{{ .image }}
{{- end -}}
{{- end }}

{{/* The operator's configuration: batt_operator/settings.py says what each field means. */}}
{{- define "batt.config" -}}
{{- include "batt.check" . -}}
{{- $root := . -}}
{{- if not .Values.watch.allNamespaces }}
namespace: {{ include "batt.watched" . }}
{{- end }}
image: {{ include "batt.image" (dict "root" . "image" .Values.images.worker) }}
{{- with .Values.images.pullPolicy }}
imagePullPolicy: {{ . }}
{{- end }}
imagePullSecrets: {{ .Values.images.pullSecrets | toJson }}
{{- if .Values.agents.enabled }}
agentImage: {{ include "batt.image" (dict "root" . "image" .Values.images.agent) }}
scoringImage: {{ include "batt.image" (dict "root" . "image" .Values.images.scoring) }}
{{- with .Values.agents.identity }}
{{- if .audience }}
identity: {audience: {{ .audience | quote }}, configMap: {{ .configMap | quote }}}
{{- end }}
{{- end }}
{{- end }}
serviceAccountName: {{ include "batt.workerAccount" . }}
{{- with .Values.results }}
results: {{ . | quote }}
{{- end }}
env: {{ .Values.worker.env | toJson }}
pools:
{{- range $name, $pool := .Values.pools }}
  {{- $own := deepCopy $pool }}
  {{- if $own.image }}{{ $_ := set $own "image" (include "batt.poolImage" (dict "root" $root "image" $own.image)) }}{{ end }}
  {{ $name }}: {{- $own | toYaml | nindent 4 }}
{{- end }}
defaultPool: {{ .Values.defaultPool }}
stagePool: {{ .Values.stagePool }}
{{- with .Values.gpuPool }}
gpuPool: {{ . }}
{{- end }}
resyncSeconds: {{ .Values.operator.resyncSeconds }}
runSeconds: {{ .Values.runSeconds | int64 }}
maxConcurrency: {{ .Values.maxConcurrency | int64 }}
healthPort: {{ .Values.operator.healthPort }}
{{- with .Values.metrics.workers }}
{{- if .enabled }}
workerMetricsPort: {{ .port }}
{{- end }}
{{- end }}
{{- end }}
