package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/identity/token"
)

// The names of the servers.
const (
	nameFloor       = "net/http, constant"
	nameHandwritten = "hand-written"
	namePocketBase  = "PocketBase"
	namePBNoLog     = "PocketBase, no log"
	nameAshlar      = "Ashlar"
	nameSilent      = "Ashlar all off"
	nameBefore      = "Ashlar before"
)

// setUp builds and fills the wanted servers, in folder.
func setUp(ctx context.Context, opts settings, folder string) ([]*server, error) {
	var all []*server
	for _, part := range []struct {
		name string
		make func(context.Context, settings, string) ([]*server, error)
	}{
		{nameFloor, floor}, {nameHandwritten, handwritten}, {namePocketBase, pocketbase}, {nameAshlar, ashlar}, {nameSilent, silent}, {nameBefore, before},
	} {
		if (part.name == nameBefore && opts.before == "") || (part.name != nameBefore && !wanted(opts.servers, part.name)) {
			continue
		}
		made, err := part.make(ctx, opts, folder)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", part.name, err)
		}
		all = append(all, made...)
	}
	return all, place(all, folder)
}

// place gives each server an address and a log.
func place(all []*server, folder string) (err error) {
	for i, srv := range all {
		if srv.port, err = freePort(); err != nil {
			return err
		}
		srv.log = filepath.Join(folder, fmt.Sprintf("log-%d", i))
		for j, a := range srv.args {
			srv.args[j] = strings.ReplaceAll(a, "ADDRESS", fmt.Sprintf("127.0.0.1:%d", srv.port))
		}
	}
	return nil
}

// freePort returns a free port, so that two runs can go on at the same time.
func freePort() (int, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return ln.Addr().(*net.TCPAddr).Port, ln.Close()
}

// wanted reports whether a list of names, separated by commas, has one. An empty list has all.
func wanted(list, name string) bool {
	if list == "" {
		return true
	}
	for n := range strings.SplitSeq(list, ",") {
		if strings.EqualFold(strings.TrimSpace(n), name) {
			return true
		}
	}
	return false
}

func floor(ctx context.Context, _ settings, folder string) ([]*server, error) {
	bin := filepath.Join(folder, "floor")
	if err := build(ctx, ".", "./floor", bin); err != nil {
		return nil, err
	}
	return []*server{{name: nameFloor, durability: "–", binary: bin, args: []string{"-listen", "ADDRESS", "-row", "620", "-page", "18600"}}}, nil
}

