package cli

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of this program",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "ashlar %s\n", buildVersion())
			return err
		},
	}
}

// version is set by the linker: -X github.com/ashlar-dev/ashlar/internal/cli.version=v1.2.3.
var version string

// buildVersion returns the version of this program, in the most precise known form.
func buildVersion() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return "development build of " + s.Value[:min(12, len(s.Value))]
		}
	}
	return "development build"
}
