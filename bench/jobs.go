package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/system"
)

// jobsAtOnce is how many jobs of one measurement wait when the workers start.
const jobsAtOnce = 20_000

// A jobLine is one kind of queue with its measurements.
type jobLine struct {
	name    string
	queue   job.QueueConfig
	keys    int
	river   bool
	sqlite  bool
	figures []float64 // jobs a second, of each round
}

// runJobs measures how many jobs that do nothing are done a second: taken from the table, done and settled. All kinds take turns
// on one server.
func runJobs(ctx context.Context, opts settings, folder string) error {
	begun := time.Now()
	cluster, err := pgtest.NewCluster("shared_buffers=256MB", "max_wal_size=4GB", "timezone=UTC", "jit=off", "fsync=on")
	if err != nil {
		return err
	}
	defer cluster.Close()
	lines := []*jobLine{
		{name: "River on PostgreSQL", river: true},
		{name: "PostgreSQL", queue: job.QueueConfig{Workers: 500}, keys: 1},
		{name: "PostgreSQL with a rate", queue: job.QueueConfig{Workers: 500, Rate: &job.Rate{Count: 1_000_000, Window: time.Second}}, keys: 1},
		{name: "PostgreSQL with 100 keys", queue: job.QueueConfig{Workers: 500, Each: &job.Each{AtOnce: 20}}, keys: 100},
		{name: "SQLite", sqlite: true, queue: job.QueueConfig{Workers: 500}, keys: 1},
		{name: "SQLite with 8 workers", sqlite: true, queue: job.QueueConfig{Workers: 8}, keys: 1},
		{name: "SQLite with a rate", sqlite: true, queue: job.QueueConfig{Workers: 500, Rate: &job.Rate{Count: 1_000_000, Window: time.Second}}, keys: 1},
		{name: "SQLite with 100 keys", sqlite: true, queue: job.QueueConfig{Workers: 500, Each: &job.Each{AtOnce: 20}}, keys: 100},
	}
	for round := range opts.rounds {
		for i, line := range lines {
			if !wanted(opts.servers, line.name) {
				continue
			}
			figure, err := line.measure(ctx, cluster, folder, "r"+strconv.Itoa(round)+"l"+strconv.Itoa(i))
			if err != nil {
				return fmt.Errorf("%s: %w", line.name, err)
			}
			line.figures = append(line.figures, figure)
			say("%-45s %8.0f jobs/s", line.name, figure)
		}
	}
	return reportJobs(opts, lines, time.Since(begun))
}

func (l *jobLine) measure(ctx context.Context, cluster *pgtest.Cluster, folder, name string) (perSecond float64, err error) {
	url := ""
	if !l.sqlite {
		if url, err = newDatabase(ctx, cluster, name); err != nil {
			return 0, err
		}
	}
	if l.river {
		return measureRiver(ctx, url)
	}
	var db store.DB
	if l.sqlite {
		db, err = sqlite.Open(ctx, filepath.Join(folder, name+".db"), sqlite.Config{Logger: slog.New(slog.DiscardHandler)})
	} else {
		db, err = postgres.Open(ctx, url, postgres.Config{Logger: slog.New(slog.DiscardHandler)})
	}
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return l.measureOwn(ctx, db)
}

