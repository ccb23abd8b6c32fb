package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
)

// cacheSet is the servers of the comparison.
type cacheSet struct {
	careers servers // of examples/careers, with more occupations
	posts   servers // of the benchmark's own model, with a view
	stale   servers // of examples/careers on PostgreSQL
	plain   *server // of examples/careers on PostgreSQL, without the cache
	floor   *server // net/http alone
	token   string  // of a person who is heading for an occupation
	cluster *pgtest.Cluster
}

// servers are two servers of equal rows: with what is measured, and without.
type servers struct{ on, off *server }

// busyAuthors is a view for a dashboard: it reads all rows of a table.
const busyAuthors = `
views:
  busy_authors:
    key: uuid
    reads: [posts]
    query: SELECT author_id AS id, count(*) AS posts, CAST(sum(views) AS bigint) AS views FROM posts GROUP BY author_id
    fields: {posts: {type: int}, views: {type: int}}
    access: {read: true}
`

// makeAndStart makes the apps and starts their servers. The caller stops them, after an error too.
func (set *cacheSet) makeAndStart(ctx context.Context, opts settings, folder string) (err error) {
	bin := filepath.Join(folder, "ashlar")
	if err := build(ctx, "..", "./cmd/ashlar", bin); err != nil {
		return err
	}
	off := []string{"--answer-cache", "off"}
	careers := filepath.Join(folder, "careers")
	if set.token, err = makeCareers(ctx, bin, careers, folder); err != nil {
		return err
	}
	if set.careers, err = pairOf(bin, careers, nil, off); err != nil {
		return err
	}
	posts := filepath.Join(folder, "posts")
	if err = makePosts(ctx, opts, bin, posts); err != nil {
		return err
	}
	if set.posts, err = pairOf(bin, posts, nil, off); err != nil {
		return err
	}
	if wanted(opts.only, "stale") || wanted(opts.only, "postgres") || wanted(opts.only, "postgres-304") {
		say("starting PostgreSQL")
		if set.cluster, err = pgtest.NewCluster("fsync=on", "synchronous_commit=on", "full_page_writes=on", "shared_buffers=256MB", "timezone=UTC", "datestyle=ISO"); err != nil {
			return err
		}
		if set.stale, err = stalePair(ctx, bin, folder, set.cluster); err != nil {
			return err
		}
		set.plain = set.stale.off.copyOf("--answer-cache", "off")
	}
	made, err := floor(ctx, opts, folder)
	if err != nil {
		return err
	}
	set.floor = made[0]
	if err := place(set.all(), folder); err != nil {
		return err
	}
	for _, srv := range set.all() {
		path := "/healthz"
		if srv == set.floor {
			path = "/row"
		}
		if err := srv.start(ctx, path); err != nil {
			return err
		}
	}
	return nil
}

func (set *cacheSet) all() (all []*server) {
	if set.floor != nil {
		all = append(all, set.floor)
	}
	for _, pair := range []servers{set.careers, set.posts, set.stale} {
		if pair.on != nil {
			all = append(all, pair.on, pair.off)
		}
	}
	if set.plain != nil {
		all = append(all, set.plain)
	}
	return all
}

func (set *cacheSet) stop() error {
	if set.cluster != nil {
		defer set.cluster.Close()
	}
	return stopAll(set.all())
}

// pairOf copies an app, and returns a server of it and one of the copy. Each has flags of its own.
func pairOf(bin, app string, on, off []string) (servers, error) {
	other := app + "-off"
	if err := copyApp(app, other); err != nil {
		return servers{}, err
	}
	make := func(app string, flags []string) *server {
		return &server{name: nameAshlar, binary: bin, dialect: ashlarDialect{}, args: append([]string{"serve", app, "--listen", "ADDRESS", "--operate-listen", "off"}, flags...)}
	}
	return servers{on: make(app, on), off: make(other, off)}, nil
}

// copyApp copies an app with its data. Only the owner may read the keys in there.
func copyApp(from, to string) error {
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		return err
	}
	data := filepath.Join(to, ".ashlar")
	keys, err := filepath.Glob(filepath.Join(data, "*.pem"))
	for _, key := range keys {
		err = errors.Join(err, os.Chmod(key, 0o600))
	}
	return errors.Join(err, os.Chmod(data, 0o700))
}

