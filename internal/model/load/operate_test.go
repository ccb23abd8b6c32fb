package load

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/diff"
	"github.com/ashlar-dev/ashlar/internal/model/snapshot"
)

const wholeOperate = withoutAccounts + `operate:
  slos:
    api: {available: 99.5, fast: {share: 95, below: 1s}}
    pay: {routes: [POST /api/salaries, "GET /api/salaries/{id}", POST /auth/sign-in], tables: [occupations], available: 99.95}
  alerts:
    to:
      - {mail: ops@example.com}
      - {webhook: $ALERT_URL, secret: file:/run/secrets/alerts}
      - {alertmanager: "http://10.0.0.7:9093"}
  probe: {every: 30s, path: /api/occupations?limit=1}
  logs: {keep: 14d, slow: 50ms, sample: 1}
  costs: {cpu_hour: 0.1, gb_out: 0, gb_month: 0.5}
`

func TestOperate(t *testing.T) {
	got := loadText(t, wholeOperate).Operate
	want := &model.Operate{
		SLOs: []model.SLO{
			{Name: "api", Available: 99.5, FastShare: 95, FastBelow: time.Second},
			{Name: "pay", Routes: []string{"POST /api/salaries", "GET /api/salaries/{id}", "POST /auth/sign-in"}, Tables: []string{"occupations"}, Available: 99.95},
		},
		Alerts: []model.AlertTarget{
			{Mail: "ops@example.com"},
			{Webhook: model.Setting{Source: "$ALERT_URL"}, Secret: model.Setting{Source: "file:/run/secrets/alerts"}},
			{Alertmanager: model.Setting{Value: "http://10.0.0.7:9093"}},
		},
		Probe: model.Probe{Every: 30 * time.Second, Path: "/api/occupations?limit=1"},
		Logs:  model.Logs{Keep: 14 * day, Slow: 50 * time.Millisecond, Sample: 1, Lines: 1},
		Costs: model.Costs{CPUHour: 0.1, GBMonth: 0.5},
	}
	if diff := cmp.Diff(want, got, ignorePositions()); diff != "" {
		t.Errorf("operate (-want +got):\n%s", diff)
	}
}

func TestOperateHasDefaults(t *testing.T) {
	for _, text := range []string{"", "operate:\n", "operate: {}\n", "operate: {slos: , alerts: , probe: , logs: {}, costs: }\n", "operate: {probe: true}\n"} {
		got := loadText(t, withoutAccounts+text).Operate
		if diff := cmp.Diff(model.DefaultOperate(), got, ignorePositions()); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
	if got := loadText(t, withoutAccounts+"operate: {slos: {pay: {available: 90}}, probe: false}\n").Operate; got.SLO("api") == nil || got.SLO("pay") == nil || got.Probe.Every != 0 {
		t.Errorf("operate = %+v, want the objective api too, and no probe", got)
	}
}

// The key changes no table, so it makes no new revision of the stored model.
func TestOperateIsNoChangeOfTheModel(t *testing.T) {
	without, with := loadText(t, withoutAccounts), loadText(t, wholeOperate)
	if !bytes.Equal(snapshot.Encode(without), snapshot.Encode(with)) {
		t.Errorf("the stored model has operate: %s", snapshot.Encode(with))
	}
	if changes := diff.Between(without, with); len(changes) > 0 {
		t.Errorf("changes by operate: %v", changes)
	}
}

func TestResolveOperate(t *testing.T) {
	m := loadText(t, wholeOperate)
	if diff := cmp.Diff([]string{"$ALERT_URL", "file:/run/secrets/alerts"}, m.Sources()); diff != "" {
		t.Errorf("sources (-want +got):\n%s", diff)
	}
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	for _, tt := range []struct{ name, url, secret, want string }{
		{"sound", "https://hooks.example.com/x?token=geheim", secret, ""},
		{"this machine", "http://127.0.0.1:8080/x", secret, ""},
		{"not set", "", secret, "ALERT_URL is empty"},
		{"readable by the network", "http://hooks.example.com/geheim", secret, "https://"},
		{"no address", "hooks.example.com/geheim", secret, "write an address"},
		{"no secret", "https://hooks.example.com/x", "geheim", "whsec_"},
		{"short secret", "https://hooks.example.com/x", "whsec_Z2VoZWlt", "24 to 64"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			lookup := func(string) (string, bool) { return tt.url, true }
			readFile := func(string) ([]byte, error) { return []byte(tt.secret + "\n"), nil }
			got, faults := m.ResolveOperate(lookup, readFile)
			if tt.want == "" && (len(faults) > 0 || string(got.Alerts[1].Webhook.Value) != tt.url || string(got.Alerts[1].Secret.Value) != tt.secret) {
				t.Errorf("ResolveOperate = %+v, %v", got.Alerts, faults)
			}
			if text := faults.Error(); !strings.Contains(text, tt.want) || strings.Contains(text, "geheim") || strings.Contains(text, "Z2VoZWlt") {
				t.Errorf("faults = %s, want one with %q and no secret", text, tt.want)
			}
		})
	}
	if _, faults := m.ResolveOperate(func(string) (string, bool) { return "", false }, func(string) ([]byte, error) { return nil, errors.New("no such file") }); len(faults) != 2 {
		t.Errorf("faults of missing settings = %v, want 2", faults)
	}
	if m.Operate.Alerts[1].Webhook.Value != "" {
		t.Error("ResolveOperate wrote a secret into the model")
	}
}

func TestFaultsHideTheSecretOfAWebhook(t *testing.T) {
	_, faults := Files(map[string][]byte{model.MainFile: []byte(withoutAccounts + "operate: {alerts: {to: [{webhook: 5, secret: whsec_geheim}]}}\n")})
	if len(faults) == 0 || strings.Contains(faults.Error(), "geheim") {
		t.Errorf("faults: %v", faults)
	}
}
