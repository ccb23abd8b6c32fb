package app

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/value"
	"github.com/ashlar-dev/ashlar/internal/webhook"
)

const hooked = `
-- ashlar.yaml --
ashlar: 1
name: shop
roles: [integrator]
accounts:
  signup: open
tables:
  orders:
    fields: {title: {type: text, max: 200}}
    access: {read: "true"}
  endpoints:
    fields:
      owner:  {ref: users, default: auth.id}
      url:    {type: text, format: url, max: 2000}
      events: {type: json, optional: true}
      secret: {type: text, secret: true, optional: true}
      state:  {type: enum, values: [active, failing, disabled], default: active}
    access: {read: owner_id == auth.id, write: owner_id == auth.id}
webhooks:
  changes: {on: [orders.create, orders.update], send: [title], as: {roles: [integrator]}, to: endpoints}
`

const (
	annID = "01920000-0000-7000-8000-00000000000a"
	bobID = "01920000-0000-7000-8000-00000000000b"
)

// An inbox collects messages.
type inbox struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	all    []*http.Request
	bodies []string
}

func newInbox(t *testing.T) *inbox {
	t.Helper()
	in := &inbox{status: http.StatusOK}
	in.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		in.mu.Lock()
		defer in.mu.Unlock()
		in.all, in.bodies = append(in.all, r), append(in.bodies, string(body))
		w.WriteHeader(in.status)
	}))
	t.Cleanup(in.Close)
	return in
}

func (in *inbox) count() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return len(in.all)
}

func (in *inbox) answer(status int) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.status = status
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it did not happen: %s", what)
		}
	}
}

