package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/load"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// ruleLine is one request on one engine: the time of Ashlar, and of the statement by hand.
type ruleLine struct {
	engine, model string
	ask           ruleAsk
	ashlar, hand  time.Duration
	worst         time.Duration // of Ashlar
	rows          int64         // rows in the answer, or the count
}

// runRules measures the cost of rules in this process. It runs record.DB, from the caller and the query to the JSON,
// and a statement written by hand on the same engine with the same JSON. They take turns.
func runRules(ctx context.Context, s settings, folder string) (err error) {
	begun := time.Now()
	say("starting PostgreSQL")
	c, err := pgtest.NewCluster("shared_buffers=256MB", "max_wal_size=4GB", "timezone=UTC", "jit=off")
	if err != nil {
		return err
	}
	defer c.Close()
	var lines []ruleLine
	for i, m := range ruleModels {
		if !wanted(s.only, m.name) {
			continue
		}
		url, err := newDatabase(ctx, c, "rules"+strconv.Itoa(i))
		if err != nil {
			return err
		}
		for _, e := range []ruleEngine{
			{"SQLite", false, func() (store.DB, error) {
				return sqlite.Open(ctx, filepath.Join(folder, "rules"+strconv.Itoa(i)+".db"), sqlite.Config{ReadTimeout: time.Minute})
			}},
			{"PostgreSQL", true, func() (store.DB, error) {
				return postgres.Open(ctx, url, postgres.Config{ReadTimeout: time.Minute, Logger: slog.New(slog.DiscardHandler)})
			}},
		} {
			if !wanted(s.servers, e.name) {
				continue
			}
			more, err := measureRules(ctx, s, e, m)
			if err != nil {
				return fmt.Errorf("%s on %s: %w", m.name, e.name, err)
			}
			lines = append(lines, more...)
		}
	}
	return reportRules(s, lines, time.Since(begun))
}

type ruleEngine struct {
	name     string
	postgres bool
	open     func() (store.DB, error)
}

func measureRules(ctx context.Context, s settings, e ruleEngine, m ruleModel) (lines []ruleLine, err error) {
	rules, err := compileRules("ashlar: 1\nname: bench\nroles: [auditor]\ntables:" + m.yaml)
	if err != nil {
		return nil, err
	}
	db, err := e.open()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	say("%s on %s: loading %d rows", m.name, e.name, s.rows)
	if _, err := migrate.Apply(ctx, db, rules, migrate.Options{}); err != nil {
		return nil, err
	}
	if err := loadRules(ctx, db, m, e.postgres, s.rows); err != nil {
		return nil, err
	}
	b := &ruleBench{ctx: ctx, db: db, engine: e, rules: rules, rows: record.New(db, rules, record.Config{})}
	for _, a := range m.asks {
		l, err := b.measure(s, m, a)
		if err != nil {
			return nil, fmt.Errorf("%s of user %d: %w", a.what, a.who, err)
		}
		l.model = m.name
		say("%-11s %-16s %-16s user %d %9d rows  %10v  by hand %10v  %5.2f", e.name, m.name, a.what, a.who, l.rows, l.ashlar, l.hand, float64(l.ashlar)/float64(l.hand))
		lines = append(lines, l)
	}
	return lines, nil
}

func compileRules(source string) (*rule.Rules, error) {
	m, faults := load.Files(map[string][]byte{"ashlar.yaml": []byte(source)})
	if len(faults) > 0 {
		return nil, faults
	}
	rules, faults := rule.CompileModel(m)
	if len(faults) > 0 {
		return nil, faults
	}
	return rules, nil
}

func loadRules(ctx context.Context, db store.DB, m ruleModel, postgres bool, rows int) error {
	return db.Alter(ctx, func(s store.Session) error {
		err := s.Transaction(func() error {
			for _, sql := range append([]string{loadUsers}, m.load...) {
				if _, err := s.Exec(bulk(sql, postgres, rows), nil); err != nil {
					return fmt.Errorf("%w\n%s", err, bulk(sql, postgres, rows))
				}
			}
			return nil
		})
		if err == nil && postgres { // autovacuum does the same in the end
			_, err = s.Exec("VACUUM ANALYZE", nil)
		}
		return err
	})
}

// ruleBench asks one engine.
type ruleBench struct {
	ctx    context.Context
	db     store.DB
	engine ruleEngine
	rules  *rule.Rules
	rows   *record.DB
}

