package alert

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// A webhook posts alerts to a URL, in the form of Standard Webhooks.
type webhook struct {
	cfg     Config
	client  *http.Client
	address string
	key     []byte // nil: no signature
}

func newWebhook(declared *model.AlertTarget, cfg Config) *webhook {
	address := string(declared.Webhook.Value)
	w := &webhook{cfg: cfg, client: newClient(cfg, address), address: address}
	if declared.Secret.Given() {
		w.key, _ = model.WebhookKey(string(declared.Secret.Value)) // checked when the model was resolved
	}
	return w
}

// A message is the body of a webhook.
type message struct {
	Type      string    `json:"type"` // alert.firing or alert.over
	Timestamp time.Time `json:"timestamp"`
	Data      data      `json:"data"`
}

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

func (w *webhook) deliver(ctx context.Context, a Alert) error {
	m := message{Type: "alert.over", Timestamp: a.At.UTC(), Data: data{
		Alert: a.Key, App: w.cfg.App, Node: w.cfg.Node, Severity: a.Severity, Summary: a.Summary, Since: a.Since.UTC(), Labels: a.Labels, Details: detailsOf(a),
	}}
	if a.Firing {
		m.Type = "alert.firing"
	}
	body, err := json.Marshal(m)
	if err != nil {
		return &permanentError{err}
	}
	id, at := w.id(a), strconv.FormatInt(w.cfg.Now().Unix(), 10)
	header := http.Header{"Webhook-Id": {id}, "Webhook-Timestamp": {at}}
	if w.key != nil {
		header["Webhook-Signature"] = []string{sign(w.key, id, at, body)}
	}
	return post(ctx, w.client, w.address, body, header)
}

// id names a message. It is the same in each attempt, so a receiver can drop a repetition.
func (w *webhook) id(a Alert) string {
	sum := sha256.Sum256([]byte(w.cfg.App + "\n" + a.Key + "\n" + strconv.FormatBool(a.Firing) + "\n" + a.At.UTC().Format(time.RFC3339Nano)))
	return "msg_" + hex.EncodeToString(sum[:12])
}

// sign returns the signature of Standard Webhooks.
func sign(key []byte, id, at string, body []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + at + "."))
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func detailsOf(a Alert) map[string]string {
	details := make(map[string]string, len(a.Details))
	for _, d := range a.Details {
		details[d.Name] = d.Value
	}
	return details
}
