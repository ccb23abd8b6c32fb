package load

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestDocs loads every YAML block of the model reference: a whole model, or tables without the first lines.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile("../../../docs/model.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(page), "```yaml\n")[1:]
	if len(blocks) < 5 {
		t.Fatalf("%d YAML blocks, want more", len(blocks))
	}
	editor := compileEditorSchema(t)
	for i, block := range blocks {
		block, _, _ = strings.Cut(block, "```")
		t.Run(fmt.Sprint(i+1), func(t *testing.T) {
			if !strings.HasPrefix(block, "ashlar:") {
				block = "ashlar: 1\nname: test\nroles: [editor]\ntables:\n  " + strings.ReplaceAll(strings.TrimSpace(block), "\n", "\n  ") + "\n"
			}
			m := loadText(t, block)
			checkInvariants(t, m, true)
			checkRoundTrip(t, m)
			if err := editor.Validate(asJSON(t, block)); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestJobsDocs loads every YAML block of the page about jobs. The first is a model, and the others are keys to add to it.
func TestJobsDocs(t *testing.T) {
	page, err := os.ReadFile("../../../docs/jobs.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(page), "```yaml\n")[1:]
	if len(blocks) < 3 {
		t.Fatalf("%d YAML blocks, want more", len(blocks))
	}
	editor, err := compileSchema(JSONSchema())
	if err != nil {
		t.Fatal(err)
	}
	shop, _, _ := strings.Cut(blocks[0], "```")
	for i, block := range blocks {
		block, _, _ = strings.Cut(block, "```")
		t.Run(fmt.Sprint(i+1), func(t *testing.T) {
			if block != shop {
				block = strings.Replace(shop, "  keys: {scopes: {worker: {jobs: [render]}}}\n", "", 1) + block
			}
			m := loadSound(t, block)
			checkInvariants(t, m, true)
			if err := editor.Validate(asJSON(t, block)); err != nil {
				t.Error(err)
			}
			for _, job := range m.Jobs {
				if m.Queue("imports") == nil && !strings.Contains(string(page), job.String()) {
					t.Errorf("the page does not say of %s: %s", job.Name, job)
				}
			}
		})
	}
}

// TestCareersExample loads the app of the README.
func TestCareersExample(t *testing.T) {
	app, faults := Dir("../../../examples/careers")
	if len(faults) > 0 {
		t.Fatalf("faults:\n%v", faults)
	}
	checkInvariants(t, app, true)
	checkRoundTrip(t, app)
}