// tell adds a message about an order, as its write does.
func (w *worked) tell(t *testing.T, order string) {
	t.Helper()
	err := w.server.Store.Write(t.Context(), func(tx store.Tx) error {
		_, _, err := w.server.work.Enqueue(tx, job.Insert{Name: "changes", Queue: model.WebhookQueue, Table: "orders", Row: order, Args: []byte(`{"op":"update"}`)})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func startHooked(t *testing.T, cfg Config) *worked {
	t.Helper()
	cfg.AllowPrivate = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	server := opened(t, app(t, hooked), cfg)
	return &worked{server: server, running: start(t, server)}
}

func TestWebhooksOverHTTP(t *testing.T) {
	for _, engine := range []string{"SQLite", "PostgreSQL"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			cfg := Config{}
			if engine == "PostgreSQL" {
				cfg.Database = pgtest.URL(t)
			}
			testWebhooksOverHTTP(t, startHooked(t, cfg))
		})
	}
}

func testWebhooksOverHTTP(t *testing.T, w *worked) {
	to := newInbox(t)
	ann, bob := w.token(t, annID), w.token(t, bobID)
	endpoint := w.want(t, ann, "POST", "/api/endpoints", `{"url":"`+to.URL+`"}`, 201, `"active"`)["id"].(string)
	base := "/webhooks/changes/endpoints/" + endpoint
	secret := w.want(t, ann, "POST", base+":secret", "", 200, "whsec_")["secret"].(string)
	w.want(t, bob, "POST", base+":secret", "", 404, "")
	w.want(t, "", "POST", base+":secret", "", 401, "")

	w.tell(t, "01920000-0000-7000-8000-000000000001")
	until(t, "the message arrives", func() bool { return to.count() == 1 })
	key, err := webhook.ParseVerifyingKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	var set struct {
		Keys []struct {
			PublicKey string `json:"public_key"`
		} `json:"keys"`
	}
	keys := get(t, w.base+"/.well-known/webhook-keys.json")
	if err := json.Unmarshal([]byte(keys.body), &set); err != nil || len(set.Keys) != 1 || keys.header.Get("Cache-Control") != "public, max-age=300" {
		t.Fatalf("%v: %s %v", err, keys.body, keys.header)
	}
	public, err := webhook.ParseVerifyingKey(set.Keys[0].PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []webhook.VerifyingKey{key, public} {
		if err := (&webhook.Verifier{Keys: []webhook.VerifyingKey{key}}).Verify(to.all[0].Header, []byte(to.bodies[0])); err != nil {
			t.Error(err)
		}
	}

	list := "/webhooks/changes/deliveries?endpoint=" + endpoint
	until(t, "it is noted", func() bool {
		_, out := w.call(t, ann, "GET", list, "")
		text, _ := json.Marshal(out)
		return strings.Contains(string(text), `"state":"delivered"`)
	})
	page := w.want(t, ann, "GET", "/webhooks/changes/deliveries", "", 200, `"status":200`)
	delivery := page["items"].([]any)[0].(map[string]any)["id"].(string)
	w.want(t, ann, "GET", "/webhooks/changes/deliveries/"+delivery, "", 200, `"type":"orders.update"`)
	w.want(t, bob, "GET", list, "", 404, "")
	w.want(t, bob, "GET", "/webhooks/changes/deliveries/"+delivery, "", 404, "")
	w.want(t, bob, "POST", "/webhooks/changes/deliveries/"+delivery+":replay", "", 404, "")
	w.want(t, bob, "POST", base+":replay", `{"failed":true}`, 404, "")
	if out := w.want(t, bob, "GET", "/webhooks/changes/deliveries", "", 200, ""); len(out["items"].([]any)) != 0 {
		t.Errorf("bob sees %v", out)
	}
	w.want(t, "", "GET", list, "", 401, "")
	w.want(t, ann, "GET", list+"&state=lost", "", 400, "state must be one of")
	w.want(t, ann, "GET", "/webhooks/nothing/deliveries", "", 404, "")

	if status, _ := w.call(t, ann, "POST", "/webhooks/changes/deliveries/"+delivery+":replay", ""); status != 202 {
		t.Errorf("replay = %d", status)
	}
	until(t, "the message arrives again", func() bool { return to.count() == 2 })
	if first, second := to.all[0].Header.Get(webhook.IDHeader), to.all[1].Header.Get(webhook.IDHeader); first != second || to.bodies[0] != to.bodies[1] {
		t.Errorf("a replay has the id %s, want %s", second, first)
	}
	until(t, "that is noted", func() bool {
		_, out := w.call(t, ann, "GET", list, "")
		text, _ := json.Marshal(out)
		return strings.Contains(string(text), `"state":"delivered"`)
	})
	w.want(t, ann, "POST", base+":replay", `{"since":"2020-01-01T00:00:00Z"}`, 202, `"replayed":1`)
	until(t, "the message arrives a third time", func() bool { return to.count() == 3 })
	w.want(t, ann, "POST", base+":replay", `{}`, 422, "say what to replay")
	w.want(t, ann, "POST", base+":replay", `{"all":true}`, 422, "the body must be like")
	refused := false
	for range 12 {
		status, _ := w.call(t, ann, "POST", base+":replay", `{"failed":true}`)
		refused = refused || status == 429
	}
	if !refused {
		t.Error("twelve replays at once were allowed")
	}

	to.answer(http.StatusGone)
	w.tell(t, "01920000-0000-7000-8000-000000000002")
	until(t, "the endpoint is disabled", func() bool {
		_, out := w.call(t, ann, "GET", "/api/endpoints/"+endpoint, "")
		return out["state"] == "disabled"
	})
	w.want(t, ann, "POST", "/webhooks/changes/deliveries/"+delivery+":replay", "", 409, "disabled")
}

// Writes over HTTP tell endpoints: in order, each once, and none of a write that was refused.
func TestWritesTellEndpoints(t *testing.T) {
	for _, engine := range []string{"SQLite", "PostgreSQL"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			cfg := Config{}
			if engine == "PostgreSQL" {
				cfg.Database = pgtest.URL(t)
			}
			cfg.AllowPrivate = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
			files := strings.Replace(hooked, `access: {read: "true"}`, `access: {read: "true", write: "true"}`, 1)
			files = strings.Replace(files, "on: [orders.create, orders.update]", "on: [orders.create, orders.update, orders.delete], order: id", 1)
			server := opened(t, app(t, files), cfg)
			w := &worked{server: server, running: start(t, server)}
			to := newInbox(t)
			ann := w.token(t, annID)
			w.want(t, ann, "POST", "/api/endpoints", `{"url":"`+to.URL+`"}`, 201, "")
			order := w.want(t, ann, "POST", "/api/orders", `{"title":"0"}`, 201, "")["id"].(string)
			w.want(t, ann, "POST", "/api/orders", `{"title":5}`, 422, "")
			const updates = 5
			for n := 1; n <= updates; n++ {
				w.want(t, ann, "PATCH", "/api/orders/"+order, fmt.Sprintf(`{"title":"%d"}`, n), 200, "")
			}
			w.want(t, ann, "DELETE", "/api/orders/"+order, "", 204, "")
			until(t, "all messages arrive", func() bool { return to.count() == updates+2 })
			time.Sleep(200 * time.Millisecond)
			to.mu.Lock()
			defer to.mu.Unlock()
			for n, body := range to.bodies {
				want := `"type":"orders.update"`
				switch n {
				case 0:
					want = `"type":"orders.create"`
				case updates + 1:
					want = `"type":"orders.delete"`
				}
				if !strings.Contains(body, want) || !strings.Contains(body, order) {
					t.Errorf("message %d is %s, want %s", n, body, want)
				}
			}
			if len(to.bodies) != updates+2 {
				t.Errorf("%d messages", len(to.bodies))
			}
		})
	}
}

