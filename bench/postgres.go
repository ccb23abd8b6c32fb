package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
)

const (
	nameAshlarPostgres      = "Ashlar"
	nameHandwrittenPostgres = "hand-written, pgx"
)

// postgresBar is the bar against the hand-written service at a number of connections; 0 is no bar.
func postgresBar(work workload, connections int) float64 {
	switch {
	case !work.writes && (work.key == "get" || work.key == "list" || work.key == "rule-get" || work.key == "rule-list"):
		return 0.90
	case work.writes && connections == 1:
		return 0.85
	case work.writes:
		return 1.20
	default:
		return 0
	}
}

// runPostgres measures both services on databases of one private server with fsync.
func runPostgres(ctx context.Context, opts settings, folder string) (err error) {
	begun := time.Now()
	say("starting PostgreSQL")
	cluster, err := pgtest.NewCluster("fsync=on", "synchronous_commit=on", "full_page_writes=on", "shared_buffers=256MB", "max_wal_size=2GB", "timezone=UTC", "datestyle=ISO")
	if err != nil {
		return err
	}
	defer cluster.Close()
	var all []*server
	makers := []func(context.Context, settings, string, *pgtest.Cluster) (*server, error){handwrittenPostgres, ashlarPostgres}
	if opts.before != "" {
		makers = append(makers, beforePostgres)
	}
	for _, make := range makers {
		srv, err := make(ctx, opts, folder, cluster)
		if err != nil {
			return err
		}
		all = append(all, srv)
	}
	if err := place(all, folder); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopAll(all)) }()
	if err := startAll(ctx, all, 3); err != nil {
		return err
	}
	say("comparing the answers")
	if err := verify(all, opts.rows); err != nil {
		return err
	}
	results := table{}
	for round := range opts.rounds {
		for _, writes := range []bool{false, true} {
			say("round %d of %d", round+1, opts.rounds)
			if err := runRound(ctx, opts, folder, all, writes, results); err != nil {
				return err
			}
		}
	}
	return reportPostgres(opts, all, results, time.Since(begun))
}

// newDatabase makes a database and returns its address.
func newDatabase(ctx context.Context, cluster *pgtest.Cluster, name string) (string, error) {
	conn, err := pgx.Connect(ctx, cluster.URL("postgres"))
	if err != nil {
		return "", err
	}
	_, err = conn.Exec(ctx, "CREATE DATABASE "+name+" TEMPLATE template0")
	return cluster.URL(name), errors.Join(err, conn.Close(ctx))
}

func handwrittenPostgres(ctx context.Context, opts settings, folder string, cluster *pgtest.Cluster) (*server, error) {
	bin, key := filepath.Join(folder, "handwritten"), filepath.Join(folder, "handwritten-key")
	if err := build(ctx, ".", "./handwritten", bin); err != nil {
		return nil, err
	}
	url, err := newDatabase(ctx, cluster, "handwritten")
	if err != nil {
		return nil, err
	}
	tokens, err := handwrittenTokens(key)
	if err != nil {
		return nil, err
	}
	if _, err := command(ctx, "", nil, "", bin, "-create", "-postgres", url); err != nil {
		return nil, err
	}
	say("filling %s with 2 × %d rows", nameHandwrittenPostgres, opts.rows)
	return &server{
		name: nameHandwrittenPostgres, durability: "one transaction each", binary: bin, dialect: handwrittenDialect{}, tokens: tokens,
		args: []string{"-listen", "ADDRESS", "-postgres", url, "-key", key},
	}, fillPostgres(ctx, url, handwrittenLayout, opts.rows, "posts", "notes")
}

func ashlarPostgres(ctx context.Context, s settings, folder string, c *pgtest.Cluster) (*server, error) {
	return ashlarPostgresOf(ctx, s, c, nameAshlarPostgres, "..", filepath.Join(folder, "ashlar"))
}

