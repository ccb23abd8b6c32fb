package postgres

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// A Server is what a database server says about itself and about the role that we have there.
type Server struct {
	Version   string            // such as 17.6
	Settings  map[string]string // the settings in selectSettings, with their units
	Role      string            // name of our role
	Powers    []string          // what our role may do beyond its database: SUPERUSER, CREATEROLE, CREATEDB, BYPASSRLS, REPLICATION
	Used      int               // connections of all roles
	Offset    time.Duration     // of the server's clock from ours
	Accuracy  time.Duration     // of Offset
	Standby   bool              // the server is a replica
	Encrypted bool              // our connection is
	Remote    bool              // the server is on another machine
	Pooled    bool              // a pooler stands between
}

const selectSettings = `SELECT string_agg(name || '=' || setting || coalesce(unit, ''), E'\n') FROM pg_settings WHERE name IN (
'fsync', 'synchronous_commit', 'full_page_writes', 'max_connections', 'superuser_reserved_connections',
'idle_in_transaction_session_timeout', 'server_version', 'data_checksums', 'archive_mode')`

const selectRole = `SELECT rolname || ' ' || concat_ws(',', CASE WHEN rolsuper THEN 'SUPERUSER' END, CASE WHEN rolcreaterole THEN 'CREATEROLE' END,
CASE WHEN rolcreatedb THEN 'CREATEDB' END, CASE WHEN rolbypassrls THEN 'BYPASSRLS' END, CASE WHEN rolreplication THEN 'REPLICATION' END)
FROM pg_roles WHERE rolname = current_user`

const selectState = `SELECT (SELECT sum(numbackends) FROM pg_stat_database)::text || ' ' || pg_is_in_recovery()::text || ' ' ||
coalesce((SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid()), 'false') || ' ' || coalesce(host(inet_server_addr()), 'local') || ' ' ||
coalesce(host(inet_client_addr()), 'local')`

const selectClock = `SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint::text`

// Inspect asks the server of a database about itself. It changes nothing. direct is the address of the database itself if address
// leads to a pooler.
func Inspect(ctx context.Context, address, direct string) (found Server, err error) {
	defer func() { err = withoutSecrets(withHint(err), address, direct) }()
	_, session, err := addresses(address, direct)
	if err != nil {
		return Server{}, err
	}
	db := &DB{cfg: Config{}.withDefaults(), session: session}
	found.Pooled = direct != ""
	err = db.withSession(ctx, func(ctx context.Context, raw *pgconn.PgConn) error {
		if err := checkServer(raw); err != nil {
			return err
		}
		return found.ask(ctx, raw)
	})
	if isPooler(err) {
		err = errPooler
	}
	return found, err
}

func (s *Server) ask(ctx context.Context, raw *pgconn.PgConn) error {
	settings, err := one(ctx, raw, selectSettings)
	if err != nil {
		return err
	}
	s.Settings = map[string]string{}
	for line := range strings.SplitSeq(settings, "\n") {
		name, value, _ := strings.Cut(line, "=")
		s.Settings[name] = value
	}
	s.Version = s.Settings["server_version"]
	role, err := one(ctx, raw, selectRole)
	if err != nil {
		return err
	}
	name, powers, _ := strings.Cut(role, " ")
	if s.Role = name; powers != "" {
		s.Powers = strings.Split(powers, ",")
	}
	state, err := one(ctx, raw, selectState)
	if err != nil {
		return err
	}
	if words := strings.Fields(state); len(words) == 5 {
		s.Used = wholeNumber(words[0])
		s.Standby, s.Encrypted, s.Remote = words[1] == "true", words[2] == "true", words[3] != words[4]
	}
	return s.compareClocks(ctx, raw)
}

// compareClocks keeps the comparison with the shortest round trip of three.
func (s *Server) compareClocks(ctx context.Context, raw *pgconn.PgConn) error {
	for range 3 {
		before := time.Now()
		text, err := one(ctx, raw, selectClock)
		if err != nil {
			return err
		}
		took := time.Since(before)
		if s.Accuracy == 0 || took < s.Accuracy {
			s.Accuracy = took
			s.Offset = time.UnixMicro(int64(wholeNumber(text))).Sub(before.Add(took / 2))
		}
	}
	return nil
}

func wholeNumber(text string) int {
	n, _ := strconv.Atoi(text) // the server writes numbers
	return n
}
