package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/identity/password"
)

// The logins: each client signs in again as soon as it is signed in, every time as another user. At the same time another
// client gets rows, at a rate that one core serves with ease.
const (
	loginClients  = 64
	loginUsers    = 128
	getsPerSecond = 250
	loginLead     = 2 * time.Second // until the first clients have their answers: not counted
)

// loginRound is what one round measured on a server.
type loginRound struct {
	alone, beside float64       // logins a second, without and with gets at the same time
	idle, busy    time.Duration // p99 of a get, without and with logins at the same time
	login         time.Duration // p50 of a login
	before, peak  int64         // bytes resident, before the logins and at most during them
	refused       int
}

// runAccounts measures logins beside PocketBase. Both servers make their hashes themselves, with their defaults.
func runAccounts(ctx context.Context, opts settings, folder string) (err error) {
	begun := time.Now()
	opts.servers, opts.rows = nameAshlar+","+namePocketBase, 10_000
	made, err := setUp(ctx, opts, folder)
	if err != nil {
		return err
	}
	all := []*server{serverOf(made, namePocketBase), serverOf(made, nameAshlar)}
	defer func() { err = errors.Join(err, stopAll(all)) }()
	say("hashing %d passwords for each server", loginUsers)
	if err := pocketbasePasswords(ctx, folder); err != nil {
		return err
	}
	if err := ashlarPasswords(ctx, folder); err != nil {
		return err
	}
	rounds := map[string][]loginRound{}
	for n := range opts.rounds {
		for _, srv := range all {
			one, err := runLogins(ctx, opts, srv)
			if err != nil {
				return fmt.Errorf("%s: %w", srv.name, err)
			}
			rounds[srv.name] = append(rounds[srv.name], one)
			say("round %d of %d  %-12s %5.1f logins/s, %5.1f beside gets  p50 %v  get p99 %v, then %v  %.0f MB, then %.0f  %d refused", n+1, opts.rounds, srv.name,
				one.alone, one.beside, one.login, one.idle, one.busy, megabytes(one.before), megabytes(one.peak), one.refused)
		}
	}
	return reportLogins(opts, rounds, time.Since(begun))
}

func serverOf(all []*server, name string) *server {
	for _, srv := range all {
		if srv.name == name {
			return srv
		}
	}
	panic("no server " + name)
}

// passwordOf returns the password of a user: each has another one.
func passwordOf(n int) string { return fmt.Sprintf("a mason of wall %d", n) }

// signIn returns the request that signs a user in.
func signIn(d dialect, n int) request {
	members, path := map[string]string{"email": userOf(n).email, "password": passwordOf(n)}, "/auth/sign-in"
	if _, ok := d.(pocketbaseDialect); ok {
		members, path = map[string]string{"identity": userOf(n).email, "password": passwordOf(n)}, "/api/collections/users/auth-with-password"
	}
	body, _ := json.Marshal(members)
	return request{method: "POST", path: path, body: string(body)}
}

// pocketbasePasswords lets PocketBase set the passwords of its users.
func pocketbasePasswords(ctx context.Context, folder string) error {
	var lines strings.Builder
	for n := range loginUsers {
		fmt.Fprintf(&lines, "%s %s\n", shortOf(userOf(n).id), passwordOf(n))
	}
	_, err := command(ctx, "", nil, lines.String(), filepath.Join(folder, "pocketbase"), "passwords", "--dir", filepath.Join(folder, "pocketbase-data"), "--dev=false")
	return err
}

