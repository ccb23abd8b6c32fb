package careers_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A query of the guide that reads more rows than limits.query.rows is refused before it runs. Without the bound, the same
// query is answered. Cheap queries pass both times.
func TestQueryBudget(t *testing.T) {
	const script = `
serve budget 127.0.0.1:8080
ask() { curl -sG -w ' %{http_code}' "http://127.0.0.1:8080/api/skills$@"; }
`
	costly := []struct{ name, ask string }{
		{"a filter without an index", `ask '' --data-urlencode "filter=kind == 'technical' && description == null" -d limit=1`},
		{"a text in the middle", `ask '' --data-urlencode "filter=name.contains('3001')" -d limit=1`},
		{"an order without an index", `ask '' -d sort=kind -d limit=1`},
		{"a condition on other rows", `ask '' --data-urlencode "filter=holders.exists(h, h.level == 5)" -d limit=1`},
	}
	cheap := []struct{ name, ask string }{
		{"one row", `ask /extra-7`},
		{"the model's own list", `ask '' -d limit=1`},
		{"a filter that an index serves", `ask '' --data-urlencode "filter=source == 'guide' && name == 'Extra 7'"`},
	}
	commands := []string{""}
	for _, each := range costly {
		commands = append(commands, each.ask+"\n")
	}
	for _, each := range cheap {
		commands = append(commands, each.ask+"\n")
	}
	for _, bound := range []string{"", "limits: {query: {rows: 1000}}\n"} {
		commands[0] = writeBudgetApp(t, bound) + script
		answers := runCommands(t, commands)[1:]
		for i, each := range costly {
			got := answers[i]
			refused := strings.HasSuffix(got, " 400") && strings.Contains(got, "rows of skills, and 1,000 are allowed")
			if bound != "" && !refused {
				t.Errorf("with the bound, %s: %s, want a 400 that names the rows", each.name, got)
			}
			if bound == "" && !strings.HasSuffix(got, " 200") {
				t.Errorf("without a bound, %s: %s", each.name, got)
			}
		}
		for i, each := range cheap {
			if got := answers[len(costly)+i]; !strings.HasSuffix(got, " 200") {
				t.Errorf("with limits %q, %s: %s, want 200", bound, each.name, got)
			}
		}
	}
}

// writeBudgetApp makes a copy of the example with 3,000 more skills and more text in its model. It returns the command
// that copies it to the folder budget.
func writeBudgetApp(t *testing.T, text string) (command string) {
	t.Helper()
	model, err := os.ReadFile("ashlar.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var skills []map[string]any
	seed, err := os.ReadFile("seed/skills.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(seed, &skills); err != nil {
		t.Fatal(err)
	}
	for i := range 3000 {
		skills = append(skills, map[string]any{"id": fmt.Sprintf("extra-%d", i), "name": fmt.Sprintf("Extra %d", i), "kind": "technical"})
	}
	if seed, err = json.Marshal(skills); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	changed := strings.Replace(string(model), "\ntables:\n", "\n"+text+"\ntables:\n", 1)
	for name, content := range map[string]string{"ashlar.yaml": changed, "skills.json": string(seed)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return fmt.Sprintf("cp -r examples/careers budget\ncp '%[1]s/ashlar.yaml' budget/\ncp '%[1]s/skills.json' budget/seed/\n", dir)
}
