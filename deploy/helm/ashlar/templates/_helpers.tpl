{{- define "ashlar.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "ashlar.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "ashlar.labels" -}}
{{ include "ashlar.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "ashlar.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "ashlar.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
# With Always, each start would let the group read the keys on the volume, and the server refuses such keys.
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "ashlar.security" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{- define "ashlar.database" -}}
- {name: ASHLAR_DATA, value: /data/app}
{{- if eq .Values.database.engine "postgresql" }}
- name: ASHLAR_DATABASE_URL
  valueFrom:
    secretKeyRef: {name: {{ .Values.database.secret.name | quote }}, key: {{ .Values.database.secret.key | quote }}}
{{- if .Values.database.directSecret.name }}
- name: ASHLAR_DATABASE_DIRECT
  valueFrom:
    secretKeyRef: {name: {{ .Values.database.directSecret.name | quote }}, key: {{ .Values.database.directSecret.key | quote }}}
{{- end }}
{{- end }}
{{- with .Values.env }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "ashlar.migrate" -}}
- migrate
- {{ .Values.app.path | quote }}
{{- range .Values.migration.allow }}
- --allow={{ . }}
{{- end }}
{{- end -}}

{{- define "ashlar.appMount" -}}
{{- if or .Values.app.configMap .Values.app.files }}
- {name: app, mountPath: {{ .Values.app.path | quote }}, readOnly: true}
{{- end }}
{{- end -}}

{{- define "ashlar.podSettings" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- include "ashlar.podSecurity" . | nindent 2 }}
{{- end -}}