// ashlarPasswords turns accounts on in the model of Ashlar, and gives the users passwords with hashes of its own hasher.
func ashlarPasswords(ctx context.Context, folder string) (err error) {
	model, err := os.OpenFile(filepath.Join(folder, "ashlar-app", "ashlar.yaml"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = model.WriteString("accounts: {signup: open}\n")
	if err = errors.Join(err, model.Close()); err != nil {
		return err
	}
	conn, err := sqlite.OpenConn(filepath.Join(folder, "ashlar-app", ".ashlar", "ashlar.db"), sqlite.OpenReadWrite|sqlite.OpenWAL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	hasher := password.NewHasher(password.Config{})
	for n := range loginUsers {
		hash, err := hasher.Hash(ctx, caller.Client{}, passwordOf(n))
		if err != nil {
			return err
		}
		if err := sqlitex.Execute(conn, "UPDATE ashlar_accounts SET email = ?, password = ? WHERE id = ?", &sqlitex.ExecOptions{
			Args: []any{userOf(n).email, hash, userOf(n).id},
		}); err != nil {
			return err
		}
	}
	return nil
}

// runLogins starts a server, measures one round, and stops it. So the memory of a round does not hold what another one left.
func runLogins(ctx context.Context, opts settings, srv *server) (one loginRound, err error) {
	if err := srv.start(ctx, srv.dialect.get("posts", uuidOf('p', 1))); err != nil {
		return one, err
	}
	defer func() { err = errors.Join(err, srv.stop()) }()
	get := func(r *rand.Rand) request { return getPost(srv, r, opts.rows) }
	window := 2 * opts.duration
	sendAt(ctx, srv, get, getsPerSecond, time.Second)
	calm := sendAt(ctx, srv, get, getsPerSecond, window)
	one.before = srv.memory("VmRSS")
	if err := srv.forgetPeak(); err != nil {
		return one, err
	}
	crowd := startLogins(ctx, srv)
	crowd.rate(ctx, loginLead)
	one.alone = crowd.rate(ctx, window)
	var busy *flood
	one.beside = crowd.during(func() { busy = sendAt(ctx, srv, get, getsPerSecond, window) })
	one.peak = srv.memory("VmHWM")
	crowd.stop()
	one.idle, one.busy, one.login, one.refused = calm.at(0.99), busy.at(0.99), quantile(crowd.took, 0.5), crowd.refused
	if failed := calm.failed + calm.other + busy.failed + busy.other + busy.refused; failed > 0 {
		return one, fmt.Errorf("%d gets failed", failed)
	}
	if crowd.fault != "" {
		say("%s: a login failed: %s", srv.name, crowd.fault)
	}
	return one, ctx.Err()
}

// crowd is the clients that sign in.
type crowd struct {
	end context.CancelFunc
	all sync.WaitGroup

	mu      sync.Mutex
	took    []time.Duration // of each login
	refused int
	fault   string // of the first refusal
}

func startLogins(ctx context.Context, srv *server) *crowd {
	ctx, end := context.WithCancel(ctx)
	c := &crowd{end: end}
	sender := loginSender()
	for n := range loginClients {
		c.all.Go(func() {
			for user := n; ctx.Err() == nil; user = (user + loginClients) % loginUsers {
				begun := time.Now()
				fault := attempt(ctx, sender, srv, signIn(srv.dialect, user))
				if ctx.Err() == nil {
					c.note(time.Since(begun), fault)
				}
				if fault != "" {
					time.Sleep(50 * time.Millisecond) // a refusal costs nothing: do not measure those
				}
			}
		})
	}
	return c
}

func (c *crowd) note(took time.Duration, fault string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if fault == "" {
		c.took = append(c.took, took)
		return
	}
	c.refused++
	if c.fault == "" {
		c.fault = fault
	}
}

func (c *crowd) done() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.took)
}

// rate returns the logins a second during a time.
func (c *crowd) rate(ctx context.Context, window time.Duration) float64 {
	return c.during(func() {
		select {
		case <-ctx.Done():
		case <-time.After(window):
		}
	})
}

// during returns the logins a second while f runs.
func (c *crowd) during(f func()) float64 {
	before, begun := c.done(), time.Now()
	f()
	return float64(c.done()-before) / time.Since(begun).Seconds()
}

func (c *crowd) stop() {
	c.end()
	c.all.Wait()
}
