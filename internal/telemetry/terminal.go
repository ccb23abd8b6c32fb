package telemetry

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// terminalHandler writes lines for people. A line about a record shows what one looks for first.
type terminalHandler struct {
	out    *lockedWriter
	level  slog.Leveler
	colour bool
	attrs  string // of the logger, as they stand in a line
	group  string // prefix of keys: "a.b."
}

type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

// NewTerminalLogger returns a logger that writes lines for people to w.
func NewTerminalLogger(w io.Writer, colour bool, level slog.Level) *slog.Logger {
	return slog.New(&terminalHandler{out: &lockedWriter{w: w}, level: level, colour: colour})
}

// The colours of a terminal, as escape sequences.
const (
	plain  = "\x1b[0m"
	faint  = "\x1b[2m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	cyan   = "\x1b[36m"
)

// Enabled implements slog.Handler.
func (h *terminalHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.level.Level()
}

// Handle implements slog.Handler.
func (h *terminalHandler) Handle(_ context.Context, r slog.Record) error {
	var line strings.Builder
	h.begin(&line, r.Time)
	colour := map[slog.Level]string{slog.LevelWarn: yellow, slog.LevelError: red}[r.Level]
	h.paint(&line, colour, fmt.Sprintf("%-5s", r.Level))
	line.WriteString(" " + forPeople(r.Message) + h.attrs)
	r.Attrs(func(a slog.Attr) bool {
		line.WriteString(attrText(h.group, a))
		return true
	})
	return h.end(&line)
}

// WithAttrs implements slog.Handler.
func (h *terminalHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	more := *h
	for _, a := range attrs {
		more.attrs += attrText(h.group, a)
	}
	return &more
}

// WithGroup implements slog.Handler.
func (h *terminalHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	more := *h
	more.group += name + "."
	return &more
}

func attrText(group string, a slog.Attr) string {
	v := a.Value.Resolve()
	if v.Kind() != slog.KindGroup {
		return " " + forPeople(group+a.Key) + "=" + quoted(v.String())
	}
	if a.Key != "" {
		group += a.Key + "."
	}
	var all strings.Builder
	for _, member := range v.Group() {
		all.WriteString(attrText(group, member))
	}
	return all.String()
}

// request writes the line of a request:
//
//	15:04:05.000 200 GET  /api/posts  1.2ms  posts  user:4f1c
func (h *terminalHandler) request(at time.Time, r *Record) {
	var line strings.Builder
	h.begin(&line, at)
	h.paint(&line, statusColour(r), strconv.Itoa(r.Status))
	fmt.Fprintf(&line, " %-6s %s ", forPeople(r.Method), forPeople(r.Path))
	h.paint(&line, "", rounded(r.Duration))
	if r.Table != "" {
		line.WriteByte(' ')
		h.paint(&line, cyan, forPeople(r.Table))
	}
	line.WriteByte(' ')
	h.paint(&line, faint, forPeople(r.Caller))
	for _, more := range [...]struct{ key, text string }{
		{"limit", r.Limit}, {"kind", string(r.Problem)}, {"error", r.cause()}, {"id", r.idOfFailed()},
	} {
		if more.text != "" {
			line.WriteString(" " + more.key + "=" + quoted(more.text))
		}
	}
	if r.Stack != "" { // lines that belong together
		line.WriteString("\n" + cleanLines(r.Stack))
	}
	_ = h.end(&line) // slog drops this error too
}

// idOfFailed returns the id if somebody may ask for it.
func (r *Record) idOfFailed() string {
	if r.Failed() {
		return r.ID
	}
	return ""
}

func statusColour(r *Record) string {
	switch {
	case r.Failed():
		return red
	case r.Status >= 400:
		return yellow
	case r.Status >= 300:
		return cyan
	}
	return green
}

// rounded returns a duration with about three digits.
func rounded(d time.Duration) string {
	for unit := time.Second; unit >= time.Microsecond; unit /= 1000 {
		if d >= unit {
			return d.Round(unit / 100).String()
		}
	}
	return d.String()
}

func (h *terminalHandler) begin(line *strings.Builder, at time.Time) {
	h.paint(line, faint, at.Format("15:04:05.000"))
	line.WriteByte(' ')
}

func (h *terminalHandler) paint(line *strings.Builder, colour, text string) {
	if !h.colour || colour == "" {
		line.WriteString(text)
		return
	}
	line.WriteString(colour + text + plain)
}

func (h *terminalHandler) end(line *strings.Builder) error {
	line.WriteByte('\n')
	h.out.mu.Lock()
	defer h.out.mu.Unlock()
	_, err := io.WriteString(h.out.w, line.String())
	return err
}

// forPeople returns a text as a terminal may show it. A client chooses paths, and an escape sequence could move the cursor.
func forPeople(text string) string {
	if !strings.ContainsFunc(text, isUnsafe) {
		return text
	}
	return strings.Trim(strconv.Quote(text), `"`)
}

// quoted is forPeople, with quotes around a text that has spaces or quotes.
func quoted(text string) string {
	if text == "" || strings.ContainsAny(text, " \"=") || strings.ContainsFunc(text, isUnsafe) {
		return strconv.Quote(text)
	}
	return text
}

func isUnsafe(r rune) bool { return !strconv.IsPrint(r) }

// cleanLines is forPeople for each line of a text.
func cleanLines(text string) string {
	lines := slices.Collect(strings.Lines(text))
	for i, line := range lines {
		lines[i] = "    " + forPeople(strings.ReplaceAll(strings.TrimSuffix(line, "\n"), "\t", "  "))
	}
	return strings.Join(lines, "\n")
}