// makeCareers makes the app of examples/careers in a folder, and returns the token of a person in it.
func makeCareers(ctx context.Context, bin, app, folder string, flags ...string) (person string, err error) {
	for _, name := range []string{"ashlar.yaml", "mail", "seed", "tables"} {
		from := filepath.Join("..", "examples", "careers", name)
		if name == "ashlar.yaml" {
			var text []byte
			if text, err = os.ReadFile(from); err == nil {
				err = writeModel(app, string(text))
			}
		} else {
			err = os.CopyFS(filepath.Join(app, name), os.DirFS(from))
		}
		if err != nil {
			return "", err
		}
	}
	sign := func(more ...string) (string, error) {
		out, err := command(ctx, "", nil, "", bin, append(append([]string{"token", "--id", "018f0000-0000-7000-8000-0000000000c1", app}, more...), flags...)...)
		lines := strings.Fields(out)
		if err != nil || len(lines) == 0 {
			return "", errors.Join(err, errors.New("ashlar token printed nothing"))
		}
		return "Bearer " + lines[len(lines)-1], nil
	}
	editor, err := sign("--role", "editor")
	if err != nil {
		return "", err
	}
	if person, err = sign(); err != nil {
		return "", err
	}
	srv := &server{name: nameAshlar, binary: bin, dialect: ashlarDialect{}, args: append([]string{"serve", app, "--listen", "ADDRESS", "--operate-listen", "off"}, flags...)}
	if err := place([]*server{srv}, folder); err != nil {
		return "", err
	}
	if err := srv.start(ctx, "/healthz"); err != nil {
		return "", err
	}
	return person, errors.Join(fillCareers(srv, editor, person), srv.stop())
}

const (
	careerOccupations = 100
	careerSkills      = 60
	skillsEach        = 6
	skillsWanted      = 35 // of the occupation that the person is heading for: as many as O*NET names
	skillsOwn         = 10 // of the person
)

// fillCareers adds occupations with skills, and a person who is heading for one of them.
func fillCareers(srv *server, editor, person string) error {
	say("filling careers with %d occupations", careerOccupations)
	about := strings.Repeat("Plans, builds and looks after things that others depend on. ", 3)
	var all []request
	add := func(token, table, body string, args ...any) {
		all = append(all, request{"POST", "/api/" + table, token, fmt.Sprintf(body, args...)})
	}
	for i := range careerSkills {
		add(editor, "skills", `{"id":"skill-%d","name":"Skill number %d","kind":"technical"}`, i, i)
	}
	for i := range careerOccupations {
		add(editor, "occupations", `{"id":"work-%d","title":"Work of the kind %d","description":%q,"demand":"steady"}`, i, i, about)
		each := skillsEach
		if i == 0 {
			each = skillsWanted
		}
		for j := range each {
			add(editor, "occupation_skills", `{"occupation_id":"work-%d","skill_id":"skill-%d","importance":%d.5}`, i, (i+j)%careerSkills, 1+j%4)
		}
	}
	add(person, "profiles", `{"id":"018f0000-0000-7000-8000-0000000000c2","headline":"Looking for work","target_id":"work-0"}`)
	for i := range skillsOwn {
		add(person, "profile_skills", `{"profile_id":"018f0000-0000-7000-8000-0000000000c2","skill_id":"skill-%d","level":3}`, i)
	}
	for _, call := range all {
		if _, err := ask(srv, call, http.StatusCreated); err != nil {
			return fmt.Errorf("%s %s: %w", call.path, call.body, err)
		}
	}
	return nil
}

// makePosts makes an app of the benchmark's model with a view, and fills it.
func makePosts(ctx context.Context, opts settings, bin, app string) error {
	model, err := os.ReadFile("ashlar.yaml")
	if err != nil {
		return err
	}
	if err := makeAppOf(ctx, string(model)+busyAuthors, bin, app); err != nil {
		return err
	}
	say("filling posts with %d rows", opts.rows)
	return fillFrom(filepath.Join(app, ".ashlar", "ashlar.db"), ashlarLayout, 0, opts.rows, "posts")
}

// stalePair makes two servers of careers on PostgreSQL. One of them may reuse answers about occupations for a second.
func stalePair(ctx context.Context, bin, folder string, cluster *pgtest.Cluster) (pair servers, err error) {
	app := filepath.Join(folder, "careers-postgres")
	url, err := newDatabase(ctx, cluster, "careers")
	if err != nil {
		return pair, err
	}
	if _, err := makeCareers(ctx, bin, app, folder, "--database", url); err != nil {
		return pair, err
	}
	if err := onPostgres(ctx, cluster.URL("postgres"), "CREATE DATABASE stale TEMPLATE careers", "CHECKPOINT"); err != nil {
		return pair, err
	}
	if pair, err = pairOf(bin, app, []string{"--database", cluster.URL("stale")}, []string{"--database", url}); err != nil {
		return pair, err
	}
	pair.on.backends = func() []int { return backendsOf(ctx, cluster.URL("stale")) }
	pair.off.backends = func() []int { return backendsOf(ctx, url) }
	model, err := os.ReadFile(filepath.Join(app, "ashlar.yaml"))
	if err != nil {
		return pair, err
	}
	const before = "  occupations:\n"
	if strings.Count(string(model), before) != 1 {
		return pair, fmt.Errorf("the model of careers does not have one line %q", before)
	}
	return pair, writeModel(app, strings.Replace(string(model), before, before+"    cache: {stale: 1s}\n", 1))
}

// backendsOf returns the processes that serve the connections of a database.
func backendsOf(ctx context.Context, url string) []int {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
	if err != nil {
		return nil
	}
	pids, _ := pgx.CollectRows(rows, pgx.RowTo[int])
	return pids
}
