package deploy

import (
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"
)

// TestAuditsOfTheDocs makes the log lines that docs/operating.md shows: a deploy that fails and is slow, then one that
// changes nothing.
func TestAuditsOfTheDocs(t *testing.T) {
	page, err := os.ReadFile("../../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	folder, now, lines := t.TempDir(), noon, &strings.Builder{}
	withoutTime := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	audit := func(s *server) {
		s.serve(31*time.Minute, 20*time.Millisecond, 1)
		s.written(t)
		log := slog.New(slog.NewTextHandler(lines, &slog.HandlerOptions{ReplaceAttr: withoutTime}))
		if err := NewService(Config{Archive: s.Archive, Node: "one", Logger: log, Now: func() time.Time { return now }}).look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	worse := history(t, folder, &now).restart(t, folder, "v2")
	audit(worse)
	worse.serve(2*time.Hour, 20*time.Millisecond, 1)
	audit(worse.restart(t, folder, "v3"))
	_, section, _ := strings.Cut(string(page), "## Deploys\n")
	blocks := strings.Split(section, "```")
	if got := strings.TrimSpace(lines.String()); len(blocks) < 2 || got != strings.TrimSpace(blocks[1]) {
		t.Errorf("the page shows other lines than\n%s", got)
	}
}
