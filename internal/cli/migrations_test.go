package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

// TestMigrationsGuide follows docs/migrations.md in its order: a model becomes the app's, a command runs and prints
// the text of the block after it. There … stands for anything, and … on a line of its own for any lines.
func TestMigrationsGuide(t *testing.T) {
	effort.SkipRaced(t)
	page, err := os.ReadFile("../../docs/migrations.md")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	blocks := regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$").FindAllStringSubmatch(string(page), -1)
	seeds := []string{"notes/seed/folders.json", "notes/seed/notes.json"}
	said, compared := "", 0
	for i, b := range blocks {
		switch kind, text := b[1], b[2]; kind {
		case "yaml":
			write("notes/ashlar.yaml", text)
		case "json":
			write(seeds[0], text)
			seeds = seeds[1:]
		case "sh":
			answered := i+1 < len(blocks) && blocks[i+1][1] == ""
			for line := range strings.Lines(text) {
				said = guideCommand(t, strings.Fields(line), answered)
			}
		case "":
			compared++
			if !guidePattern(text).MatchString(said) {
				t.Fatalf("the page says\n%s\nand the command\n%s", text, said)
			}
		default:
			t.Errorf("a block of %s, which this test does not know", kind)
		}
	}
	if compared < 8 {
		t.Errorf("%d answers were compared", compared)
	}
}

// guideCommand runs a command of the page. It starts and stops a server for a command without a shown answer.
func guideCommand(t *testing.T, args []string, answered bool) string {
	t.Helper()
	for i, a := range args {
		if found, _ := filepath.Glob(strings.ReplaceAll(a, "…", "*")); strings.Contains(a, "…") && found != nil {
			args[i] = found[len(found)-1] // the latest, by its name
		}
	}
	switch {
	case args[0] != "ashlar":
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return ""
	case args[1] == "serve" && !answered:
		p := startProcess(t, args[2], args[3:]...)
		if _, err := p.stop(); err != nil {
			t.Fatal(err)
		}
		return ""
	case args[1] == "serve":
		args = append(args, "--listen", "127.0.0.1:0", "--log-level", "error")
	}
	stdout, stderr, _ := toEnd(t, 0, args[1:]...)
	return stdout + stderr
}

// guidePattern matches an answer.
func guidePattern(text string) *regexp.Regexp {
	p := regexp.QuoteMeta(text)
	p = regexp.MustCompile(`(?m)^…\n`).ReplaceAllString(p, `(?s:.*)`)
	return regexp.MustCompile("^" + strings.ReplaceAll(p, "…", `.*`) + "$")
}
