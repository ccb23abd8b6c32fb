package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
)

// onlineModel is the model of a table and the changed parts: fields, indexes and the rest.
type onlineModel struct{ fields, indexes, rest []string }

func firstModel() onlineModel {
	return onlineModel{
		fields: []string{
			"title: {type: text, max: 200}", "body: {type: text}", "status: {type: enum, values: [draft, open, closed, archived]}",
			"views: {type: int}", "score: {type: float}", "featured: {type: bool}", "author: {ref: users}",
			"editor_id: {type: uuid, optional: true}", "price: {type: decimal, precision: 8, scale: 2, optional: true}",
		},
		indexes: []string{"[author, created_at]", "[status, created_at]"},
		rest:    []string{"access: {read: true, write: author_id == auth.id}"},
	}
}

func (m onlineModel) String() string {
	return "ashlar: 1\nname: bench\ntables:\n  users:\n    access: {read: true}\n  posts:\n    fields:\n      " + strings.Join(m.fields, "\n      ") +
		"\n    indexes: [" + strings.Join(m.indexes, ", ") + "]\n    " + strings.Join(m.rest, "\n    ") + "\n"
}

// replace puts another field in the place of one.
func (m *onlineModel) replace(was, is string) {
	for i, f := range m.fields {
		if strings.HasPrefix(f, was+":") {
			m.fields[i] = is
		}
	}
}

// onlineChange is a change of the model, made after the earlier ones, while the server continues with the first
// model.
type onlineChange struct {
	key, name string
	inPlace   bool // SQLite keeps the table, so a server can run during the change
	apply     func(*onlineModel)
}

var onlineChanges = []onlineChange{
	{"index", "an index", true, func(m *onlineModel) { m.indexes = append(m.indexes, "[views]") }},
	{"field", "a required field with a default", true, func(m *onlineModel) { m.fields = append(m.fields, "rank: {type: int, default: 3}") }},
	{"reference", "an optional reference", true, func(m *onlineModel) { m.fields = append(m.fields, "reviewer: {ref: users, optional: true}") }},
	{"check", "a check", true, func(m *onlineModel) {
		m.rest = append(m.rest, `checks: [{expr: "views >= 0", message: negative views}]`)
	}},
	{"unique", "a unique combination", true, func(m *onlineModel) { m.rest = append(m.rest, "unique: [[author, created_at]]") }},
	{"decimal", "a decimal of more digits", true, func(m *onlineModel) {
		m.replace("price", "price: {type: decimal, precision: 12, scale: 2, optional: true}")
	}},
	{"becomes", "a field that becomes a reference", false, func(m *onlineModel) { m.replace("editor_id", "editor: {ref: users, optional: true}") }},
	{"enum", "one more value of an enum", false, func(m *onlineModel) {
		m.replace("status", "status: {type: enum, values: [draft, open, closed, archived, review]}")
	}},
}

// onlineLayout returns the layout of the first model.
func onlineLayout() layout {
	l := ashlarLayout
	l.articles = append(l.articles[:len(l.articles):len(l.articles)], "editor_id")
	l.article = func(table string, n int) []any {
		return append(ashlarLayout.article(table, n), userOf(articleOf(table, n).author).id)
	}
	return l
}

// changed is the effect of one change on concurrent requests.
type changed struct {
	took          time.Duration
	reads, writes window
}

// online is the server's app on the first model, and the app for the changes.
type online struct {
	opts      settings
	folder    string
	binary    string
	app, next string
	tokens    []string
	engine    string
	ready     func(context.Context) (flags []string, err error) // makes a database of its own for a round
	rounds    int                                               // number of measured rounds
	results   map[string][]changed
	skips     func(onlineChange) bool
}

func runOnline(ctx context.Context, opts settings, folder string) error {
	begun := time.Now()
	var all []*online
	for _, e := range []struct {
		name string
		make func(context.Context, *online) (stop func(), err error)
	}{{"PostgreSQL", onlinePostgres}, {"SQLite", onlineSQLite}} {
		if !wanted(opts.servers, e.name) {
			continue
		}
		online, stop, err := newOnline(ctx, opts, filepath.Join(folder, e.name), e.name, e.make)
		if err != nil {
			return fmt.Errorf("%s: %w", e.name, err)
		}
		all = append(all, online)
		for round := range opts.rounds {
			say("%s, round %d of %d", e.name, round+1, opts.rounds)
			if err = online.round(ctx); err != nil {
				break
			}
			online.rounds++
			if err = reportOnline(opts, all, time.Since(begun)); err != nil { // after each round, so that an interrupted run has a report
				break
			}
		}
		stop()
		if err != nil {
			return fmt.Errorf("%s: %w", e.name, err)
		}
	}
	return nil
}

