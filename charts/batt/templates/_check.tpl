{{/* Refuses values that the schema cannot judge, or not in words that help: all of them at once. */}}
{{- define "batt.check" -}}
{{- $faults := list -}}
{{- $pools := keys .Values.pools | sortAlpha | join ", " -}}
{{- range $field := list "defaultPool" "stagePool" "gpuPool" -}}
{{- $name := get $.Values $field -}}
{{- if not (or (hasKey $.Values.pools $name) (and (eq $field "gpuPool") (eq $name ""))) -}}
{{- $faults = append $faults (printf "%s: got %q; must be a pool; add it to `pools`, or choose one of %s" $field $name $pools) -}}
{{- end -}}
{{- end -}}
{{- range $name, $image := omit .Values.images "registry" "pullPolicy" "pullSecrets" -}}
{{- if eq $image.tag "latest" -}}
{{- $faults = append $faults (printf "images.%s.tag: got \"latest\"; must name one version; give a tag that never moves, or a digest" $name) -}}
{{- end -}}
{{- end -}}
{{- range $index, $variable := .Values.worker.env -}}
{{- if regexMatch "^(BATT|JOB)_" $variable.name -}}
{{- $faults = append $faults (printf "worker.env[%d].name: got %q; must not begin with BATT_ or JOB_, which the operator sets; rename it" $index $variable.name) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.results (not (regexMatch "^gs://[a-z0-9][a-z0-9._-]+[a-z0-9](/[^\\s]*)?$" .Values.results)) -}}
{{- $faults = append $faults (printf "results: got %q; must be a bucket that pods reach; write gs://BUCKET/PATH" .Values.results) -}}
{{- end -}}
{{- if and .Values.watch.allNamespaces .Values.watch.namespace -}}
{{- $faults = append $faults (printf "watch.namespace: got %q; must be empty beside watch.allNamespaces; remove one of them" .Values.watch.namespace) -}}
{{- end -}}
{{- if and .Values.watch.prepare (not .Values.watch.allNamespaces) -}}
{{- $faults = append $faults (printf "watch.prepare: got %v; must be empty where one namespace is watched; set watch.allNamespaces, or remove it" .Values.watch.prepare) -}}
{{- end -}}
{{- with .Values.agents.identity -}}
{{- if ne (empty .audience) (empty .configMap) -}}
{{- $faults = append $faults (printf "agents.identity: got audience %q and configMap %q; must have both or neither; set the other, or remove it" (.audience | default "") (.configMap | default "")) -}}
{{- end -}}
{{- end -}}
{{- range $name := list "podMonitor" "podMonitoring" -}}
{{- if and (get $.Values.metrics.workers $name).enabled (not $.Values.metrics.workers.enabled) -}}
{{- $faults = append $faults (printf "metrics.workers.%s.enabled: got true; must be false where workers serve no metrics; set metrics.workers.enabled" $name) -}}
{{- end -}}
{{- end -}}
{{- $limit := .Values.metrics.rules.thresholds.notReconcilingSeconds -}}
{{- if le (float64 $limit) (mulf 3 .Values.operator.resyncSeconds) -}}
{{- $faults = append $faults (printf "metrics.rules.thresholds.notReconcilingSeconds: got %v; must be more than three times operator.resyncSeconds (%v); raise it" $limit .Values.operator.resyncSeconds) -}}
{{- end -}}
{{- if $faults }}{{ fail (join "\n" (prepend $faults "the values have faults:")) }}{{ end -}}
{{- end }}