func handwritten(ctx context.Context, opts settings, folder string) ([]*server, error) {
	bin, dir := filepath.Join(folder, "handwritten"), filepath.Join(folder, "handwritten-data")
	if err := build(ctx, ".", "./handwritten", bin); err != nil {
		return nil, err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	db, key := filepath.Join(dir, "data.db"), filepath.Join(dir, "key")
	tokens, err := handwrittenTokens(key)
	if err != nil {
		return nil, err
	}
	if _, err := command(ctx, "", nil, "", bin, "-create", "-db", db); err != nil {
		return nil, err
	}
	say("filling %s with 2 × %d rows", nameHandwritten, opts.rows)
	if err := fill(db, handwrittenLayout, opts.rows); err != nil {
		return nil, err
	}
	return []*server{{
		name: nameHandwritten, durability: "FULL, in groups", binary: bin, dialect: handwrittenDialect{}, tokens: tokens,
		args: []string{"-listen", "ADDRESS", "-db", db, "-key", key},
	}}, nil
}

// handwrittenTokens makes a key and signs tokens with it.
func handwrittenTokens(key string) (tokens []string, err error) {
	seed := make([]byte, ed25519.SeedSize)
	_, _ = rand.Read(seed) // never fails
	if err := os.WriteFile(key, seed, 0o600); err != nil {
		return nil, err
	}
	private := ed25519.NewKeyFromSeed(seed)
	for n := range callers {
		payload, err := json.Marshal(map[string]any{"sub": userOf(n).id, "exp": time.Now().Add(24 * time.Hour).Unix()})
		if err != nil {
			return nil, err
		}
		text := base64.RawURLEncoding.EncodeToString(payload)
		tokens = append(tokens, "Bearer "+text+"."+base64.RawURLEncoding.EncodeToString(ed25519.Sign(private, []byte(text))))
	}
	return tokens, nil
}

// pocketbase is set up twice: with its defaults, and without its request log.
func pocketbase(ctx context.Context, opts settings, folder string) ([]*server, error) {
	bin, dir, quiet := filepath.Join(folder, "pocketbase"), filepath.Join(folder, "pocketbase-data"), filepath.Join(folder, "pocketbase-quiet")
	if err := build(ctx, "pocketbase", ".", bin); err != nil {
		return nil, err
	}
	at := func(dir string, args ...string) []string { return append(args, "--dir", dir, "--dev=false") }
	if _, err := command(ctx, "", nil, "", bin, at(dir, "collections")...); err != nil {
		return nil, err
	}
	say("filling %s with 2 × %d rows", namePocketBase, opts.rows)
	if err := fill(filepath.Join(dir, "data.db"), pocketbaseLayout, opts.rows); err != nil {
		return nil, err
	}
	var ids strings.Builder
	for n := range callers {
		fmt.Fprintln(&ids, shortOf(userOf(n).id))
	}
	out, err := command(ctx, "", nil, ids.String(), bin, at(dir, "tokens")...)
	if err != nil {
		return nil, err
	}
	tokens := strings.Fields(out)
	if err := os.CopyFS(quiet, os.DirFS(dir)); err != nil {
		return nil, err
	}
	if _, err := command(ctx, "", nil, "", bin, at(quiet, "logs-off")...); err != nil {
		return nil, err
	}
	make := func(name, dir string) *server {
		return &server{
			name: name, durability: "NORMAL", binary: bin, tokens: tokens, dialect: pocketbaseDialect{},
			args: at(dir, "serve", "--http=ADDRESS"),
		}
	}
	return []*server{make(namePocketBase, dir), make(namePBNoLog, quiet)}, nil
}

func ashlar(ctx context.Context, s settings, folder string) ([]*server, error) {
	return ashlarOf(ctx, s, nameAshlar, "..", filepath.Join(folder, "ashlar"))
}

// before returns the Ashlar of another checkout, with the model of its benchmark.
// silent is Ashlar without lines for requests, records, traces, metrics and profiles.
func silent(ctx context.Context, s settings, folder string) ([]*server, error) {
	made, err := ashlarOf(ctx, s, nameSilent, "..", filepath.Join(folder, "silent"))
	for _, srv := range made {
		srv.args = append(srv.args, "--telemetry", "off", "--operate-listen", "off", "--profile", "off", "--log-level", "error")
	}
	return made, err
}

func before(ctx context.Context, s settings, folder string) ([]*server, error) {
	return ashlarOf(ctx, s, nameBefore, s.before, filepath.Join(folder, "before"))
}

// ashlarOf builds and fills the Ashlar of a checkout. The program goes to bin, the app next to it.
func ashlarOf(ctx context.Context, opts settings, name, checkout, bin string) ([]*server, error) {
	app, err := makeAppIn(ctx, checkout, bin)
	if err != nil {
		return nil, err
	}
	data := filepath.Join(app, ".ashlar")
	say("filling %s with 2 × %d rows", name, opts.rows)
	if err := fill(filepath.Join(data, "ashlar.db"), ashlarLayout, opts.rows); err != nil {
		return nil, err
	}
	if hasSessions(checkout) {
		if err := fillSessions(filepath.Join(data, "ashlar.db")); err != nil {
			return nil, err
		}
	}
	tokens, err := ashlarTokens(data, hasSessions(checkout))
	if err != nil {
		return nil, err
	}
	return []*server{{
		name: name, durability: "FULL, in groups", binary: bin, dialect: ashlarDialect{}, tokens: tokens,
		args: []string{"serve", app, "--listen", "ADDRESS"},
	}}, nil
}

// makeAppIn builds the program of a checkout, and makes the app of its benchmark next to the program.
func makeAppIn(ctx context.Context, checkout, bin string, flags ...string) (app string, err error) {
	if err := build(ctx, checkout, "./cmd/ashlar", bin); err != nil {
		return "", err
	}
	model, err := os.ReadFile(filepath.Join(checkout, "bench", "ashlar.yaml"))
	if err != nil {
		return "", err
	}
	app = bin + "-app"
	return app, makeAppOf(ctx, watchable(string(model)), bin, app, flags...)
}

// watchable returns a model whose posts can be watched, for -watch only: logging their changes costs the other benchmarks something.
func watchable(model string) string {
	if !slices.Contains(os.Args, "-watch") {
		return model
	}
	return strings.Replace(model, "  posts:\n", "  posts:\n    watch: true\n", 1)
}

// makeApp builds the program, and makes the app of ashlar.yaml and its database, with more flags for token.
func makeApp(ctx context.Context, bin, app string, flags ...string) error {
	if err := build(ctx, "..", "./cmd/ashlar", bin); err != nil {
		return err
	}
	model, err := os.ReadFile("ashlar.yaml")
	if err != nil {
		return err
	}
	return makeAppOf(ctx, string(model), bin, app, flags...)
}

// makeAppOf makes an app of a model, and its database.
func makeAppOf(ctx context.Context, model, bin, app string, flags ...string) error {
	if err := writeModel(app, model); err != nil {
		return err
	}
	// A token for a user without a row: the command makes the database.
	_, err := command(ctx, "", nil, "", bin, append([]string{"token", "--id", uuidOf('z'-'a', 1<<20), app}, flags...)...)
	return err
}

func writeModel(app, model string) error {
	if err := os.MkdirAll(app, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(app, "ashlar.yaml"), []byte(model), 0o600)
}

// ashlarTokens signs tokens with the key of a data folder, of sessions or of none: see fillSessions.
func ashlarTokens(data string, sessions bool) (tokens []string, err error) {
	keys, err := token.Open(filepath.Join(data, "signing-key.pem"))
	if err != nil {
		return nil, err
	}
	for n := range callers {
		who := caller.Identity{ID: userOf(n).id}
		if sessions {
			who.Proof = caller.Proof{Kind: caller.ProofSession, ID: who.ID, Stamp: 1}
		}
		token, err := keys.Sign(who, 24*time.Hour, time.Now())
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, "Bearer "+token)
	}
	return tokens, nil
}
