package cli

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/ashlar-dev/ashlar/internal/app"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
)

const usersHelp = `Users are the people who sign in to the app. The console at /console changes single ones.`

func newUsers() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "users",
		Short: "Import users of another system",
		Long:  usersHelp,
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return cmd.Help()
		},
	}
	cmd.AddCommand(newUsersImport())
	return cmd
}

const usersImportHelp = `Import makes users from a file of JSON lines, or from the standard input if FILE is -. A line has
these members:

  email          the address
  name           optional
  password_hash  optional: argon2, bcrypt, scrypt or PBKDF2, in the PHC form or as passlib and Django
                 write them. The user's next sign-in makes a new hash.
  roles          optional list of roles that the model declares
  verified       optional: true if the other system has confirmed the address

Import checks all lines first and changes nothing if one has a fault. Then it writes batches of 200
users, each whole or not at all. An address that has an account is a fault. With --skip-existing
its line is left out, so an import that was stopped can go on. A server may be running.`

// usersImportFlags holds the flags of users import.
type usersImportFlags struct {
	databaseFlags
	skip bool
}

func newUsersImport() *cobra.Command {
	f := &usersImportFlags{}
	cmd := &cobra.Command{
		Use:   "import FILE DIR",
		Short: "Make users from a file of JSON lines",
		Long:  usersImportHelp,
		Example: `  ashlar users import users.ndjson examples/careers
  zcat users.ndjson.gz | ashlar users import - examples/careers --skip-existing`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usage(cmd, "users import needs a file and the folder of the app: ashlar users import users.ndjson DIR")
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
			return relativeTo(args[1], f.run(cmd, args[0], args[1]))
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().BoolVar(&f.skip, "skip-existing", false, "leave out lines whose address has an account")
	f.declare(cmd)
	return cmd
}

func (f *usersImportFlags) run(cmd *cobra.Command, path, dir string) (err error) {
	ctx, stop := untilSignal(cmd)
	defer stop()
	loaded, err := app.Load(dir)
	if err != nil {
		return err
	}
	var file io.Reader = cmd.InOrStdin()
	if path != "-" {
		opened, failed := os.Open(path)
		if failed != nil {
			return failed
		}
		defer func() { err = errors.Join(err, opened.Close()) }()
		file = opened
	}
	bar := newProgress(cmd.ErrOrStderr())
	how := account.Import{SkipExisting: f.skip}
	before := 0
	how.Progress = func(done, total int) {
		if before == 0 {
			bar.Step("users", int64(total))
		}
		bar.Add(int64(done - before))
		before = done
	}
	done, err := app.ImportUsers(ctx, loaded, f.config(dir, warnLogger(cmd)), file, how)
	bar.Done()
	return reportImport(cmd, path, done, err)
}

// reportImport prints what an import did, and one line for each fault.
func reportImport(cmd *cobra.Command, path string, done account.Imported, err error) error {
	for _, fault := range done.Faults {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s:%d: %s\n", path, fault.Line, fault.Text)
	}
	switch {
	case err != nil && done.Created > 0:
		return fmt.Errorf("made %s, then stopped: %w. Run the same command with --skip-existing to go on", count(done.Created, "user"), err)
	case err != nil:
		return err
	case len(done.Faults) > 0:
		return fmt.Errorf("%s, so no user is made", count(len(done.Faults), "fault"))
	}
	text := "made " + count(done.Created, "user")
	if done.Skipped > 0 {
		text += ", left out " + count(done.Skipped, "line")
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout(), text)
	return err
}
