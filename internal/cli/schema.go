package cli

import (
	"github.com/spf13/cobra"

	"github.com/ashlar-dev/ashlar/internal/model/load"
)

func newSchema() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of ashlar.yaml, for editors",
		Long: `Schema prints a JSON Schema of the model file. Editors use it to complete keys and to explain
them.

Visual Studio Code (with the YAML extension) and others read this first line of ashlar.yaml:

  # yaml-language-server: $schema=./ashlar.schema.json`,
		Example: "  ashlar schema > notes/ashlar.schema.json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := cmd.OutOrStdout().Write(load.JSONSchema())
			return err
		},
	}
}