func userID(n int) string { return fmt.Sprintf("00000000-0000-7000-8000-%012x", n) }

func (a ruleAsk) caller() caller.Caller {
	if a.who == 0 {
		return caller.Caller{}
	}
	return caller.User(caller.Identity{ID: userID(a.who), Roles: a.roles})
}

// measure compares both answers, then their times.
func (b *ruleBench) measure(s settings, m ruleModel, a ruleAsk) (ruleLine, error) {
	l := ruleLine{engine: b.engine.name, ask: a}
	t := b.rules.Model.Table(a.table)
	hand := b.handOf(m, t, a)
	var ours, theirs []byte
	for range 2 { // the first prepares statements and fills caches
		var err error
		if ours, err = b.ashlar(t, a, nil); err != nil {
			return l, err
		}
		if theirs, err = hand(nil); err != nil {
			return l, err
		}
	}
	rows, err := sameRows(a, ours, theirs)
	if err != nil {
		return l, err
	}
	l.rows = rows
	var ashlar, byHand []time.Duration
	var dst []byte
	for begun := time.Now(); len(ashlar) < 5 || (time.Since(begun) < s.duration && len(ashlar) < 2000); {
		if err := b.touch(a); err != nil {
			return l, err
		}
		start := time.Now()
		if dst, err = b.ashlar(t, a, dst[:0]); err != nil {
			return l, err
		}
		ashlar = append(ashlar, time.Since(start))
		if err := b.touch(a); err != nil {
			return l, err
		}
		start = time.Now()
		if dst, err = hand(dst[:0]); err != nil {
			return l, err
		}
		byHand = append(byHand, time.Since(start))
	}
	slices.Sort(ashlar)
	slices.Sort(byHand)
	l.ashlar, l.hand, l.worst = ashlar[len(ashlar)/2], byHand[len(byHand)/2], ashlar[len(ashlar)*99/100]
	return l, nil
}

// touch invalidates the remembered total. It runs before both reads, so that both begin a new snapshot.
func (b *ruleBench) touch(a ruleAsk) error {
	if !a.total {
		return nil
	}
	return b.db.Write(b.ctx, func(tx store.Tx) error {
		tx.MarkChanged(a.table)
		return nil
	})
}

func (b *ruleBench) ashlar(t *model.Table, a ruleAsk, dst []byte) ([]byte, error) {
	if a.get != 0 {
		row, err := b.rows.Get(b.ctx, a.caller(), t, value.OfInt(int64(a.get)), record.Selection{}, dst)
		if e, ok := errors.AsType[*errs.Error](err); ok && e.Kind == errs.NotFound {
			return dst, nil
		}
		return row.JSON, err
	}
	q := record.Query{Sort: a.sort, Filter: a.filter, Limit: pageOf, Total: a.total}
	if a.total {
		q.Limit = 1
		q.Fields = "id"
	}
	return b.rows.List(b.ctx, a.caller(), t, q, dst)
}

// handOf runs a statement written by hand, and makes JSON of its rows.
func (b *ruleBench) handOf(m ruleModel, t *model.Table, a ruleAsk) func([]byte) ([]byte, error) {
	sql, page := b.handSQL(t, a), ""
	if a.total { // comes with a page
		first := m.asks[0]
		first.hand = strings.NewReplacer("{cols}", "t.id", "LIMIT 21", "LIMIT 2").Replace(first.hand)
		page = b.handSQL(t, first)
	}
	var args []value.Value
	if strings.Contains(a.hand, "{me}") {
		id := value.Value{}
		if a.who != 0 {
			id = value.OfUUID(userID(a.who))
		}
		args = append(args, id)
	}
	names := make([]string, len(t.Fields))
	for i, f := range t.Fields {
		names[i] = `,"` + f.Name + `":`
	}
	return func(dst []byte) ([]byte, error) {
		err := b.db.Read(b.ctx, func(q store.Reader) error {
			if page != "" {
				if err := q.Query(page, args, func(value.Row) error { return nil }); err != nil {
					return err
				}
			}
			q.FinalStatement()
			rows := 0
			return q.Query(sql, args, func(row value.Row) error {
				if a.total {
					dst = strconv.AppendInt(dst, row.Int(0), 10)
					return nil
				}
				if rows++; rows > pageOf {
					return nil
				}
				dst = append(dst, '{')
				for i, f := range t.Fields {
					dst = append(dst, names[i][min(i, 1)^1:]...)
					dst = value.AppendJSON(dst, f, row, i)
				}
				dst = append(dst, '}', ',')
				return nil
			})
		})
		return dst, err
	}
}

