package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/ashlar-dev/ashlar/internal/app"
	"github.com/ashlar-dev/ashlar/internal/backup"
	"github.com/ashlar-dev/ashlar/internal/backup/target"
	"github.com/ashlar-dev/ashlar/internal/disk"
	"github.com/ashlar-dev/ashlar/internal/errs"
)

const backupHelp = `Backup copies the database of the app in DIR to DEST while servers use it. DEST is a folder, or a
bucket as s3://bucket/prefix?endpoint=https://host:port&region=name. Without DEST the backup goes
to the folder backups of the data folder, on the same disk.

A backup is one consistent state. Backup reads back every part that it stores. A backup exists
when its manifest does, which backup stores last. With --lock-with only the secret key opens the
backup. Only a locked backup holds the keys of the server.

The keys of a bucket come from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN.
--database, --database-direct and --data have environment variables, as for serve.`

const backupExample = `  ashlar backup examples/careers /mnt/backups
  ashlar backup examples/careers s3://careers/daily --lock-with age1…
  ashlar backup list /mnt/backups
  ashlar backup verify /mnt/backups`

// backupFlags holds the flags of backup.
type backupFlags struct {
	databaseFlags
	lockWith []string
}

func newBackup() *cobra.Command {
	f := &backupFlags{}
	cmd := &cobra.Command{
		Use:     "backup DIR [DEST]",
		Short:   "Copy a database to a folder or a bucket while servers use it",
		Long:    backupHelp,
		Example: backupExample,
		Args:    oneOrTwo("the folder of an app, and perhaps a place", "examples/careers /mnt/backups"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := environment(cmd, databaseSettings[:]...); err != nil {
				return err
			}
			if err := f.check(cmd); err != nil {
				return err
			}
			return f.run(cmd, args)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringArrayVar(&f.lockWith, "lock-with", nil, "public `key` of age, age1…, whose secret key opens the backup; may be repeated")
	f.declare(cmd)
	cmd.AddCommand(newBackupList(), newBackupVerify())
	return cmd
}

// oneOrTwo accepts one argument or two.
func oneOrTwo(what, example string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < 1 || len(args) > 2 {
			return usage(cmd, "%s takes %s, as in: %s %s", cmd.Name(), what, cmd.CommandPath(), example)
		}
		return nil
	}
}

func (f *backupFlags) run(cmd *cobra.Command, args []string) error {
	ctx, stop := untilSignal(cmd)
	defer stop()
	loaded, err := app.Load(args[0])
	if err != nil {
		return relativeTo(args[0], err)
	}
	cfg := f.config(args[0], warnLogger(cmd))
	place := filepath.Join(cfg.Data, "backups")
	if len(args) == 2 {
		place = args[1]
	}
	to, err := target.Open(place, os.Getenv)
	if err != nil {
		return err
	}
	bar := newProgress(cmd.ErrOrStderr())
	bar.unit = "KiB"
	start := time.Now()
	m, err := backup.Take(ctx, app.BackupSource(loaded.Rules.Model.Name, cfg), to, backup.Options{
		LockWith: f.lockWith, Version: buildVersion(), Progress: bar, Log: cfg.Logger, Gentle: app.Served(cfg.Data),
	})
	bar.Done()
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return fmt.Errorf("stopped: there is no new backup in %s", to)
	}
	if err != nil {
		return err
	}
	fmt.Fprintln(cmd.OutOrStdout(), m.ID)
	stderr := cmd.ErrOrStderr()
	fmt.Fprintf(stderr, "Stored %s of %s in %v: %s in %s, read back and compared.\n", count(int(m.Rows()), "row"), count(len(m.Tables), "table"),
		time.Since(start).Round(10*time.Millisecond), disk.SizeText(uint64(m.Bytes())), to)
	if len(m.Lock) == 0 && len(m.Keys) > 0 {
		fmt.Fprintf(stderr, "The backup is not locked, so it does not hold the keys of the server: keep %s of %s elsewhere too, or lock backups with --lock-with.\n", keyNamesOf(m), cfg.Data)
	}
	if len(args) == 1 {
		fmt.Fprintln(stderr, "The backup is on the disk of the data folder: name another place as DEST.")
	}
	return nil
}

func keyNamesOf(m backup.Manifest) string {
	var names []string
	for _, k := range m.Keys {
		names = append(names, k.Name)
	}
	return strings.Join(names, ", ")
}

func newBackupList() *cobra.Command {
	return &cobra.Command{
		Use:     "list SOURCE",
		Short:   "List the backups of a folder or a bucket, newest first",
		Example: "  ashlar backup list /mnt/backups",
		Args:    exactlyOneSource,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := untilSignal(cmd)
			defer stop()
			from, err := target.Open(args[0], os.Getenv)
			if err != nil {
				return err
			}
			all, err := backup.List(ctx, from)
			if err == nil && len(all) == 0 {
				return fmt.Errorf("%s holds no backup", from)
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			if len(all) > 0 {
				fmt.Fprintln(w, "backup\tapp\tengine\trows\tsize\tlocked")
			}
			for _, m := range all {
				locked := "no"
				if len(m.Lock) > 0 {
					locked = "yes"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\n", m.ID, m.App, m.Engine, m.Rows(), disk.SizeText(uint64(m.Bytes())), locked)
			}
			return errors.Join(w.Flush(), err)
		},
	}
}

// exactlyOneSource accepts the place of backups.
func exactlyOneSource(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usage(cmd, "%s takes the place of backups, as in: %s /mnt/backups", cmd.Name(), cmd.CommandPath())
	}
	return nil
}

