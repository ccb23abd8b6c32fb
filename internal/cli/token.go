package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/ashlar-dev/ashlar/internal/app"
)

const tokenHelp = `Token prints a token for a user on the last line of its output. A request with the header
"Authorization: Bearer TOKEN" acts as that user until the token expires.

The key in the data folder signs the token. Token creates the user's row in users if it is
missing, and the database if no server has run yet. A server may be running.`

const tokenExample = `  ashlar token --id 018f0000-0000-7000-8000-0000000000a1 examples/careers
  ashlar token --id 018f0000-0000-7000-8000-0000000000c1 --role editor --ttl 1h examples/careers
  TOKEN=$(ashlar token --id 018f0000-0000-7000-8000-0000000000a1 examples/careers | tail -n 1)`

// tokenFlags holds the flags of token.
type tokenFlags struct {
	databaseFlags
	want app.TokenRequest
}

func newToken() *cobra.Command {
	f := &tokenFlags{}
	cmd := &cobra.Command{
		Use:     "token DIR",
		Short:   "Print a token for a user",
		Long:    tokenHelp,
		Example: tokenExample,
		Args:    exactlyOneDir,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := environment(cmd, databaseSettings[:]...); err != nil {
				return err
			}
			if err := f.databaseFlags.check(cmd); err != nil {
				return err
			}
			if f.want.ID == "" {
				return usage(cmd, "token needs the id of a user: --id 018f0000-0000-7000-8000-0000000000a1")
			}
			return relativeTo(args[0], f.print(cmd, args[0]))
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.want.ID, "id", "", "`id` of the user: the key of a row in users")
	flags.StringVar(&f.want.Email, "email", "", "`address` of the user (default: the address in the row)")
	flags.StringSliceVar(&f.want.Roles, "role", nil, "`role` that the model declares; may be repeated")
	flags.DurationVar(&f.want.TTL, "ttl", 24*time.Hour, "how long the token lives, at most 8760h")
	f.databaseFlags.declare(cmd)
	return cmd
}

func (f *tokenFlags) print(cmd *cobra.Command, dir string) error {
	ctx, stop := untilSignal(cmd)
	defer stop()
	loaded, err := app.Load(dir)
	if err != nil {
		return err
	}
	token, err := app.NewToken(ctx, loaded, f.config(dir, warnLogger(cmd)), f.want)
	if err != nil {
		return err
	}
	for _, note := range token.Notes {
		fmt.Fprintln(cmd.ErrOrStderr(), note)
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout(), token.Text)
	return err
}
