package archive

import (
	"hash/fnv"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// failure is what the archive groups a failed record by.
type failure struct {
	kind  string
	text  string // of the error, normalised
	route string
	id    string // of the record
}

func newFailure(r *telemetry.Record) *failure {
	kind, text := string(r.Problem), ""
	if r.Stack != "" {
		kind = "panic"
	}
	if r.Err != nil {
		text = normalise(causeOf(r))
	}
	return &failure{kind: kind, text: text, route: routeOf(r.Route, r.Job, string(r.Work)), id: r.ID}
}

// jobPrefix begins what stands in the place of a route for a job.
const jobPrefix = string(telemetry.WorkJob) + " "

// routeOf returns where work failed: its route, its job, or else its kind.
func routeOf(route, job, work string) string {
	switch {
	case job != "":
		return jobPrefix + job
	case route == "":
		return work
	}
	return route
}

// Condition returns the condition for records of the place where the group fails.
func (g *ErrorGroup) Condition() Condition {
	job, isJob := strings.CutPrefix(g.Route, jobPrefix)
	switch {
	case isJob:
		return Condition{Dimension: Job, Values: []string{job}}
	case strings.Contains(g.Route, "/"):
		return Condition{Dimension: Route, Values: []string{g.Route}}
	}
	return Condition{Dimension: Work, Values: []string{g.Route}}
}

// failureOf returns the failure of a record that the archive has.
func failureOf(d *body) *failure {
	f := &failure{kind: string(d.texts[textProblem]), text: normalise(string(d.texts[textError])), id: string(d.texts[textID])}
	f.route = routeOf(string(d.texts[textRoute]), string(d.texts[textJob]), string(d.texts[textWork]))
	if len(d.texts[textStack]) > 0 {
		f.kind = "panic"
	}
	return f
}

// fingerprint returns the number of the group.
func (f *failure) fingerprint() int64 {
	sum := fnv.New64a()
	for _, part := range [...]string{f.kind, f.text, f.route} {
		_, _ = sum.Write([]byte(part))
		_, _ = sum.Write([]byte{0})
	}
	return int64(sum.Sum64() >> 1)
}

// causeOf returns the text of the error of a record, as the log has it. The error of a malformed request repeats what the
// client sent, so it is left out.
func causeOf(r *telemetry.Record) string {
	if r.Problem == errs.Malformed {
		return ""
	}
	return r.Err.Error()
}

const maxNormalised = 240 // characters

// normalise takes out of the text of an error what differs from one occurrence to the next: numbers, ids and quoted texts.
// It keeps the first line.
func normalise(text string) string {
	text, _, _ = strings.Cut(text, "\n")
	text = errs.Clip(text, 4*maxNormalised)
	var out strings.Builder
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '"' || c == '`' || c == '\'':
			end := closing(text, i)
			if end < 0 {
				out.WriteByte(c)
				i++
				continue
			}
			out.WriteByte(c)
			out.WriteString("…")
			out.WriteByte(c)
			i = end + 1
		case isWord(c):
			end := i + 1
			for end < len(text) && (isWord(text[end]) || isHyphen(text, end)) {
				end++
			}
			writeWord(&out, text[i:end])
			i = end
		default:
			out.WriteByte(c)
			i++
		}
	}
	return errs.Clip(out.String(), maxNormalised)
}

// closing returns the index of the quotation mark that closes the one at i, or -1. An apostrophe inside a word quotes
// nothing.
func closing(text string, i int) int {
	if text[i] == '\'' && i > 0 && isWord(text[i-1]) {
		return -1
	}
	length := strings.IndexByte(text[i+1:], text[i])
	if length < 0 {
		return -1
	}
	return i + 1 + length
}

func isWord(c byte) bool {
	return ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || ('0' <= c && c <= '9') || c == '_'
}

// isHyphen reports whether a hyphen inside a word is at i.
func isHyphen(text string, i int) bool {
	return text[i] == '-' && i+1 < len(text) && isWord(text[i+1])
}

// writeWord writes a word, or # for one with a digit. Words of few letters with a digit at the end are names, such as utf8.
func writeWord(out *strings.Builder, word string) {
	if !strings.ContainsAny(word, "0123456789") {
		out.WriteString(word)
		return
	}
	if name := strings.TrimRight(word, "0123456789"); len(word) <= 8 && name != "" && !strings.ContainsAny(name, "0123456789-") && len(word)-len(name) <= 2 {
		out.WriteString(word)
		return
	}
	out.WriteByte('#')
}

// An ErrorGroup is a kind of failure: all records with the same kind, route and text of the error, but for numbers, ids and
// quoted texts.
type ErrorGroup struct {
	ID          int64
	Kind        string // "panic", or an errs.Kind
	Text        string // normalised
	Route       string // or "job" with the name of the job, or a kind of work
	First, Last time.Time
	Count       int64
	Example     string // id of the newest record
	Build       string // that failed so first
	Revision    string // of the model at that time
}
