package metric

import (
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// verbs returns the values of db_operation_name.
func verbs() [5]string { return [...]string{"SELECT", "INSERT", "UPDATE", "DELETE", Other} }

// A collection has the numbers of the statements about one table, by verb.
type collection struct {
	name  string
	verbs [5]*histogram
}

// A subject is what a statement is about.
type subject struct {
	*collection      // nil: about the table of the request, as a query of a view is
	verb        int8 // index of its verb
}

// maxTexts bounds the texts of statements whose subject is kept. Others are read each time, which takes as long as the text.
const maxTexts = 1024

// statements counts the statements of requests and of other work, by table and verb.
type statements struct {
	tables   map[string]*collection
	all      []*collection
	other    *collection
	duration *prometheus.Desc

	known  atomic.Pointer[map[string]subject] // by text; a new map replaces it
	adding sync.Mutex
}

// statementBounds are every second bucket of db.client.operation.duration in OpenTelemetry's semantic conventions 1.44. All
// of them would be a quarter of the series of a model.
func statementBounds() []time.Duration {
	return []time.Duration{time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond, time.Second, 10 * time.Second}
}

func newStatements(system string, tables []Table) *statements {
	s := &statements{
		tables:   map[string]*collection{},
		duration: statementDescriptions()[0].desc(prometheus.Labels{"db_system_name": system}),
	}
	layout := newLayout(statementBounds()...)
	add := func(name string) *collection {
		c := &collection{name: name}
		for i := range c.verbs {
			c.verbs[i] = newHistogram(layout)
		}
		s.all = append(s.all, c)
		return c
	}
	for _, table := range tables {
		if s.tables[table.Name] == nil {
			s.tables[table.Name] = add(table.Name)
		}
	}
	s.other = add(Other)
	s.known.Store(&map[string]subject{})
	return s
}

func (s *statements) take(r *telemetry.Record) {
	for i := range r.Statements.List {
		statement := &r.Statements.List[i]
		about := s.subjectOf(statement.SQL)
		if about.collection == nil {
			if about.collection = s.tables[r.Table]; about.collection == nil {
				about.collection = s.other
			}
		}
		about.verbs[about.verb].observe(statement.Took)
	}
}

func (s *statements) subjectOf(sql string) subject {
	if found, ok := (*s.known.Load())[sql]; ok {
		return found
	}
	found := s.read(sql)
	s.adding.Lock()
	defer s.adding.Unlock()
	if known := *s.known.Load(); len(known) < maxTexts {
		more := maps.Clone(known)
		more[strings.Clone(sql)] = found
		s.known.Store(&more)
	}
	return found
}

// read reads a statement of the program. It looks only at what is outside of parentheses and quotes.
func (s *statements) read(sql string) subject {
	about := subject{s.other, verbOf(sql)}
	if about.verb == int8(len(s.other.verbs)-1) {
		return about
	}
	depth, derived := 0, false
	for i := 0; i < len(sql); i++ {
		switch c := sql[i]; {
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == '\'' || c == '"':
			end := strings.IndexByte(sql[i+1:], c)
			if end < 0 {
				return about
			}
			i += end + 1
		case depth == 0 && startsWord(sql, i):
			rest, found := afterKeyword(sql[i:])
			if !found {
				continue
			}
			if table := s.tables[nameAt(rest)]; table != nil {
				about.collection = table
				return about
			}
			derived = derived || strings.HasPrefix(rest, "(")
		}
	}
	if derived {
		return subject{nil, 0}
	}
	return about
}

func startsWord(sql string, at int) bool {
	return at == 0 || sql[at-1] == ' ' || sql[at-1] == '\n'
}

// afterKeyword returns what follows a keyword that a table follows.
func afterKeyword(sql string) (rest string, found bool) {
	for _, keyword := range [...]string{"FROM ", "JOIN LATERAL ", "JOIN ", "INTO ", "UPDATE "} {
		if rest, found = strings.CutPrefix(sql, keyword); found {
			return rest, true
		}
	}
	return "", false
}

// nameAt returns the name of a table, with or without quotes, at the beginning of a text.
func nameAt(sql string) string {
	if quoted, ok := strings.CutPrefix(sql, `"`); ok {
		name, _, _ := strings.Cut(quoted, `"`)
		return name
	}
	end := strings.IndexAny(sql, " (\n,;")
	if end < 0 {
		return sql
	}
	return sql[:end]
}

// verbOf returns the index of a statement's verb. A WITH counts as what it changes.
func verbOf(sql string) int8 {
	all := verbs()
	for i, verb := range all[:4] {
		if strings.HasPrefix(sql, verb) {
			return int8(i)
		}
	}
	if !strings.HasPrefix(sql, "WITH ") {
		return 4
	}
	for i, verb := range all[1:4] {
		if strings.Contains(sql, "("+verb+" ") || strings.Contains(sql, ") "+verb+" ") {
			return int8(i + 1)
		}
	}
	return 0
}

// Describe implements prometheus.Collector.
func (s *statements) Describe(descs chan<- *prometheus.Desc) { descs <- s.duration }

// Collect implements prometheus.Collector. A verb that a table has not seen has no series.
func (s *statements) Collect(metrics chan<- prometheus.Metric) {
	names := verbs()
	for _, c := range s.all {
		for i, h := range c.verbs {
			if now := h.read(); now.count > 0 {
				metrics <- &sample{s.duration, prometheus.MakeLabelPairs(s.duration, []string{c.name, names[i]}), now}
			}
		}
	}
}

// series returns how many series there can be. A view has one verb.
func (s *statements) series(tables []Table) int {
	pairs := len(s.other.verbs)
	seen := map[string]bool{}
	for _, table := range tables {
		switch {
		case seen[table.Name]:
		case table.View:
			pairs++
		default:
			pairs += len(s.other.verbs) - 1
		}
		seen[table.Name] = true
	}
	return pairs * seriesOf(s.other.verbs[0].layout)
}