// beforePostgres is the Ashlar of another checkout.
func beforePostgres(ctx context.Context, s settings, folder string, c *pgtest.Cluster) (*server, error) {
	return ashlarPostgresOf(ctx, s, c, nameBefore, s.before, filepath.Join(folder, "before"))
}

func ashlarPostgresOf(ctx context.Context, opts settings, cluster *pgtest.Cluster, name, checkout, bin string) (*server, error) {
	url, err := newDatabase(ctx, cluster, filepath.Base(bin))
	if err != nil {
		return nil, err
	}
	app, err := makeAppIn(ctx, checkout, bin, "--database", url)
	if err != nil {
		return nil, err
	}
	tokens, err := ashlarTokens(filepath.Join(app, ".ashlar"), hasSessions(checkout))
	if err != nil {
		return nil, err
	}
	say("filling %s with 2 × %d rows", name, opts.rows)
	if err := fillPostgres(ctx, url, ashlarPostgresLayout, opts.rows, "posts", "notes"); err != nil {
		return nil, err
	}
	if hasSessions(checkout) {
		if err := fillPostgresSessions(ctx, url); err != nil {
			return nil, err
		}
	}
	return &server{
		name: name, durability: "one transaction each", binary: bin, dialect: ashlarDialect{}, tokens: tokens,
		args: []string{"serve", app, "--listen", "ADDRESS", "--database", url},
	}, nil
}

var ashlarPostgresLayout = layout{
	users: ashlarLayout.users, user: ashlarLayout.user, articles: ashlarLayout.articles, article: ashlarLayout.article,
	after: []string{`SELECT setval('ashlar_revision', 100000000)`},
}

// fillPostgres puts the rows into an unused database.
func fillPostgres(ctx context.Context, url string, l layout, rows int, tables ...string) (err error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	if err := copyRows(ctx, conn, "users", l.users, userCount, l.user); err != nil {
		return err
	}
	for _, table := range tables {
		if err := copyRows(ctx, conn, table, l.articles, rows, func(n int) []any { return l.article(table, n) }); err != nil {
			return err
		}
	}
	for _, sql := range append([]string{"VACUUM (ANALYZE)", "CHECKPOINT"}, l.after...) {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
	}
	return nil
}

func copyRows(ctx context.Context, conn *pgx.Conn, table string, columns []string, rows int, row func(int) []any) error {
	_, err := conn.CopyFrom(ctx, pgx.Identifier{table}, columns, pgx.CopyFromSlice(rows, func(n int) ([]any, error) {
		values := row(n)
		for i, name := range columns {
			if strings.HasSuffix(name, "_at") {
				values[i] = time.UnixMicro(values[i].(int64)).UTC()
			}
		}
		return values, nil
	}))
	return err
}

func reportPostgres(opts settings, all []*server, t table, took time.Duration) error {
	var text strings.Builder
	text.WriteString("# Results on PostgreSQL\n\nWritten by `make bench`; what is measured and how is in [docs/performance.md](../docs/performance.md).\n\n")
	machine(&text, opts, took)
	text.WriteString("The server is on the same machine, through a unix socket, with fsync and synchronous_commit on. CPU counts the service alone.\n\n## Requests\n\n")
	requests(&text, all, t)
	text.WriteString("\n## Against the bars\n\n| workload | connections | against hand-written | bar | CPU against hand-written |\n|---|---|---|---|---|\n")
	for _, work := range workloads {
		for _, c := range work.connections {
			own, other := t[cell{work.name, c, nameAshlarPostgres}], t[cell{work.name, c, nameHandwrittenPostgres}]
			if len(own) == 0 || len(other) == 0 {
				continue
			}
			fmt.Fprintf(&text, "| %s | %d | %s | %s |\n", work.name, c, percent(rate(own), rate(other), postgresBar(work, c)), ratio(cpu(own), cpu(other)))
		}
	}
	if opts.before != "" {
		text.WriteString("\n## Against the checkout before\n\n")
		againstBefore(&text, t)
	}
	text.WriteString("\n## Programs\n\n")
	programs(&text, all)
	return publish(opts, text.String())
}
