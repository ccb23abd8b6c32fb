package alert

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// An alertmanager posts alerts to version 2 of the API of a Prometheus Alertmanager.
type alertmanager struct {
	cfg     Config
	client  *http.Client
	address string
}

func newAlertmanager(declared *model.AlertTarget, cfg Config) *alertmanager {
	base := strings.TrimSuffix(string(declared.Alertmanager.Value), "/")
	return &alertmanager{cfg, newClient(cfg, base), base + "/api/v2/alerts"}
}

// postable is an alert in the form of the API.
type postable struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
	EndsAt      time.Time         `json:"endsAt"`
}

// An Alertmanager takes an alert for firing for the time of fires. The sender repeats it each minute.
const fires = 5 * beatPause

func (m *alertmanager) deliver(ctx context.Context, a Alert) error {
	labels := map[string]string{"alertname": "AshlarObjective", "app": m.cfg.App, "alert": a.Key, "severity": a.Severity}
	maps.Copy(labels, a.Labels)
	annotations := detailsOf(a)
	annotations["summary"] = a.Summary
	alert := postable{Labels: labels, Annotations: annotations, StartsAt: a.Since.UTC(), EndsAt: a.At.UTC()}
	if a.Firing {
		alert.EndsAt = m.cfg.Now().Add(fires).UTC()
	}
	body, err := json.Marshal([]postable{alert})
	if err != nil {
		return &permanentError{err}
	}
	return post(ctx, m.client, m.address, body, http.Header{})
}