func newOnline(ctx context.Context, opts settings, folder, engine string, make func(context.Context, *online) (func(), error)) (o *online, stop func(), err error) {
	o = &online{
		opts: opts, folder: folder, engine: engine, results: map[string][]changed{}, skips: func(onlineChange) bool { return false },
		binary: filepath.Join(folder, "ashlar"), app: filepath.Join(folder, "app"), next: filepath.Join(folder, "next"),
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		return nil, nil, err
	}
	if err := build(ctx, "..", "./cmd/ashlar", o.binary); err != nil {
		return nil, nil, err
	}
	if stop, err = make(ctx, o); err != nil {
		return nil, nil, err
	}
	if o.tokens, err = ashlarTokens(filepath.Join(o.app, ".ashlar"), false); err != nil {
		stop()
		return nil, nil, err
	}
	return o, stop, nil
}

func onlinePostgres(ctx context.Context, o *online) (stop func(), err error) {
	say("starting PostgreSQL")
	cluster, err := pgtest.NewCluster("fsync=on", "synchronous_commit=on", "full_page_writes=on", "shared_buffers=512MB", "max_wal_size=4GB", "timezone=UTC", "datestyle=ISO",
		"log_lock_waits=on", "deadlock_timeout=200ms")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			cluster.Close()
		}
	}()
	filled, err := newDatabase(ctx, cluster, "filled")
	if err != nil {
		return nil, err
	}
	if err := makeAppOf(ctx, firstModel().String(), o.binary, o.app, "--database", filled); err != nil {
		return nil, err
	}
	say("filling PostgreSQL with %d rows", o.opts.rows)
	layout := onlineLayout()
	layout.after = ashlarPostgresLayout.after
	if err := fillPostgres(ctx, filled, layout, o.opts.rows, "posts"); err != nil {
		return nil, err
	}
	o.ready = func(ctx context.Context) ([]string, error) {
		return []string{"--database", cluster.URL("online")}, onPostgres(ctx, cluster.URL("postgres"),
			"DROP DATABASE IF EXISTS online WITH (FORCE)", "CREATE DATABASE online TEMPLATE filled STRATEGY FILE_COPY", "CHECKPOINT")
	}
	return cluster.Close, nil
}

func onPostgres(ctx context.Context, address string, statements ...string) (err error) {
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	for _, sql := range statements {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
	}
	return nil
}

func onlineSQLite(ctx context.Context, o *online) (stop func(), err error) {
	if err := makeAppOf(ctx, firstModel().String(), o.binary, o.app); err != nil {
		return nil, err
	}
	data := filepath.Join(o.app, ".ashlar")
	say("filling SQLite with %d rows", o.opts.rows)
	if err := fillFrom(filepath.Join(data, "ashlar.db"), onlineLayout(), 0, o.opts.rows, "posts"); err != nil {
		return nil, err
	}
	o.skips = func(c onlineChange) bool { return !c.inPlace }
	o.ready = func(context.Context) ([]string, error) {
		own := filepath.Join(o.folder, "data")
		if err := os.RemoveAll(own); err != nil {
			return nil, err
		}
		if err := os.CopyFS(own, os.DirFS(data)); err != nil {
			return nil, err
		}
		return []string{"--data", own}, errors.Join(os.Chmod(own, 0o700), os.Chmod(filepath.Join(own, "signing-key.pem"), 0o600))
	}
	return func() {}, nil
}

// onlineCalm is the time of requests before a change. The windows before a change are taken from it.
const onlineCalm = 6 * time.Second

// round makes all changes once, one after another. The server keeps the first model.
func (o *online) round(ctx context.Context) (err error) {
	where, err := o.ready(ctx)
	if err != nil {
		return err
	}
	srv := &server{name: nameAshlar, binary: o.binary, tokens: o.tokens, dialect: ashlarDialect{}, args: append([]string{"serve", o.app, "--listen", "ADDRESS"}, where...)}
	place([]*server{srv}, o.folder)
	if err := srv.start(ctx, srv.dialect.get("posts", uuidOf('p', 1))); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, srv.stop()) }()
	traffic := startTraffic(ctx, srv, o.opts.rows)
	defer traffic.stop()
	model := firstModel()
	for _, change := range onlineChanges {
		if o.skips(change) || !wanted(o.opts.only, change.key) {
			continue
		}
		change.apply(&model)
		if err := writeModel(o.next, model.String()); err != nil {
			return err
		}
		time.Sleep(onlineCalm)
		if err := o.change(ctx, change, traffic, where); err != nil {
			return err
		}
	}
	return nil
}

// change runs the command and keeps the results of concurrent requests.
func (o *online) change(ctx context.Context, change onlineChange, t *traffic, where []string) error {
	start := time.Now()
	out, err := exec.CommandContext(ctx, o.binary, append([]string{"migrate", o.next}, where...)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: ashlar migrate: %w\n%s", change.name, err, out)
	}
	took := time.Since(start)
	time.Sleep(onlineAfter)
	during := took + onlineAfter
	r := changed{took: took, reads: t.window(false, start, during), writes: t.window(true, start, during)}
	o.results[change.key] = append(o.results[change.key], r)
	say("%-34s %6.2f s  reads %v  writes %v", change.name, took.Seconds(), r.reads, r.writes)
	return nil
}