func (b *ruleBench) handSQL(t *model.Table, a ruleAsk) string {
	columns := make([]string, len(t.Fields))
	for i, f := range t.Fields {
		columns[i] = "t." + f.Name
	}
	sql := a.hand
	me, yes, opaque := "?1", "1", "+"
	if b.engine.postgres {
		me, yes, opaque = "$1::uuid", "TRUE", ""
	}
	return strings.NewReplacer("{cols}", strings.Join(columns, ", "), "{me}", me, "{true}", yes, "{opaque t.state}", opaque+"t.state").Replace(sql)
}

// sameRows compares two answers, and returns the number of their rows, or the count.
func sameRows(a ruleAsk, ours, theirs []byte) (int64, error) {
	if a.total {
		var page struct{ Total int64 }
		if err := json.Unmarshal(ours, &page); err != nil {
			return 0, err
		}
		if strconv.FormatInt(page.Total, 10) != string(theirs) {
			return 0, fmt.Errorf("the total is %d, and by hand %s", page.Total, theirs)
		}
		return page.Total, nil
	}
	theirs = bytes.TrimSuffix(theirs, []byte(","))
	if a.get != 0 {
		if !bytes.Equal(ours, theirs) {
			return 0, fmt.Errorf("the row is %s, and by hand %s", ours, theirs)
		}
		return int64(min(1, len(ours))), nil
	}
	var page struct{ Items []json.RawMessage }
	if err := json.Unmarshal(ours, &page); err != nil {
		return 0, err
	}
	if joined := bytes.Join(asBytes(page.Items), []byte(",")); !bytes.Equal(joined, theirs) {
		return 0, fmt.Errorf("the page is\n%s\nand by hand\n%s", joined, theirs)
	}
	return int64(len(page.Items)), nil
}

func asBytes(raw []json.RawMessage) [][]byte {
	out := make([][]byte, len(raw))
	for i, r := range raw {
		out[i] = r
	}
	return out
}

func reportRules(s settings, lines []ruleLine, took time.Duration) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# Rules\n\nWritten by `make bench-rules`; what is measured and how is in [docs/performance.md](../docs/performance.md).\n\n%s, %s, Linux %s. The run took %v; load average at its end %s.\n",
		time.Now().UTC().Format("2006-01-02"), processor(), kernel(), took.Round(time.Second), systemLoad())
	for _, m := range ruleModels {
		if !slices.ContainsFunc(lines, func(l ruleLine) bool { return l.model == m.name }) {
			continue
		}
		fmt.Fprintf(&b, "\n## %s\n\n`read: %s`, %d rows\n\n| request | caller | rows | SQLite | by hand | × | p99 | PostgreSQL | by hand | × | p99 |\n|---|---|---|---|---|---|---|---|---|---|---|\n", m.name, m.rule, s.rows)
		for _, a := range m.asks {
			ruleRow(&b, lines, m.name, a)
		}
	}
	return publish(s, b.String())
}

func ruleRow(b io.Writer, lines []ruleLine, modelName string, a ruleAsk) {
	cells := map[string]ruleLine{}
	for _, l := range lines {
		if l.model == modelName && l.ask.what == a.what && l.ask.who == a.who {
			cells[l.engine] = l
		}
	}
	who := []string{"anonymous", "a stranger", "one with little", "one with more"}[a.who]
	rows := max(cells["SQLite"].rows, cells["PostgreSQL"].rows)
	fmt.Fprintf(b, "| %s | %s | %d |", a.what, who, rows)
	for _, e := range []string{"SQLite", "PostgreSQL"} {
		l, ok := cells[e]
		if !ok {
			fmt.Fprint(b, " – | – | – | – |")
			continue
		}
		fmt.Fprintf(b, " %s | %s | %.1f | %s |", spent(l.ashlar), spent(l.hand), float64(l.ashlar)/float64(l.hand), spent(l.worst))
	}
	fmt.Fprintln(b)
}

func spent(d time.Duration) string {
	if d >= 10*time.Millisecond {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%d µs", d.Microseconds())
}
