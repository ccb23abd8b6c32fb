package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
)

// A Shadow is a copy of tables in a schema of its own, on which indexes are tried. Nobody else sees the schema in a search
// path. Its tables have no references and no triggers.
type Shadow struct {
	*DB
	Share map[string]float64 // share of the rows of a table, if the shadow lacks some

	admin  *pgconn.PgConn // holds the lock of the schema
	locked bool
}

// shadowSchema is the schema of a Shadow. One after another uses it.
const shadowSchema = "ashlar_advise"

// ShadowRows is how many rows of a table a Shadow has at most, about.
const ShadowRows = 500_000

// OpenShadow copies tables with their indexes. It drops what a killed process has left of an earlier shadow. The caller
// closes the Shadow, which drops it.
func OpenShadow(ctx context.Context, url string, cfg Config, tables []*model.Table) (_ *Shadow, err error) {
	defer func() { err = withoutSecrets(withHint(err), url, cfg.Direct) }()
	cfg.Direct, url = "", cmp.Or(cfg.Direct, url)
	_, session, err := addresses(url, "")
	if err != nil {
		return nil, err
	}
	connecting, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	s := &Shadow{Share: map[string]float64{}}
	if s.admin, err = pgconn.ConnectConfig(connecting, &session.Config); err != nil {
		return nil, unreachable(explainConnect(err))
	}
	defer func() {
		if err != nil {
			err = errors.Join(explainShadow(err), s.Close())
		}
	}()
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	from, err := one(ctx, s.admin, "SELECT quote_ident(current_schema())")
	if err != nil {
		return nil, err
	}
	if err := execAll(ctx, s.admin, "CREATE SCHEMA "+shadowSchema, "SET search_path = "+shadowSchema); err != nil {
		return nil, err
	}
	cfg.schema = shadowSchema
	if s.DB, err = Open(ctx, url, cfg); err != nil {
		return nil, err
	}
	for _, table := range tables {
		if err := s.copy(ctx, from, table); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// explainShadow adds advice to the error of a database user who has too few rights.
func explainShadow(err error) error {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.Code == insufficientPrivilege {
		return fmt.Errorf("the user may not make the schema %s: grant it CREATE on the database: %w", shadowSchema, err)
	}
	return err
}

const (
	lockShadow   = `SELECT pg_try_advisory_lock(1634955114, 0)::text`
	unlockShadow = `SELECT pg_advisory_unlock(1634955114, 0)`
	dropShadow   = `DROP SCHEMA IF EXISTS ` + shadowSchema + ` CASCADE`

	// A statement of the copy may not hold up the server for long.
	shadowTimeout = `SELECT set_config('statement_timeout', '120s', false) || set_config('client_min_messages', 'warning', false)`
)

// lock makes this process the only one with a shadow in the database, and drops what another left.
func (s *Shadow) lock(ctx context.Context) error {
	if _, err := one(ctx, s.admin, shadowTimeout); err != nil {
		return err
	}
	got, err := one(ctx, s.admin, lockShadow)
	if err == nil && got != "true" {
		err = errs.New(errs.Conflict, "another process is just trying indexes in this database: wait until it is done")
	}
	if err != nil {
		return err
	}
	s.locked = true
	_ = execAll(ctx, s.admin, watchClient) // some systems cannot
	return execAll(ctx, s.admin, dropShadow)
}

// copy copies a table, or a sample of its pages if it is large. Then it makes the indexes, which is faster than to fill them,
// and gives the planner its statistics.
func (s *Shadow) copy(ctx context.Context, from string, table *model.Table) error {
	def := sqlgen.Define(sqlgen.Postgres, table)
	own := sqlgen.Quote(table.Name)
	sample, err := s.sample(ctx, from+"."+own, table.Name)
	if err != nil {
		return err
	}
	columns := make([]string, len(def.Columns))
	for i, column := range def.Columns {
		columns[i] = sqlgen.Quote(column.Name)
	}
	list := strings.Join(columns, ", ")
	statements := []string{
		strings.Replace(def.Table, "CREATE TABLE", "CREATE UNLOGGED TABLE", 1),
		"INSERT INTO " + own + " (" + list + ") SELECT " + list + " FROM " + from + "." + own + sample,
	}
	statements = append(statements, sqlgen.Creates(def.Indexes)...)
	return execAll(ctx, s.admin, append(statements, "ANALYZE "+own)...)
}

const selectKnownRows = `SELECT greatest(reltuples, 0)::bigint::text FROM pg_class WHERE oid = to_regclass($1)`

// sample returns the clause that takes a sample of a large table, "" for a small one.
func (s *Shadow) sample(ctx context.Context, source, name string) (string, error) {
	result := s.admin.ExecParams(ctx, selectKnownRows, [][]byte{[]byte(source)}, nil, nil, nil).Read()
	if result.Err != nil || len(result.Rows) == 0 {
		return "", result.Err
	}
	rows, err := strconv.ParseInt(string(result.Rows[0][0]), 10, 64)
	if err != nil || rows <= ShadowRows {
		return "", err
	}
	share := float64(ShadowRows) / float64(rows)
	s.Share[name] = share
	return fmt.Sprintf(" TABLESAMPLE SYSTEM (%g) REPEATABLE (1)", 100*share), nil
}

// Close drops the shadow, even if ctx of OpenShadow has ended. It leaves the shadow of another process alone. The end of the
// connection would release the lock too, but only after Close has returned.
func (s *Shadow) Close() (err error) {
	if s.DB != nil {
		err = s.DB.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if s.locked && !s.admin.IsClosed() {
		err = errors.Join(err, execAll(ctx, s.admin, dropShadow, unlockShadow))
	}
	return errors.Join(err, s.admin.Close(ctx))
}
