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
func runRules(ctx context.Context, opts settings, folder string) (err error) {
	begun := time.Now()
	say("starting PostgreSQL")
	cluster, err := pgtest.NewCluster("shared_buffers=256MB", "max_wal_size=4GB", "timezone=UTC", "jit=off")
	if err != nil {
		return err
	}
	defer cluster.Close()
	var lines []ruleLine
	for i, m := range ruleModels {
		if !wanted(opts.only, m.name) {
			continue
		}
		url, err := newDatabase(ctx, cluster, "rules"+strconv.Itoa(i))
		if err != nil {
			return err
		}
		for _, engine := range []ruleEngine{
			{"SQLite", false, func() (store.DB, error) {
				return sqlite.Open(ctx, filepath.Join(folder, "rules"+strconv.Itoa(i)+".db"), sqlite.Config{ReadTimeout: time.Minute})
			}},
			{"PostgreSQL", true, func() (store.DB, error) {
				return postgres.Open(ctx, url, postgres.Config{ReadTimeout: time.Minute, Logger: slog.New(slog.DiscardHandler)})
			}},
		} {
			if !wanted(opts.servers, engine.name) {
				continue
			}
			more, err := measureRules(ctx, opts, engine, m)
			if err != nil {
				return fmt.Errorf("%s on %s: %w", m.name, engine.name, err)
			}
			lines = append(lines, more...)
		}
	}
	return reportRules(opts, lines, time.Since(begun))
}

type ruleEngine struct {
	name     string
	postgres bool
	open     func() (store.DB, error)
}

func measureRules(ctx context.Context, opts settings, engine ruleEngine, m ruleModel) (lines []ruleLine, err error) {
	rules, err := compileRules("ashlar: 1\nname: bench\nroles: [auditor]\ntables:" + m.yaml)
	if err != nil {
		return nil, err
	}
	db, err := engine.open()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	say("%s on %s: loading %d rows", m.name, engine.name, opts.rows)
	if _, err := migrate.Apply(ctx, db, rules, migrate.Options{}); err != nil {
		return nil, err
	}
	if err := loadRules(ctx, db, m, engine.postgres, opts.rows); err != nil {
		return nil, err
	}
	b := &ruleBench{ctx: ctx, db: db, engine: engine, rules: rules, rows: record.New(db, rules, record.Config{})}
	for _, ask := range m.asks {
		line, err := b.measure(opts, m, ask)
		if err != nil {
			return nil, fmt.Errorf("%s of user %d: %w", ask.what, ask.who, err)
		}
		line.model = m.name
		say("%-11s %-16s %-16s user %d %9d rows  %10v  by hand %10v  %5.2f", engine.name, m.name, ask.what, ask.who, line.rows, line.ashlar, line.hand, float64(line.ashlar)/float64(line.hand))
		lines = append(lines, line)
	}
	return lines, nil
}