// measureOwn adds the jobs, and then does them.
func (l *jobLine) measureOwn(ctx context.Context, db store.DB) (float64, error) {
	rules, err := compileRules("ashlar: 1\nname: bench\ntables: {notes: {fields: {title: {type: text, max: 9}}}}")
	if err != nil {
		return 0, err
	}
	if _, err := migrate.Apply(ctx, db, rules, migrate.Options{System: []system.Fragment{job.Tables}}); err != nil {
		return 0, err
	}
	l.queue.Name = "default"
	q := job.Open(db, job.Config{Queues: []job.QueueConfig{l.queue}, Logger: slog.New(slog.DiscardHandler)})
	for from := 0; from < jobsAtOnce; from += 1000 {
		err := db.Write(ctx, func(tx store.Tx) error {
			for i := range 1000 {
				spec := job.Insert{Name: "work", Queue: "default", Priority: 5, Key: "k" + strconv.Itoa((from+i)%l.keys), Args: []byte(`{}`)}
				if _, _, err := q.Enqueue(tx, spec); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return 0, err
		}
	}
	var finished atomic.Int64
	all, stopped := make(chan bool, 1), make(chan error, 1)
	q.Handle("work", 0, func(context.Context, *job.Job) error {
		if finished.Add(1) == jobsAtOnce {
			all <- true
		}
		return nil
	})
	running, stop := context.WithCancel(ctx)
	defer stop()
	begun := time.Now()
	go func() { stopped <- q.Run(running) }()
	select {
	case <-all:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	stop()
	<-stopped // every job is settled
	return jobsAtOnce / time.Since(begun).Seconds(), nil
}

// nothing is the argument of a job of River that does nothing.
type nothing struct{}

func (nothing) Kind() string { return "nothing" }

// measureRiver does the same with River: its jobs are inserted, then a client of 500 workers does them and is stopped.
func measureRiver(ctx context.Context, url string) (float64, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return 0, err
	}
	config.MaxConns = 16
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return 0, err
	}
	defer pool.Close()
	driver := riverpgxv5.New(pool)
	migrator, err := rivermigrate.New(driver, nil)
	if err != nil {
		return 0, err
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return 0, err
	}
	var finished atomic.Int64
	all := make(chan bool, 1)
	workers := river.NewWorkers()
	river.AddWorker(workers, river.WorkFunc(func(context.Context, *river.Job[nothing]) error {
		if finished.Add(1) == jobsAtOnce {
			all <- true
		}
		return nil
	}))
	client, err := river.NewClient(driver, &river.Config{
		Queues: map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 500}}, Workers: workers, Logger: slog.New(slog.DiscardHandler),
		FetchCooldown: time.Millisecond, // its least
	})
	if err != nil {
		return 0, err
	}
	for from := 0; from < jobsAtOnce; from += 1000 {
		batch := make([]river.InsertManyParams, 1000)
		for i := range batch {
			batch[i] = river.InsertManyParams{Args: nothing{}}
		}
		if _, err := client.InsertManyFast(ctx, batch); err != nil {
			return 0, err
		}
	}
	begun := time.Now()
	if err := client.Start(ctx); err != nil {
		return 0, err
	}
	select {
	case <-all:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	if err := client.Stop(ctx); err != nil { // every job is completed
		return 0, err
	}
	return jobsAtOnce / time.Since(begun).Seconds(), nil
}

func reportJobs(opts settings, lines []*jobLine, took time.Duration) error {
	var text strings.Builder
	fmt.Fprintf(&text, "# Jobs\n\nWritten by `make bench`: %d jobs that do nothing wait in the table. They are taken, done and settled, with 500\nworkers unless a line says otherwise. With keys, 20 jobs of each may run at once. Both engines are durable (`synchronous = FULL`, `fsync`).\n\n%s, %s, Linux %s. The run took %v; load average at its end %s.\n\n| | jobs/s, median | rounds |\n|---|---:|---|\n",
		jobsAtOnce, time.Now().UTC().Format("2006-01-02"), processor(), kernel(), took.Round(time.Second), systemLoad())
	for _, line := range lines {
		if len(line.figures) == 0 {
			continue
		}
		all := make([]string, len(line.figures))
		for i, figure := range line.figures {
			all[i] = fmt.Sprintf("%.0f", figure)
		}
		sorted := slices.Sorted(slices.Values(line.figures))
		fmt.Fprintf(&text, "| %s | %.0f | %s |\n", line.name, sorted[len(sorted)/2], strings.Join(all, ", "))
	}
	return publish(opts, text.String())
}
