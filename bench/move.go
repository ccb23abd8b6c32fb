package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/load"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
)

// moveBar is the lowest speed of a move, relative to a hand-written loader.
const moveBar = 0.60

// mover is the setting of the moves: an app, its rows in a data folder, and a private PostgreSQL.
type mover struct {
	opts    settings
	folder  string
	binary  string
	app     string
	model   *model.Model
	cluster *pgtest.Cluster
	source  string // address of a PostgreSQL database with the rows, or ""
	targets int    // number of targets so far
}

// passes of one direction.
type passes struct {
	name       string
	ours, hand []time.Duration
	memory     int64 // peak resident memory of the command, in KiB
}

// runMove compares `ashlar move` with loaders written by hand for these tables, in turn.
func runMove(ctx context.Context, opts settings, folder string) error {
	begun := time.Now()
	mover, err := newMover(ctx, opts, folder)
	if err != nil {
		return err
	}
	defer mover.cluster.Close()
	var all []*passes
	for _, d := range []struct {
		name string
		run  func(context.Context, *passes) error
	}{{"SQLite to PostgreSQL", mover.toPostgres}, {"PostgreSQL to SQLite", mover.toSQLite}} {
		if !wanted(opts.only, d.name) {
			continue
		}
		p := &passes{name: d.name}
		for round := range opts.rounds {
			say("%s, round %d of %d", d.name, round+1, opts.rounds)
			if err := d.run(ctx, p); err != nil {
				return err
			}
		}
		all = append(all, p)
	}
	return reportMove(opts, all, time.Since(begun))
}

func newMover(ctx context.Context, opts settings, folder string) (*mover, error) {
	m := &mover{opts: opts, folder: folder, binary: filepath.Join(folder, "ashlar"), app: filepath.Join(folder, "app")}
	if err := makeApp(ctx, m.binary, m.app); err != nil {
		return nil, err
	}
	app, faults := load.Dir(m.app)
	if len(faults) > 0 {
		return nil, faults
	}
	m.model = app
	say("filling SQLite with %d rows", opts.rows)
	if err := fillFrom(m.file(m.data()), ashlarLayout, 0, opts.rows, "posts"); err != nil {
		return nil, err
	}
	say("starting PostgreSQL")
	var err error
	m.cluster, err = pgtest.NewCluster("fsync=on", "synchronous_commit=on", "full_page_writes=on", "shared_buffers=256MB", "max_wal_size=4GB", "timezone=UTC", "datestyle=ISO")
	if err != nil {
		return nil, err
	}
	return m, err
}

func (m *mover) data() string { return filepath.Join(m.app, ".ashlar") }

func (*mover) file(data string) string { return filepath.Join(data, "ashlar.db") }

// database makes an empty database.
func (m *mover) database(ctx context.Context) (string, error) {
	m.targets++
	return newDatabase(ctx, m.cluster, fmt.Sprintf("target%d", m.targets))
}

// drop drops a database, and waits until the server has written everything.
func (m *mover) drop(ctx context.Context, address string) error {
	name := address[len("postgres:///"):strings.Index(address, "?")]
	conn, err := pgx.Connect(ctx, m.cluster.URL("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for _, sql := range []string{"DROP DATABASE " + name + " WITH (FORCE)", "CHECKPOINT"} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

// ashlar runs the command and returns its peak resident memory in KiB.
func (m *mover) ashlar(ctx context.Context, from, to string) (int64, error) {
	cmd := exec.CommandContext(ctx, m.binary, "move", m.app, "--from", from, "--to", to)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("ashlar move: %w\n%s", err, out)
	}
	return cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss, nil
}

func timed(f func() error) (time.Duration, error) {
	start := time.Now()
	err := f()
	return time.Since(start), err
}

// toPostgres moves the data folder once by hand and once by ashlar, each into a database of its own.
func (m *mover) toPostgres(ctx context.Context, p *passes) error {
	return m.pass(p, func(run func(target string) error) (time.Duration, error) {
		target, err := m.database(ctx)
		if err != nil {
			return 0, err
		}
		took, err := timed(func() error { return run(target) })
		return took, errors.Join(err, m.drop(ctx, target))
	}, m.data(), func(target string) error { return handToPostgres(ctx, m.model, m.file(m.data()), target) })
}

// toSQLite does the same from PostgreSQL into data folders.
func (m *mover) toSQLite(ctx context.Context, p *passes) error {
	if m.source == "" {
		var err error
		if m.source, err = m.database(ctx); err != nil {
			return err
		}
		if _, err := m.ashlar(ctx, m.data(), m.source); err != nil {
			return err
		}
	}
	return m.pass(p, func(run func(target string) error) (time.Duration, error) {
		m.targets++
		target := filepath.Join(m.folder, fmt.Sprintf("data%d", m.targets))
		took, err := timed(func() error { return run(target) })
		return took, errors.Join(err, os.RemoveAll(target))
	}, m.source, func(target string) error { return handToSQLite(ctx, m.model, m.source, target) })
}

func (m *mover) pass(p *passes, into func(run func(target string) error) (time.Duration, error), from string, hand func(target string) error) error {
	took, err := into(hand)
	if err != nil {
		return fmt.Errorf("by hand: %w", err)
	}
	p.hand = append(p.hand, took)
	took, err = into(func(target string) error {
		memory, err := m.ashlar(context.Background(), from, target)
		p.memory = max(p.memory, memory)
		return err
	})
	p.ours = append(p.ours, took)
	if err == nil {
		say("by hand %.2f s, ashlar %.2f s", p.hand[len(p.hand)-1].Seconds(), took.Seconds())
	}
	return err
}

func reportMove(opts settings, all []*passes, took time.Duration) error {
	var text strings.Builder
	text.WriteString("# Moving a database\n\nWritten by `make bench-move`. ")
	fmt.Fprintf(&text, "%s, %d cores (%s), %s, Linux %s. ", time.Now().UTC().Format("2006-01-02"), runtime.NumCPU(), processor(), runtime.Version(), kernel())
	fmt.Fprintf(&text, "%d rows of posts (ten fields, a text of about 300 characters) and 1,000 users; PostgreSQL on the same machine, through a unix socket, with fsync on; medians of %d rounds, in turn. The run took %v.\n\n", opts.rows, opts.rounds, took.Round(time.Second))
	text.WriteString("By hand is a loop over these columns alone: the rows read with `zombiezen.com/go/sqlite` and written with pgx's `CopyFrom`, or read with pgx and written by one prepared insert, in transactions of 100,000 rows, with foreign keys off; then the same indexes and references, and in SQLite the check of all references. " +
		"It compares nothing. `ashlar move` reads all of it back, compares checksums, and is timed from its start as a command to its end.\n\n")
	text.WriteString("| direction | by hand | rows/s | ashlar move | rows/s | of the speed by hand | bar | memory |\n|---|---|---|---|---|---|---|---|\n")
	for _, passes := range all {
		hand, ours := median(passes.hand), median(passes.ours)
		rate := func(d time.Duration) float64 { return float64(opts.rows+userCount) / d.Seconds() }
		fmt.Fprintf(&text, "| %s | %.2f s | %.0f | %.2f s | %.0f | %s | %d MiB |\n", passes.name, hand.Seconds(), rate(hand), ours.Seconds(), rate(ours),
			percent(rate(ours), rate(hand), moveBar), passes.memory>>10)
	}
	return publish(opts, text.String())
}
