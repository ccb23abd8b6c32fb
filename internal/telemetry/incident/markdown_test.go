package incident

import (
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
)

func TestMarkdownShowsMarkupAsText(t *testing.T) {
	const attack = "<img src=x onerror=alert(1)>|`a`\n# [x](javascript:alert(1)) **b** ~~c~~ &lt;"
	r := Report{
		Incident: archive.Incident{Title: attack, State: Open, Opened: noon, Notes: []archive.Note{{At: noon, Author: attack, Text: attack}}},
		From:     noon, To: noon.Add(time.Hour),
		Causes:   []Cause{{Text: attack, Figure: attack}},
		Findings: []archive.Finding{{Dimension: archive.Table, Value: attack}},
		Timeline: []archive.Event{{At: noon, Kind: attack, Text: attack}},
	}
	page := string(r.Markdown())
	for _, markup := range []string{"<img", "[x](", "**b", "~~c", "|`", "\n# \\[", "&lt"} {
		for rest := page; ; {
			i := strings.Index(rest, markup)
			if i < 0 {
				break
			}
			if i == 0 || rest[i-1] != '\\' {
				t.Errorf("the page has %q as markup:\n%s", markup, page)
				break
			}
			rest = rest[i+1:]
		}
	}
	if headings := strings.Count(page, "\n#") + 1; headings != 6 {
		t.Errorf("%d headings, want 6:\n%s", headings, page)
	}
}
