package operation_test

import (
	"fmt"
	"html"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/telemetry/profile"
)

// profiles are CPU profiles that a test makes up. Each usage has its own tree.
type profiles struct {
	from, to time.Time
	usage    []profile.Usage
	text     string // at the end of all names of functions
}

func (p *profiles) Span() (from, to time.Time) { return p.from, p.to }

func (p *profiles) Usage(time.Time, time.Time) []profile.Usage { return p.usage }

func (p *profiles) Flame(_, _ time.Time, filter profile.Filter) *profile.Frame {
	whole := time.Duration(0)
	for _, u := range p.usage {
		hasTable := u.Table == filter.Table || (filter.Table == "" && !filter.NoTable)
		if filter == (profile.Filter{}) || (u.Route == filter.Route && hasTable && u.Job == filter.Job && u.Rest == filter.Rest) {
			whole += u.CPU
		}
	}
	leaf := func(name string, part time.Duration, children ...*profile.Frame) *profile.Frame {
		return &profile.Frame{Name: name + p.text, CPU: whole * part / 100, Children: children}
	}
	return leaf("all", 100,
		leaf("net/http.(*conn).serve", 70,
			leaf("github.com/ashlar-dev/ashlar/internal/record.(*DB).List", 60,
				leaf("modernc.org/sqlite/lib.Xsqlite3_step", 45), leaf("github.com/ashlar-dev/ashlar/internal/record/render.append", 10)),
			leaf("runtime.mallocgc", 5)),
		leaf("runtime.gcBgMarkWorker", 20, leaf("runtime.scanobject", 18)))
}

// profiled returns profiles of the last half hour, with a text in all places.
func profiled(text string) *profiles {
	p := &profiles{from: time.Now().Add(-30 * time.Minute), to: time.Now().Add(-20 * time.Second), text: text}
	for i, labels := range []profile.Labels{
		{Route: "GET /api/{table}", Table: "notes", Operation: "list"}, {Route: "GET /api/{table}", Table: "notes", Operation: "list", Key: "key-hammer" + text},
		{Rest: profile.Collector}, {Route: "POST /api/{table}", Table: "notes" + text, Operation: "create"}, {Job: "mail" + text}, {Rest: profile.Other},
	} {
		p.usage = append(p.usage, profile.Usage{Labels: labels, CPU: time.Duration(300/(i+1)) * time.Second})
	}
	return p
}

func TestProfilesShowWhatUsesTheProcessor(t *testing.T) {
	w := newWorld(t)
	w.profiles = profiled("")
	w.serve(w.objectives)
	v := w.operator("viewer")
	body := v.get("/console/profiles", 200, "12.2 min of CPU time", "1.23 cores", "GET /api/{table}", "job mail", "garbage collection", "key-hammer", "record.(*DB).List</text>",
		"<title>modernc.org/sqlite/lib.Xsqlite3_step: 5.51 min, 45 %</title>", "<code>runtime.scanobject</code>")
	first := regexp.MustCompile(`<th scope="row"><a href="([^"]+)">GET /api/\{table\}</a>`).FindStringSubmatch(body)
	if first == nil {
		t.Fatalf("no link to a route:\n%s", mainOf(body))
	}
	path := html.UnescapeString(first[1])
	v.get(path, 200, "Where the time of <bdi>GET /api/{table}</bdi> on <bdi>notes</bdi> goes", "Show all work", "7.5 min, 100 %")
	if body = v.get(path+"&at=0.0", 200, `aria-current="true">record.(*DB).List</a>`); strings.Contains(body, ">http.(*conn).serve</text>") {
		t.Error("the frame above the chosen one is drawn")
	}
	v.get(path+"&at=0.9.-1.x", 200, `aria-current="true">http.(*conn).serve</a>`)
}

// A route has a row for each of its tables, and one for requests that reach no table, such as requests for an unknown table.
func TestProfilesOfARouteWithoutATable(t *testing.T) {
	w := newWorld(t)
	p := profiled("")
	p.usage = append(p.usage, profile.Usage{Labels: profile.Labels{Route: "GET /api/{table}"}, CPU: 40 * time.Second})
	w.profiles = p
	w.serve(w.objectives)
	v := w.operator("viewer")
	body := v.get("/console/profiles", 200)
	row := regexp.MustCompile(`<th scope="row"><a href="([^"]+)">GET /api/\{table\}</a></th>`).FindStringSubmatch(body) // no table follows
	if row == nil {
		t.Fatalf("no row without a table:\n%s", mainOf(body))
	}
	body = v.get(html.UnescapeString(row[1]), 200, "Where the time of <bdi>GET /api/{table}</bdi> goes", "<title>all: 40 s, 100 %</title>")
	if chosen := strings.Count(body, `" aria-current="true">GET /api/{table}</a></th>`); chosen != 1 {
		t.Errorf("%d rows without a table are chosen", chosen)
	}
	anyTable := strings.Replace(html.UnescapeString(row[1]), "&table=", "", 1)
	if body = v.get(anyTable, 200); strings.Contains(body, "<title>all: 40 s, 100 %</title>") {
		t.Error("an address that names no table leaves out the tables")
	}
}

func TestProfilesOfAYoungServer(t *testing.T) {
	w := newWorld(t)
	w.profiles = &profiles{}
	w.serve(w.objectives)
	v := w.operator("viewer")
	v.get("/console/profiles", 200, "The first comes a minute after the start")
	for _, query := range []string{"range=2h", "from=x&to=2027-01-01", "from=2027-01-01&to=2026-01-01"} {
		v.get("/console/profiles?"+query, 400)
	}
}

// A tree that is deep and wide is drawn in part.
func TestFlameGraphsAreBounded(t *testing.T) {
	w := newWorld(t)
	deep := &deepProfile{profiles: profiled("")}
	w.profiles = deep
	w.serve(w.objectives)
	v := w.operator("viewer")
	for _, path := range []string{"/console/profiles", "/console/profiles?at=" + strings.Repeat("0.", 500)} {
		if body := v.get(path, 200); strings.Count(body, "<title>") > 2600 || strings.Count(body, "<title>") < 500 || len(body) > 2<<20 {
			t.Errorf("%d bars, %d bytes", strings.Count(body, "<title>"), len(body))
		}
	}
}

// deepProfile has a tree of 200 rows with 50 functions each.
type deepProfile struct{ *profiles }

func (p *deepProfile) Flame(time.Time, time.Time, profile.Filter) *profile.Frame {
	root := &profile.Frame{Name: "all", CPU: time.Hour}
	at := root
	for row := range 200 {
		for i := range 50 {
			at.Children = append(at.Children, &profile.Frame{Name: fmt.Sprint("f", row, i), CPU: at.CPU / 51})
		}
		at.Children[0].CPU = at.CPU / 2
		at = at.Children[0]
		at.CPU = time.Hour
	}
	return root
}
