package operate_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/telemetry/profile"
	"github.com/ashlar-dev/ashlar/internal/web/operate"
)

// TestProfilesOfTheDocs asks for what the section of docs/operating.md asks for, and compares the answer that it shows.
func TestProfilesOfTheDocs(t *testing.T) {
	page, err := os.ReadFile("../../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## Profiles\n")
	section, _, _ = strings.Cut(section, "\n## ")
	recorder := profile.New(profile.Config{})
	srv := listener(t, operate.Config{Profile: recorder})
	asked := regexp.MustCompile(`http://127\.0\.0\.1:9464(/[^\s']+)`).FindAllStringSubmatch(section, -1)
	for _, path := range asked {
		status, body := ask(t, srv, path[1])
		if isEmpty := status == http.StatusNotFound && strings.Contains(path[1], "/cpu"); status != http.StatusOK && !isEmpty {
			t.Errorf("GET %s = %d %s", path[1], status, body)
		}
	}
	blocks := strings.Split(section, "```")
	if len(asked) != 2 || len(blocks) < 4 {
		t.Fatalf("the section has %d addresses and %d blocks", len(asked), len(blocks)/2)
	}
	var shown struct{ Usage []map[string]any }
	if err := json.Unmarshal([]byte(strings.TrimPrefix(blocks[3], "json")), &shown); err != nil || len(shown.Usage) == 0 {
		t.Fatalf("the answer that the page shows: %v", err)
	}
	members := []string{"route", "table", "operation", "key", "job", "rest", "cpu_seconds"}
	rests := []any{profile.Collector, profile.Scheduler, profile.Connections, profile.Other}
	for _, row := range shown.Usage {
		for name := range row {
			if !slices.Contains(members, name) {
				t.Errorf("no row has the member %s", name)
			}
		}
		if rest, ok := row["rest"]; ok && !slices.Contains(rests, rest) {
			t.Errorf("no row has the rest %v", rest)
		}
	}
	for _, rest := range rests {
		if !strings.Contains(section, "| `"+rest.(string)+"` |") {
			t.Errorf("the page does not explain %v", rest)
		}
	}
	if err := recorder.StartCPUProfile(io.Discard); err != nil {
		t.Skip("the test itself is profiled")
	}
	recorder.StopCPUProfile()
	status, body := ask(t, srv, "/debug/profile/usage")
	var got struct{ Usage []map[string]any }
	if err := json.Unmarshal([]byte(body), &got); err != nil || status != http.StatusOK {
		t.Errorf("usage = %d %s: %v", status, body, err)
	}
	for _, row := range got.Usage {
		for name := range row {
			if !slices.Contains(members, name) {
				t.Errorf("the page does not know the member %s", name)
			}
		}
	}
}