func compileRules(source string) (*rule.Rules, error) {
	app, faults := load.Files(map[string][]byte{"ashlar.yaml": []byte(source)})
	if len(faults) > 0 {
		return nil, faults
	}
	rules, faults := rule.CompileModel(app)
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
func (b *ruleBench) measure(opts settings, m ruleModel, ask ruleAsk) (ruleLine, error) {
	line := ruleLine{engine: b.engine.name, ask: ask}
	table := b.rules.Model.Table(ask.table)
	hand := b.handOf(m, table, ask)
	var ours, theirs []byte
	for range 2 { // the first prepares statements and fills caches
		var err error
		if ours, err = b.ashlar(table, ask, nil); err != nil {
			return line, err
		}
		if theirs, err = hand(nil); err != nil {
			return line, err
		}
	}
	rows, err := sameRows(ask, ours, theirs)
	if err != nil {
		return line, err
	}
	line.rows = rows
	var ashlar, byHand []time.Duration
	var dst []byte
	for begun := time.Now(); len(ashlar) < 5 || (time.Since(begun) < opts.duration && len(ashlar) < 2000); {
		if err := b.touch(ask); err != nil {
			return line, err
		}
		start := time.Now()
		if dst, err = b.ashlar(table, ask, dst[:0]); err != nil {
			return line, err
		}
		ashlar = append(ashlar, time.Since(start))
		if err := b.touch(ask); err != nil {
			return line, err
		}
		start = time.Now()
		if dst, err = hand(dst[:0]); err != nil {
			return line, err
		}
		byHand = append(byHand, time.Since(start))
	}
	slices.Sort(ashlar)
	slices.Sort(byHand)
	line.ashlar, line.hand, line.worst = ashlar[len(ashlar)/2], byHand[len(byHand)/2], ashlar[len(ashlar)*99/100]
	return line, nil
}

// touch invalidates the remembered total. It runs before both reads, so that both begin a new snapshot.
func (b *ruleBench) touch(ask ruleAsk) error {
	if !ask.total {
		return nil
	}
	return b.db.Write(b.ctx, func(tx store.Tx) error {
		tx.MarkChanged(ask.table)
		return nil
	})
}

func (b *ruleBench) ashlar(table *model.Table, ask ruleAsk, dst []byte) ([]byte, error) {
	if ask.get != 0 {
		row, err := b.rows.Get(b.ctx, ask.caller(), table, value.OfInt(int64(ask.get)), record.Selection{}, dst)
		if e, ok := errors.AsType[*errs.Error](err); ok && e.Kind == errs.NotFound {
			return dst, nil
		}
		return row.JSON, err
	}
	q := record.Query{Sort: ask.sort, Filter: ask.filter, Limit: pageOf, Total: ask.total}
	if ask.total {
		q.Limit = 1
		q.Fields = "id"
	}
	return b.rows.List(b.ctx, ask.caller(), table, q, dst)
}

// handArgs returns the arguments of the statement written by hand: the caller's id, if the statement needs it.
func (a ruleAsk) handArgs() []value.Value {
	switch {
	case !strings.Contains(a.hand, "{me}"):
		return nil
	case a.who == 0:
		return []value.Value{{}}
	}
	return []value.Value{value.OfUUID(userID(a.who))}
}

// handOf runs a statement written by hand, and makes JSON of its rows.
func (b *ruleBench) handOf(m ruleModel, table *model.Table, ask ruleAsk) func([]byte) ([]byte, error) {
	sql, page := b.handSQL(table, ask), ""
	if ask.total { // comes with a page
		first := m.asks[0]
		first.hand = strings.NewReplacer("{cols}", "t.id", "LIMIT 21", "LIMIT 2").Replace(first.hand)
		page = b.handSQL(table, first)
	}
	args := ask.handArgs()
	names := make([]string, len(table.Fields))
	for i, f := range table.Fields {
		names[i] = `,"` + f.Name + `":`
	}
	return func(dst []byte) ([]byte, error) {
		err := b.db.Read(b.ctx, func(reader store.Reader) error {
			if page != "" {
				if err := reader.Query(page, args, func(value.Row) error { return nil }); err != nil {
					return err
				}
			}
			reader.FinalStatement()
			rows := 0
			return reader.Query(sql, args, func(row value.Row) error {
				if ask.total {
					dst = strconv.AppendInt(dst, row.Int(0), 10)
					return nil
				}
				if rows++; rows > pageOf {
					return nil
				}
				dst = append(dst, '{')
				for i, f := range table.Fields {
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

func (b *ruleBench) handSQL(table *model.Table, ask ruleAsk) string {
	columns := make([]string, len(table.Fields))
	for i, f := range table.Fields {
		columns[i] = "t." + f.Name
	}
	sql := ask.hand
	me, yes, opaque := "?1", "1", "+"
	if b.engine.postgres {
		me, yes, opaque = "$1::uuid", "TRUE", ""
	}
	return strings.NewReplacer("{cols}", strings.Join(columns, ", "), "{me}", me, "{true}", yes, "{opaque t.state}", opaque+"t.state").Replace(sql)
}

// sameRows compares two answers, and returns the number of their rows, or the count.
func sameRows(ask ruleAsk, ours, theirs []byte) (int64, error) {
	if ask.total {
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
	if ask.get != 0 {
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

func reportRules(opts settings, lines []ruleLine, took time.Duration) error {
	var text strings.Builder
	fmt.Fprintf(&text, "# Rules\n\nWritten by `make bench-rules`; what is measured and how is in [docs/performance.md](../docs/performance.md).\n\n%s, %s, Linux %s. The run took %v; load average at its end %s.\n",
		time.Now().UTC().Format("2006-01-02"), processor(), kernel(), took.Round(time.Second), systemLoad())
	for _, m := range ruleModels {
		if !slices.ContainsFunc(lines, func(l ruleLine) bool { return l.model == m.name }) {
			continue
		}
		fmt.Fprintf(&text, "\n## %s\n\n`read: %s`, %d rows\n\n| request | caller | rows | SQLite | by hand | × | p99 | PostgreSQL | by hand | × | p99 |\n|---|---|---|---|---|---|---|---|---|---|---|\n", m.name, m.rule, opts.rows)
		for _, a := range m.asks {
			ruleRow(&text, lines, m.name, a)
		}
	}
	return publish(opts, text.String())
}

func ruleRow(out io.Writer, lines []ruleLine, modelName string, ask ruleAsk) {
	cells := map[string]ruleLine{}
	for _, l := range lines {
		if l.model == modelName && l.ask.what == ask.what && l.ask.who == ask.who {
			cells[l.engine] = l
		}
	}
	who := []string{"anonymous", "a stranger", "one with little", "one with more"}[ask.who]
	rows := max(cells["SQLite"].rows, cells["PostgreSQL"].rows)
	fmt.Fprintf(out, "| %s | %s | %d |", ask.what, who, rows)
	for _, e := range []string{"SQLite", "PostgreSQL"} {
		line, ok := cells[e]
		if !ok {
			fmt.Fprint(out, " – | – | – | – |")
			continue
		}
		fmt.Fprintf(out, " %s | %s | %.1f | %s |", spent(line.ashlar), spent(line.hand), float64(line.ashlar)/float64(line.hand), spent(line.worst))
	}
	fmt.Fprintln(out)
}

func spent(d time.Duration) string {
	if d >= 10*time.Millisecond {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%d µs", d.Microseconds())
}
