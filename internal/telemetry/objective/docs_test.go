package objective

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// TestAlertsOfTheDocs makes the log lines that docs/operating.md shows: an hour of one request a second, then an outage.
func TestAlertsOfTheDocs(t *testing.T) {
	page, err := os.ReadFile("../../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	now, lines := start, &strings.Builder{}
	withoutTime := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	s := NewService(model.DefaultOperate(), Config{
		Now:    func() time.Time { return now },
		Logger: slog.New(slog.NewTextHandler(lines, &slog.HandlerOptions{ReplaceAttr: withoutTime})),
	})
	ask := func(length time.Duration, status int) {
		for range int(length / time.Second) {
			r := request("GET /api/{table}", "posts", "/api/posts")
			r.Status, r.Caller = status, []string{"user:1", "user:2"}[now.Second()%2]
			s.Take(&r)
			now = now.Add(time.Second)
			if now.Second()%10 == 0 {
				s.tick()
			}
		}
	}
	ask(time.Hour, 200)
	ask(5*time.Minute, 500)
	ask(time.Hour, 200)
	_, section, _ := strings.Cut(string(page), "## Objectives\n")
	blocks := strings.Split(section, "```")
	if got := strings.TrimSpace(lines.String()); len(blocks) < 4 || got != strings.TrimSpace(blocks[3]) {
		t.Errorf("the page shows other lines than\n%s", got)
	}
}

var _ telemetry.Sink = (*Service)(nil)

var _ interface{ Run(context.Context) error } = (*Service)(nil)
