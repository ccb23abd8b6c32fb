package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// StartStandby starts a standby of the cluster, which streams its changes. From then on the cluster's commits wait for the
// standby (synchronous replication).
func (c *Cluster) StartStandby(t testing.TB) *Cluster {
	t.Helper()
	cluster, err := c.standby()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.remove)
	if err := c.waitFor(cluster); err != nil {
		t.Fatal(err)
	}
	return cluster
}

const standbyName = "standby"

func (c *Cluster) standby() (*Cluster, error) {
	dir, err := os.MkdirTemp(socketFolder(), "ashlar-pg-")
	if err != nil {
		return nil, err
	}
	cluster := &Cluster{dir: dir, port: c.port, bin: c.bin, owner: c.owner, options: c.options}
	err = c.owner.own(dir)
	if err == nil {
		from := fmt.Sprintf("host=%s user=ashlar application_name=%s", c.dir, standbyName)
		var out []byte
		if out, err = cluster.run("pg_basebackup", "-d", from, "-D", cluster.data(), "-R", "--checkpoint=fast", "--no-sync"); err != nil {
			err = fmt.Errorf("pg_basebackup: %w\n%s", err, out)
		}
	}
	if err == nil {
		err = cluster.Start()
	}
	if err != nil {
		cluster.remove()
		return nil, err
	}
	return cluster, nil
}

// waitFor makes commits wait for the standby, once it streams.
func (c *Cluster) waitFor(cluster *Cluster) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, c.URL("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for _, sql := range []string{"ALTER SYSTEM SET synchronous_standby_names = '" + standbyName + "'", "SELECT pg_reload_conf()"} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return err
		}
	}
	for {
		var ready bool
		err := conn.QueryRow(ctx, "SELECT count(*) > 0 FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = 'sync'").Scan(&ready)
		if ready || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			log, _ := os.ReadFile(filepath.Join(cluster.dir, "log"))
			return fmt.Errorf("the standby does not stream: %s", log)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Promote makes a standby the primary, and returns when it is one.
func (c *Cluster) Promote() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, c.URL("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	// The setting came with the files of the primary. There is no other standby to wait for.
	for _, sql := range []string{"ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()"} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return err
		}
	}
	var promoted bool
	if err := conn.QueryRow(ctx, "SELECT pg_promote(true, 20)").Scan(&promoted); err != nil {
		return err
	}
	if !promoted {
		return errors.New("the standby was not promoted within 20 s")
	}
	return nil
}

// URLs returns the address of a database on the one of several clusters that takes writes.
func URLs(database string, clusters ...*Cluster) string {
	hosts := ""
	for i, cluster := range clusters {
		if i > 0 {
			hosts += ","
		}
		hosts += cluster.dir
	}
	q := url.Values{"host": {hosts}, "user": {"ashlar"}, "target_session_attrs": {"read-write"}}
	return "postgres:///" + database + "?" + q.Encode()
}
