package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/ashlar-dev/ashlar/internal/app"
	"github.com/ashlar-dev/ashlar/internal/audit"
)

const auditHelp = `The audit log has a row for each event that matters to the security of an app. Each row holds
the hash of the row before it, so a row that was changed or removed shows. A server may be
running.`

func newAudit() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Verify, export or trim the audit log",
		Long:  auditHelp,
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return cmd.Help()
		},
	}
	cmd.AddCommand(newAuditVerify(), newAuditExport(), newAuditTrim())
	return cmd
}

const auditVerifyHelp = `Verify walks the audit log from its first row to its last. It names the first row that was
changed, removed, added or moved, and exits with 1.

Verify prints the head: the hash of the last row. Keep it outside of the database. Who can write to
the database can also make the whole log anew, with new hashes. Only an earlier head shows that:
with --head, verify also finds out whether the log still has the row with that hash.`

// auditVerifyFlags holds the flags of audit verify.
type auditVerifyFlags struct {
	databaseFlags
	head string
}

func newAuditVerify() *cobra.Command {
	f := &auditVerifyFlags{}
	cmd := &cobra.Command{
		Use:   "verify DIR",
		Short: "Find out whether the audit log is whole",
		Long:  auditVerifyHelp,
		Example: `  ashlar audit verify examples/careers
  ashlar audit verify examples/careers --head 3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855a`,
		Args: exactlyOneDir,
		RunE: func(cmd *cobra.Command, args []string) error {
			return withAudit(cmd, &f.databaseFlags, args[0], func(ctx context.Context, log *audit.Log) error {
				result, err := log.Verify(ctx, f.head, nil)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "ok: the audit log is whole, %s\nhead: %s\n",
					count(int(result.Rows), "row"), cmp.Or(result.Head.Hash, "none"))
				return err
			})
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&f.head, "head", "", "`hash` of an earlier head, which the log must still have")
	f.databaseFlags.declare(cmd)
	return cmd
}

const auditExportHelp = `Export writes the audit log to its output, the oldest row first. Each row is a line of canonical
JSON (RFC 8785). The hash of a row is the SHA-256 of its line without the member hash, so that
others can verify the log.`

// auditExportFlags holds the flags of audit export.
type auditExportFlags struct {
	databaseFlags
	since string
}

func newAuditExport() *cobra.Command {
	f := &auditExportFlags{}
	cmd := &cobra.Command{
		Use:   "export DIR",
		Short: "Write the audit log as lines of JSON",
		Long:  auditExportHelp,
		Example: `  ashlar audit export examples/careers > audit.ndjson
  ashlar audit export examples/careers --since 2026-01-31
  ashlar audit export examples/careers --since 24h`,
		Args: exactlyOneDir,
		RunE: func(cmd *cobra.Command, args []string) error {
			since, err := parseTime("since", f.since, time.Now())
			if err != nil {
				return usage(cmd, "%v", err)
			}
			return withAudit(cmd, &f.databaseFlags, args[0], func(ctx context.Context, log *audit.Log) error {
				_, err := log.Export(ctx, cmd.OutOrStdout(), audit.Filter{Since: since})
				return err
			})
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&f.since, "since", "", "`time` of the first row: 2026-01-31, 2026-01-31T12:00:00Z, or 24h for the last day")
	f.databaseFlags.declare(cmd)
	return cmd
}

const auditTrimHelp = `Trim removes the rows of the audit log from before a time. The rest stays verifiable: the log keeps
the hash of the last row that was removed, and a new row says what was removed.

Export the rows first if they may be needed.`

// auditTrimFlags holds the flags of audit trim.
type auditTrimFlags struct {
	databaseFlags
	before string
}

func newAuditTrim() *cobra.Command {
	f := &auditTrimFlags{}
	cmd := &cobra.Command{
		Use:   "trim DIR",
		Short: "Remove old rows of the audit log",
		Long:  auditTrimHelp,
		Example: `  ashlar audit trim examples/careers --before 2025-01-31
  ashlar audit trim examples/careers --before 8760h`,
		Args: exactlyOneDir,
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.before == "" {
				return usage(cmd, "trim needs a time: --before 2025-01-31")
			}
			before, err := parseTime("before", f.before, time.Now())
			if err != nil {
				return usage(cmd, "%v", err)
			}
			return withAudit(cmd, &f.databaseFlags, args[0], func(ctx context.Context, log *audit.Log) error {
				removed, err := log.Trim(ctx, before)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "removed %s\n", count(int(removed), "row"))
				return err
			})
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&f.before, "before", "", "`time` of the first row to keep: 2025-01-31, 2025-01-31T12:00:00Z, or 8760h for the last year")
	f.databaseFlags.declare(cmd)
	return cmd
}

// parseTime parses the value of a flag: a time, a day in UTC, or a duration before now. No text is the zero time.
func parseTime(flag, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, form := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(form, text); err == nil {
			return at, nil
		}
	}
	if before, err := time.ParseDuration(text); err == nil && before > 0 {
		return now.Add(-before), nil
	}
	return time.Time{}, fmt.Errorf("invalid --%s %q: write 2026-01-31, 2026-01-31T12:00:00Z, or a duration such as 24h", flag, text)
}

// withAudit runs f on the audit log of the app in dir. A server may be running.
func withAudit(cmd *cobra.Command, flags *databaseFlags, dir string, f func(context.Context, *audit.Log) error) error {
	if err := environment(cmd, databaseSettings[:]...); err != nil {
		return err
	}
	if err := flags.check(cmd); err != nil {
		return err
	}
	open := func() (err error) {
		ctx, stop := untilSignal(cmd)
		defer stop()
		loaded, err := app.Load(dir)
		if err != nil {
			return err
		}
		a, err := app.OpenOrAttach(ctx, loaded, flags.config(dir, warnLogger(cmd)))
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, a.Close()) }()
		return f(ctx, a.Audit)
	}
	return relativeTo(dir, open())
}
