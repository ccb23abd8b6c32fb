package alert

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/webhook"
)

// A receiver gets alerts at a URL, in the form of Standard Webhooks.
type receiver struct {
	cfg     Config
	client  *http.Client
	address string
	keys    []webhook.SigningKey // none: no signature
}

func newReceiver(declared *model.AlertTarget, cfg Config) *receiver {
	address := string(declared.Webhook.Value)
	r := &receiver{cfg: cfg, client: newClient(cfg, address), address: address}
	if declared.Secret.Given() {
		if key, err := webhook.ParseSecret(string(declared.Secret.Value)); err == nil { // checked when the model was resolved
			r.keys = []webhook.SigningKey{key}
		}
	}
	return r
}

// data is what a message tells about an alert.
type data struct {
	Alert    string            `json:"alert"`
	App      string            `json:"app"`
	Node     string            `json:"node"`
	Severity string            `json:"severity"`
	Summary  string            `json:"summary"`
	Since    time.Time         `json:"since"`
	Labels   map[string]string `json:"labels,omitempty"`
	Details  map[string]string `json:"details,omitempty"`
}

func (r *receiver) deliver(ctx context.Context, a Alert) error {
	told, err := json.Marshal(data{
		Alert: a.Key, App: r.cfg.App, Node: r.cfg.Node, Severity: a.Severity, Summary: a.Summary, Since: a.Since.UTC(), Labels: a.Labels, Details: detailsOf(a),
	})
	if err != nil {
		return &permanentError{err}
	}
	event := webhook.Event{Type: "alert.over", At: a.At, Data: told}
	if a.Firing {
		event.Type = "alert.firing"
	}
	body, err := event.Body()
	if err != nil {
		return &permanentError{err}
	}
	header, err := r.header(r.id(a), body)
	if err != nil {
		return &permanentError{err}
	}
	return post(ctx, r.client, r.address, body, header)
}

// header returns the headers of a message. Without a secret it has no signature.
func (r *receiver) header(id string, body []byte) (http.Header, error) {
	now := r.cfg.Now()
	if len(r.keys) > 0 {
		return webhook.Header(r.keys, id, now, body)
	}
	return http.Header{webhook.IDHeader: {id}, webhook.TimestampHeader: {strconv.FormatInt(now.Unix(), 10)}}, nil
}

// id names a message. It is the same in each attempt, so a receiver can drop a repetition.
func (r *receiver) id(a Alert) string {
	sum := sha256.Sum256([]byte(r.cfg.App + "\n" + a.Key + "\n" + strconv.FormatBool(a.Firing) + "\n" + a.At.UTC().Format(time.RFC3339Nano)))
	return "msg_" + hex.EncodeToString(sum[:12])
}

func detailsOf(a Alert) map[string]string {
	details := make(map[string]string, len(a.Details))
	for _, d := range a.Details {
		details[d.Name] = d.Value
	}
	return details
}