// sourceFlags choose a backup and the key that opens it.
type sourceFlags struct{ id, key string }

func (f *sourceFlags) declare(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.id, "backup", "", "`name` of the backup (default the newest)")
	flags.StringVar(&f.key, "key", "", "`file` with the secret key of age that opens the backup")
}

// open opens a place of backups and reads the key.
func (f *sourceFlags) open(place string) (from target.Target, keys backup.Identities, err error) {
	if f.key != "" {
		if keys, err = backup.ReadIdentities(f.key); err != nil {
			return nil, nil, err
		}
	}
	from, err = target.Open(place, os.Getenv)
	return from, keys, err
}

func newBackupVerify() *cobra.Command {
	f := &sourceFlags{}
	cmd := &cobra.Command{
		Use:     "verify SOURCE",
		Short:   "Read a whole backup and compare it with its manifest",
		Example: "  ashlar backup verify /mnt/backups\n  ashlar backup verify s3://careers/daily --key age.key",
		Args:    exactlyOneSource,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := untilSignal(cmd)
			defer stop()
			from, keys, err := f.open(args[0])
			if err != nil {
				return err
			}
			bar := newProgress(cmd.ErrOrStderr())
			bar.unit = "KiB"
			m, err := backup.Verify(ctx, from, f.id, keys, bar)
			bar.Done()
			if err != nil {
				return stopped(ctx, err, "stopped: the backup was not verified")
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s is whole: %s of %s, %s\n", m.ID, count(int(m.Rows()), "row"), count(len(m.Tables), "table"), disk.SizeText(uint64(m.Bytes())))
			if len(m.Lock) > 0 && len(keys) == 0 {
				fmt.Fprintln(cmd.ErrOrStderr(), "The backup is locked, so only its stored bytes were compared: with --key, verify unpacks it too.")
			}
			return nil
		},
	}
	f.declare(cmd)
	return cmd
}

// stopped replaces the error of a command that a signal stopped.
func stopped(ctx context.Context, err error, text string) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return errors.New(text)
	}
	return err
}

const restoreHelp = `Restore fills the empty data folder of the app in DIR from a backup, or the empty database that
--database names. A backup of either engine fills both. SOURCE is a folder, or a bucket as
s3://bucket/prefix?endpoint=https://host:port&region=name.

Before it touches anything, restore refuses a used folder or database, a damaged backup, a wrong
key, and a backup of another app or of a later release. It then compares every part, every row
count and every checksum with the manifest. The database gets its name at the end. After an
interruption, run the same command again: it starts over.

--database, --database-direct and --data have environment variables, as for serve.`

const restoreExample = `  ashlar restore /mnt/backups examples/careers
  ashlar restore s3://careers/daily examples/careers --key age.key --data /var/lib/careers
  ashlar restore /mnt/backups examples/careers --database postgres://ashlar@db.example.com/careers`

// restoreFlags holds the flags of restore.
type restoreFlags struct {
	databaseFlags
	source sourceFlags
}

func newRestore() *cobra.Command {
	f := &restoreFlags{}
	cmd := &cobra.Command{
		Use:     "restore SOURCE DIR",
		Short:   "Fill an empty data folder or database from a backup",
		Long:    restoreHelp,
		Example: restoreExample,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usage(cmd, "restore takes the place of backups and the folder of an app, as in: %s /mnt/backups examples/careers", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := environment(cmd, databaseSettings[:]...); err != nil {
				return err
			}
			if err := f.check(cmd); err != nil {
				return err
			}
			return f.run(cmd, args[0], args[1])
		},
	}
	cmd.Flags().SortFlags = false
	f.source.declare(cmd)
	f.declare(cmd)
	return cmd
}

func (f *restoreFlags) run(cmd *cobra.Command, place, dir string) error {
	ctx, stop := untilSignal(cmd)
	defer stop()
	loaded, err := app.Load(dir)
	if err != nil {
		return relativeTo(dir, err)
	}
	from, keys, err := f.source.open(place)
	if err != nil {
		return err
	}
	cfg := f.config(dir, warnLogger(cmd))
	bar := newProgress(cmd.ErrOrStderr())
	bar.unit = "KiB"
	start := time.Now()
	m, err := backup.Restore(ctx, from, f.source.id, app.BackupDestination(loaded.Rules.Model.Name, cfg), keys, bar)
	bar.Done()
	if err != nil {
		if errs.KindOf(err) == errs.Invalid {
			err = fmt.Errorf("%w\nNothing was restored. `ashlar backup list` names other backups for --backup", err)
		}
		return stopped(ctx, err, "stopped: nothing was restored. Run the same command again to start over")
	}
	where := cfg.Data
	if cfg.Database != "" {
		where = "the database"
	}
	fmt.Fprintf(cmd.OutOrStdout(), "Restored %s of %s from %s to %s in %v. Every table has the checksum of the manifest.\n",
		count(int(m.Rows()), "row"), count(len(m.Tables), "table"), m.ID, where, time.Since(start).Round(10*time.Millisecond))
	if missing := backup.MissingKeys(cfg.Data, m); len(missing) > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "The backup does not hold the keys of the server: copy %s to %s before you serve from there. Without them tokens are refused, and second factors and sealed secrets are lost.\n",
			strings.Join(missing, ", "), cfg.Data)
	}
	return nil
}
