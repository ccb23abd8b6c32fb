package monitor

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/test/promtest"
)

const shop = `
ashlar: 1
name: shop
tables:
  orders:
    fields: {text: {type: text, max: 10}}
    access: {read: true, write: true}
  posts:
    fields: {text: {type: text, max: 10}}
    access: {read: true, write: true}
operate:
  slos:
    checkout: {routes: [POST /api/orders, "GET /api/orders/{id}", POST /auth/sign-in], available: 99.95}
    posts:    {tables: [posts], available: 99, fast: {share: 95, below: 50ms}}
`

// models are the models that the files are tested with.
func models(t *testing.T) []*model.Model {
	t.Helper()
	return []*model.Model{modeltest.Model(t, shop), modeltest.Model(t, "ashlar: 1\nname: small\n")}
}

// The rules are valid, and do what their tests say.
func TestPromtoolRunsTheRules(t *testing.T) {
	effort.SkipRaced(t)
	for _, m := range models(t)[:effort.Cases(1, 2)] {
		dir := t.TempDir()
		files, err := Rules(m)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if err := os.WriteFile(filepath.Join(dir, file.Name), file.Text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		promtest.Promtool(t, dir, "", "check", "rules", "--lint=all", "--lint-fatal", files[0].Name)
		promtest.Promtool(t, dir, "", "test", "rules", files[1].Name)
		if t.Failed() {
			t.Logf("%s\n%s", files[0].Text, files[1].Text)
		}
	}
}

// Every expression of the dashboard is one of Prometheus.
func TestExpressionsOfTheDashboard(t *testing.T) {
	for _, m := range models(t) {
		file, err := Dashboard(m)
		if err != nil {
			t.Fatal(err)
		}
		var d dashboard
		if err := json.Unmarshal(file.Text, &d); err != nil {
			t.Fatal(err)
		}
		rules, ids := "groups:\n- name: x\n  rules:\n", map[int]bool{}
		for _, p := range d.Panels {
			if ids[p.ID] || p.GridPos.W+p.GridPos.X > 24 {
				t.Errorf("the panel %s has no place of its own", p.Title)
			}
			ids[p.ID] = true
			for n, target := range p.Targets {
				text, _ := json.Marshal(strings.ReplaceAll(target.Expr, "$__rate_interval", "5m"))
				rules += fmt.Sprintf("  - {record: panel%d_%d, expr: %s}\n", p.ID, n, text)
			}
		}
		if len(ids) < 20 {
			t.Errorf("the dashboard has %d panels", len(ids))
		}
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "x.yml"), []byte(rules), 0o600); err != nil {
			t.Fatal(err)
		}
		promtest.Promtool(t, dir, "", "check", "rules", "x.yml")
	}
}

func TestSourcesOfAnObjective(t *testing.T) {
	m := modeltest.Model(t, shop)
	for _, i := range indicators(m) {
		if i.slo != "checkout" {
			continue
		}
		got := i.bad("rate", "5m")
		for _, want := range []string{`operation="create",table=~"orders"`, `operation="get",table=~"orders"`, `http_request_method="POST",http_route="/auth/sign-in"`} {
			if !strings.Contains(got, want) {
				t.Errorf("the failures of checkout are %s, without %s", got, want)
			}
		}
		if i.budget != 0.0005 {
			t.Errorf("the budget of checkout is %v", i.budget)
		}
	}
}
