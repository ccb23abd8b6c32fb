package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ashlar-dev/ashlar/internal/app"
)

const operatorHelp = `Operators use the console at /console. They are no users of the app. A viewer looks, an operator
changes accounts, an owner makes and removes operators.`

func newOperator() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "operator",
		Short: "Let somebody into the console",
		Long:  operatorHelp,
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return cmd.Help()
		},
	}
	cmd.AddCommand(newOperatorLink())
	return cmd
}

const operatorLinkHelp = `Link prints a link on the last line of its output. Whoever opens it chooses a password and becomes
an operator. The link works once, for 30 minutes, and ends earlier links.

A server may be running. Link does not know its address: name it with --public.`

// operatorLinkFlags holds the flags of operator link.
type operatorLinkFlags struct {
	databaseFlags
	public publicFlag
	role   *choice
}

func newOperatorLink() *cobra.Command {
	f := &operatorLinkFlags{role: oneOf("owner", "operator", "viewer")}
	cmd := &cobra.Command{
		Use:   "link DIR",
		Short: "Print a link that makes an operator",
		Long:  operatorLinkHelp,
		Example: `  ashlar operator link examples/careers
  ashlar operator link examples/careers --role viewer --public https://app.example.com`,
		Args: exactlyOneDir,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := environment(cmd, append(databaseSettings[:], "public", "url")...); err != nil {
				return err
			}
			if err := f.public.check(cmd); err != nil {
				return err
			}
			if err := f.check(cmd); err != nil {
				return err
			}
			return relativeTo(args[0], f.print(cmd, args[0]))
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.Var(f.role, "role", "`role` of the operator: owner, operator or viewer")
	f.public.declare(cmd, "public `address` of the server (default http://127.0.0.1:8080)")
	f.declare(cmd)
	return cmd
}

func (f *operatorLinkFlags) print(cmd *cobra.Command, dir string) error {
	ctx, stop := untilSignal(cmd)
	defer stop()
	loaded, err := app.Load(dir)
	if err != nil {
		return err
	}
	path, err := app.NewOperatorLink(ctx, loaded, f.config(dir, warnLogger(cmd)), f.role.String())
	if err != nil {
		return err
	}
	address := f.public.address()
	if address == "" {
		address = "http://127.0.0.1:8080"
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout(), strings.TrimSuffix(address, "/")+path)
	return err
}
