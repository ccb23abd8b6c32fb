package careers_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestTour runs the commands of docs/tour.md in their order, and compares the answers.
func TestTour(t *testing.T) {
	page := readPage(t, "../../docs/tour.md")
	page.blocks = append([]block{{"sh", "make run\n"}}, page.blocks...)
	if compared := page.run(t); compared < 13 {
		t.Errorf("%s shows %d answers, want 13 or more", page.name, compared)
	}
}

// TestReadme runs the commands of the README and compares the answers.
func TestReadme(t *testing.T) {
	page := readPage(t, "../../README.md")
	if compared := page.run(t); compared < 5 {
		t.Errorf("%s shows %d answers, want 5 or more", page.name, compared)
	}
}

// TestAccountsPage runs the commands of docs/accounts.md and compares the answers.
func TestAccountsPage(t *testing.T) {
	page := readPage(t, "../../docs/accounts.md")
	page.blocks = append([]block{{"sh", "make run\n"}}, page.blocks...)
	if compared := page.run(t); compared < 7 {
		t.Errorf("%s shows %d answers, want 7 or more", page.name, compared)
	}
}

// TestLimitsPage runs the commands of docs/limits.md and compares the answers.
func TestLimitsPage(t *testing.T) {
	page := readPage(t, "../../docs/limits.md")
	if compared := page.run(t); compared < 6 {
		t.Errorf("%s shows %d answers, want 6 or more", page.name, compared)
	}
}

// TestCachingPage runs the commands of docs/caching.md and compares the answers.
func TestCachingPage(t *testing.T) {
	page := readPage(t, "../../docs/caching.md")
	if compared := page.run(t); compared < 4 {
		t.Errorf("%s shows %d answers, want 4 or more", page.name, compared)
	}
}

// TestWatchingPage runs the commands of docs/watching.md and compares the answers.
func TestWatchingPage(t *testing.T) {
	page := readPage(t, "../../docs/watching.md")
	if compared := page.run(t); compared < 2 {
		t.Errorf("%s shows %d answers, want 2 or more", page.name, compared)
	}
}

// TestReadmeModel checks the first model of the README. It also makes the README's typing error in it, and compares the
// message.
func TestReadmeModel(t *testing.T) {
	page := readPage(t, "../../README.md")
	model, fault := page.blocks[0], page.blocks[1]
	if model.language != "yaml" || fault.language != "" {
		t.Fatalf("the README begins with blocks of %q and %q, want a model and a message", model.language, fault.language)
	}
	dir := t.TempDir()
	ashlar := build(t, dir)
	check := func(text string) (string, error) {
		if err := os.WriteFile(filepath.Join(dir, "ashlar.yaml"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(ashlar, "check", ".")
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := check(model.text); err != nil {
		t.Errorf("the model of the README: %v\n%s", err, out)
	}
	out, err := check(strings.Replace(model.text, "|| headline", "|| head_line", 1))
	if err == nil || !strings.Contains(out, fault.text) {
		t.Errorf("with a slip the model says\n%s\nand the README shows\n%s", out, fault.text)
	}
}
