package incident

import (
	"bytes"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/ashlar-dev/ashlar/internal/telemetry/objective"
)

// Markdown returns the incident as a page for a post-mortem. All that it holds of requests and people is text there, not
// markup.
func (r *Report) Markdown() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s\n\n", plain(r.Incident.Title))
	r.writeFacts(&b)
	b.WriteString("\n## Likely causes\n\n")
	for i, c := range r.Causes {
		fmt.Fprintf(&b, "%d. %s (%s)\n", i+1, plain(c.Text), plain(c.Figure))
	}
	if len(r.Causes) == 0 {
		b.WriteString("None was found.\n")
	}
	r.writeFindings(&b)
	r.writeTimeline(&b)
	r.writeNotes(&b)
	b.WriteString("\n## What we change\n\n- [ ] what, who, until when\n")
	return b.Bytes()
}

func (r *Report) writeFacts(b *bytes.Buffer) {
	b.WriteString("| | |\n|---|---|\n")
	fact := func(name, format string, args ...any) {
		fmt.Fprintf(b, "| %s | %s |\n", name, fmt.Sprintf(format, args...))
	}
	fact("began", "%s", moment(r.From))
	if noticed := r.Incident.Opened; noticed.After(r.From) {
		fact("noticed", "%s, after %s", moment(noticed), objective.Span(noticed.Sub(r.From)))
	}
	if r.Incident.State == Closed {
		fact("ended", "%s, after %s", moment(r.To), objective.Span(r.To.Sub(r.From)))
	} else {
		fact("ended", "not yet")
	}
	fact("bad requests", "%.0f of %.0f", r.Bad, r.Total)
	for _, l := range r.Lost {
		fact("budget lost", "%s of %s/%s: %.0f requests", percent(l.Share()), plain(l.Name), l.Kind, l.Bad)
	}
}

func (r *Report) writeFindings(b *bytes.Buffer) {
	if len(r.Findings) == 0 {
		return
	}
	b.WriteString("\n## What bad requests have in common\n\n| | value | of the bad | of the others |\n|---|---|---|---|\n")
	for _, f := range r.Findings {
		value := plain(f.Value)
		if f.Value == "" {
			value = "none"
		}
		fmt.Fprintf(b, "| %s | %s | %s (%.0f) | %s (%.0f) |\n", f.Dimension, value, percent(f.Share), f.Selected.Weight, percent(f.Usual), f.Baseline.Weight)
	}
}

func (r *Report) writeTimeline(b *bytes.Buffer) {
	b.WriteString("\n## Timeline\n\n| UTC | |\n|---|---|\n")
	for _, e := range r.Timeline {
		fmt.Fprintf(b, "| %s | %s: %s |\n", e.At.UTC().Format("01-02 15:04:05"), plain(e.Kind), plain(e.Text))
	}
}

func (r *Report) writeNotes(b *bytes.Buffer) {
	if len(r.Incident.Notes) == 0 {
		return
	}
	b.WriteString("\n## Notes\n")
	for _, n := range r.Incident.Notes {
		fmt.Fprintf(b, "\n%s, %s:\n\n", moment(n.At), plain(n.Author))
		for line := range strings.Lines(n.Text) {
			fmt.Fprintf(b, "> %s\n", plain(line))
		}
	}
}

func moment(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05 UTC") }

// plain returns a text as Markdown that shows it as it is, in one line.
func plain(text string) string {
	var b strings.Builder
	for _, char := range strings.Join(strings.Fields(text), " ") {
		if !unicode.IsPrint(char) { // it might move the cursor of a terminal
			continue
		}
		if strings.ContainsRune("\\`*_[]<>|~&#", char) {
			b.WriteByte('\\')
		}
		b.WriteRune(char)
	}
	return b.String()
}
