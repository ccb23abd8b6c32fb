package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/ashlar-dev/ashlar/internal/app"
)

const rotateHelp = `Rotate makes the next signing key in the data folder. Servers may be running. They accept the new
key within seconds and sign with it ten minutes later, so no token ends early. Servers on other
machines need the new file within these ten minutes. Rotate deletes a key when its last token has
expired.

To end the tokens of a key that somebody else may have read, run rotate and then delete the file of
that key. Users stay signed in where they have a refresh token.`

func newRotate() *cobra.Command {
	data := ""
	cmd := &cobra.Command{
		Use:     "rotate DIR",
		Short:   "Make the next signing key",
		Long:    rotateHelp,
		Example: "  ashlar rotate examples/careers",
		Args:    exactlyOneDir,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := environment(cmd, "data"); err != nil {
				return err
			}
			if data == "" {
				data = app.DefaultData(args[0])
			}
			notes, err := app.RotateKey(data, time.Now())
			for _, note := range notes {
				fmt.Fprintln(cmd.OutOrStdout(), note)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&data, "data", "", "data `folder` (default DIR/.ashlar)")
	return cmd
}
