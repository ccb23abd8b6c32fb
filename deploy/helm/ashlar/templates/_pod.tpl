{{- /* The pod of a server: of the StatefulSet with SQLite, of the Deployment with PostgreSQL. */ -}}
{{- define "ashlar.pod" -}}
metadata:
  labels:
    {{- include "ashlar.labels" . | nindent 4 }}
    app.kubernetes.io/component: server
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    ashlar/app: {{ toJson .Values.app.files | sha256sum }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  {{- include "ashlar.podSettings" . | nindent 2 }}
  terminationGracePeriodSeconds: {{ .Values.terminationSeconds }}
  {{- if ne .Values.antiAffinity "none" }}
  affinity:
    podAntiAffinity:
      {{- if eq .Values.antiAffinity "hard" }}
      requiredDuringSchedulingIgnoredDuringExecution:
        - topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels:
              {{- include "ashlar.selector" . | nindent 14 }}
              app.kubernetes.io/component: server
      {{- else }}
      preferredDuringSchedulingIgnoredDuringExecution:
        - weight: 100
          podAffinityTerm:
            topologyKey: kubernetes.io/hostname
            labelSelector:
              matchLabels:
                {{- include "ashlar.selector" . | nindent 16 }}
                app.kubernetes.io/component: server
      {{- end }}
  {{- end }}
  {{- if gt (int .Values.replicas) 1 }}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: topology.kubernetes.io/zone
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "ashlar.selector" . | nindent 10 }}
          app.kubernetes.io/component: server
  {{- end }}
  {{- if and .Values.migration.enabled (eq .Values.database.engine "sqlite") }}
  initContainers:
    - name: migrate
      image: {{ include "ashlar.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args:
        {{- include "ashlar.migrate" . | nindent 8 }}
      env:
        {{- include "ashlar.database" . | nindent 8 }}
      resources:
        {{- toYaml .Values.resources | nindent 8 }}
      securityContext:
        {{- include "ashlar.security" . | nindent 8 }}
      volumeMounts:
        - {name: data, mountPath: /data}
        {{- include "ashlar.appMount" . | nindent 8 }}
  {{- end }}
  containers:
    - name: ashlar
      image: {{ include "ashlar.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args: [serve, {{ .Values.app.path | quote }}]
      ports:
        - {name: http, containerPort: 8080}
        {{- if .Values.operate.enabled }}
        - {name: operate, containerPort: 9464}
        {{- end }}
      env:
        - {name: ASHLAR_LISTEN, value: ":8080"}
        {{- if .Values.operate.enabled }}
        - {name: ASHLAR_OPERATE_LISTEN, value: ":9464"}
        - name: ASHLAR_OPERATE_TOKEN
          valueFrom:
            secretKeyRef: {name: {{ .Values.operate.tokenSecret.name | quote }}, key: {{ .Values.operate.tokenSecret.key | quote }}}
        {{- end }}
        {{- if .Values.keys.secret }}
        - {name: ASHLAR_KEYS, value: /keys}
        {{- end }}
        {{- range $flag, $value := .Values.settings }}
        - {name: {{ printf "ASHLAR_%s" (upper $flag | replace "-" "_") }}, value: {{ ternary (toString $value) (toJson $value) (kindIs "string" $value) | quote }}}
        {{- end }}
        {{- range $flag, $secret := .Values.secretSettings }}
        - name: {{ printf "ASHLAR_%s" (upper $flag | replace "-" "_") }}
          valueFrom:
            secretKeyRef: {name: {{ $secret.name | quote }}, key: {{ $secret.key | quote }}}
        {{- end }}
        {{- include "ashlar.database" . | nindent 8 }}
      startupProbe:
        httpGet: {path: /healthz, port: http}
        periodSeconds: 2
        timeoutSeconds: 3
        failureThreshold: {{ div .Values.startSeconds 2 }}
      livenessProbe:
        httpGet: {path: /healthz, port: http}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      readinessProbe:
        httpGet: {path: /readyz, port: http}
        periodSeconds: 2
        timeoutSeconds: 3
        failureThreshold: 2
      {{- if .Values.preStopSeconds }}
      lifecycle:
        preStop:
          sleep: {seconds: {{ .Values.preStopSeconds }}}
      {{- end }}
      resources:
        {{- toYaml .Values.resources | nindent 8 }}
      securityContext:
        {{- include "ashlar.security" . | nindent 8 }}
      volumeMounts:
        - {name: data, mountPath: /data}
        {{- include "ashlar.appMount" . | nindent 8 }}
        {{- if .Values.keys.secret }}
        - {name: keys, mountPath: /keys, readOnly: true}
        {{- end }}
  volumes:
    {{- if eq .Values.database.engine "postgresql" }}
    - name: data
      emptyDir: {sizeLimit: 4Gi}
    {{- else if .Values.persistence.existingClaim }}
    - name: data
      persistentVolumeClaim: {claimName: {{ .Values.persistence.existingClaim | quote }}}
    {{- end }}
    {{- if or .Values.app.configMap .Values.app.files }}
    - name: app
      configMap: {name: {{ .Values.app.configMap | default (printf "%s-app" (include "ashlar.name" .)) | quote }}}
    {{- end }}
    {{- if .Values.keys.secret }}
    - name: keys
      projected:
        defaultMode: 0440
        sources:
          - secret:
              name: {{ .Values.keys.secret | quote }}
              items:
                - {key: signing-key.pem, path: signing-key.pem}
          - secret:
              name: {{ .Values.keys.secret | quote }}
              optional: true
              items:
                - {key: secret-key.pem, path: secret-key.pem}
          {{- range .Values.keys.later }}
          - secret:
              name: {{ $.Values.keys.secret | quote }}
              items:
                - {key: {{ . }}, path: signing-keys/{{ . }}}
          {{- end }}
    {{- end }}
{{- end -}}