// The owner of a disabled endpoint gets a mail.
func TestDisabledEndpointMailsItsOwner(t *testing.T) {
	w := startHooked(t, Config{})
	to := newInbox(t)
	to.answer(http.StatusGone)
	token, err := w.server.newToken(t.Context(), value.OfUUID(annID), TokenRequest{ID: annID, Email: "ann@example.com", TTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	w.want(t, token.Text, "POST", "/api/endpoints", `{"url":"`+to.URL+`"}`, 201, "")
	w.tell(t, "01920000-0000-7000-8000-000000000001")
	var text []byte
	until(t, "the mail is written", func() bool {
		files, _ := filepath.Glob(filepath.Join(w.server.mailFolder(), "*"))
		for _, file := range files {
			text, _ = os.ReadFile(file)
			if strings.Contains(string(text), "webhook endpoint was disabled") {
				return true
			}
		}
		return false
	})
	if !strings.Contains(string(text), "ann@example.com") || !strings.Contains(string(text), "410") {
		t.Errorf("the mail is %s", text)
	}
}

// The model of docs/webhooks.md runs, and its receiver verifies what the server sends.
func TestWebhooksOfTheDocs(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("LOUD SKIP: there is no python3 to run the receiver of docs/webhooks.md")
	}
	page, err := os.ReadFile("../../docs/webhooks.md")
	if err != nil {
		t.Fatal(err)
	}
	block := func(language string) string {
		_, rest, ok := strings.Cut(string(page), "```"+language+"\n")
		text, _, closed := strings.Cut(rest, "```")
		if !ok || !closed {
			t.Fatalf("docs/webhooks.md has no block of %s", language)
		}
		return text
	}
	server := opened(t, app(t, "-- ashlar.yaml --\n"+block("yaml")), Config{AllowPrivate: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	w := &worked{server: server, running: start(t, server)}
	to := newInbox(t)
	ann := w.token(t, annID)
	endpoint := w.want(t, ann, "POST", "/api/endpoints", `{"url":"`+to.URL+`"}`, 201, "")["id"].(string)
	secret := w.want(t, ann, "POST", "/webhooks/order_events/endpoints/"+endpoint+":secret", "", 200, "")["secret"].(string)
	err = server.Store.Write(t.Context(), func(tx store.Tx) error {
		_, _, err := server.work.Enqueue(tx, job.Insert{Name: "order_events", Queue: model.WebhookQueue, Table: "orders", Row: annID, Args: []byte(`{"op":"update","order":"` + annID + `"}`)})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	until(t, "the message arrives", func() bool { return to.count() == 1 })
	header := map[string]string{}
	for name := range to.all[0].Header {
		header[strings.ToLower(name)] = to.all[0].Header.Get(name)
	}
	for _, tt := range []struct{ secret, want string }{{secret, "True"}, {string(webhook.NewSecret().Text()), "False"}} {
		input, err := json.Marshal(map[string]any{"secret": tt.secret, "headers": header, "body": to.bodies[0]})
		if err != nil {
			t.Fatal(err)
		}
		command := exec.CommandContext(t.Context(), "python3", "-c", block("python")+`
import json, sys
given = json.load(sys.stdin)
print(verify(given["secret"], given["headers"], given["body"].encode()))
`)
		command.Stdin = strings.NewReader(string(input))
		if out, err := command.CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != tt.want {
			t.Errorf("verify = %s (%v), want %s", out, err, tt.want)
		}
	}
}

// privateURLs are addresses that a row cannot name as an endpoint.
var privateURLs = []string{
	"http://hooks.example.com/", "https://user:pass@hooks.example.com/", "https://user@hooks.example.com/", "https://hooks.example.com/#x", "ftp://hooks.example.com/",
	"https://127.0.0.1/", "https://127.1.2.3/", "https://0.0.0.0/", "https://0.1.2.3/", "https://10.0.0.1/", "https://172.16.0.1/", "https://172.31.255.255/", "https://192.168.1.1/",
	"https://169.254.169.254/latest/meta-data", "https://168.63.129.16/", "https://100.64.0.1/", "https://100.127.255.254/", "https://192.0.0.1/", "https://192.0.2.1/", "https://198.18.0.1/",
	"https://198.51.100.1/", "https://203.0.113.1/", "https://224.0.0.1/", "https://240.0.0.1/", "https://255.255.255.255/", "https://192.88.99.1/",
	"https://[::]/", "https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://[::ffff:10.0.0.1]/", "https://[::ffff:169.254.169.254]/", "https://[::127.0.0.1]/",
	"https://[64:ff9b::7f00:1]/", "https://[64:ff9b::a00:1]/", "https://[64:ff9b:1::1]/", "https://[2002:7f00:1::]/", "https://[2002:a00:1::]/", "https://[2001::1]/", "https://[2001:db8::1]/",
	"https://[fe80::1]/", "https://[fec0::1]/", "https://[fc00::1]/", "https://[fd00:ec2::254]/", "https://[ff02::1]/", "https://[100::1]/", "https://[3fff::1]/", "https://[5f00::1]/",
	"https://2130706433/", "https://0x7f000001/", "https://0x7f.1/", "https://0177.0.0.1/", "https://127.1/", "https://017700000001/", "https://0x7f.0x0.0x0.0x1/",
	"https://localhost/", "https://LOCALHOST/", "https://a.localhost/", "https://localhost./", "https://hooks.example.com./", "https://hooks..example.com/", "https://h\u00f6\u00f6ks.example.com/",
	"https://hooks.example.com:0/", "https://hooks.example.com:65536/",
}

// An endpoint that must not be called is refused when its row is written.
func TestPrivateEndpointsAreRefused(t *testing.T) {
	server := opened(t, app(t, hooked), Config{})
	w := &worked{server: server, running: start(t, server)}
	ann := w.token(t, annID)
	row := w.want(t, ann, "POST", "/api/endpoints", `{"url":"https://hooks.example.com/a"}`, 201, "")["id"].(string)
	for _, url := range privateURLs {
		body := fmt.Sprintf(`{"url":%q}`, url)
		w.want(t, ann, "POST", "/api/endpoints", body, 422, `"pointer":"/url"`)
		w.want(t, ann, "PATCH", "/api/endpoints/"+row, body, 422, `"pointer":"/url"`)
	}
	w.want(t, ann, "PATCH", "/api/endpoints/"+row, `{"secret":"short"}`, 422, `"pointer":"/secret"`)
	w.want(t, ann, "PATCH", "/api/endpoints/"+row, `{"url":"https://hooks.example.com:8443/b"}`, 200, "8443")
}
