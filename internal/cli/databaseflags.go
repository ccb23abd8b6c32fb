package cli

import (
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/ashlar-dev/ashlar/internal/app"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// databaseFlags holds the flags for the place of an app's rows.
type databaseFlags struct{ data, database, direct string }

// databaseSettings lists the flags of databaseFlags.
var databaseSettings = [...]string{"data", "database", "database-direct"}

func (f *databaseFlags) declare(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.data, "data", "", "data `folder` (default DIR/.ashlar)")
	flags.StringVar(&f.database, "database", "", "`address` of a PostgreSQL database, such as postgres://user@host/name; also ASHLAR_DATABASE_URL (default SQLite in the data folder)")
	flags.StringVar(&f.direct, "database-direct", "", "`address` of the same database itself, if --database is the address of a pooler")
}

// check refuses combinations of flags.
func (f *databaseFlags) check(cmd *cobra.Command) error {
	if f.direct != "" && f.database == "" {
		return usage(cmd, "--database-direct (%s) requires --database (%s)", variable("database-direct"), variable("database"))
	}
	return nil
}

// config returns the configuration of the app in dir from the flags.
func (f *databaseFlags) config(dir string, log *slog.Logger) app.Config {
	cfg := app.Config{Data: f.data, Database: f.database, Direct: f.direct, Version: buildVersion(), Logger: log}
	if cfg.Data == "" {
		cfg.Data = app.DefaultData(dir)
	}
	return cfg
}

// warnLogger returns a logger for commands other than serve. It prints warnings as text.
func warnLogger(cmd *cobra.Command) *slog.Logger {
	return telemetry.NewLogger(cmd.ErrOrStderr(), "text", slog.LevelWarn)
}
