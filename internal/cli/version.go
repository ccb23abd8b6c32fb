package cli

import (
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/spf13/cobra"
)

const versionHelp = `Version prints the version of this program.

With --check it also says what an upgrade to this program would do to the database of the app in
DIR: the layout of Ashlar's own tables, the changes of the model, the copy that is made first and
the room for it, and whether earlier releases can open the database afterwards. It changes nothing.
The exit code is 0 if there is nothing to do, 3 if something would be done, and 1 if the upgrade is
refused or cannot be judged.`

const versionExample = `  ashlar version
  ashlar version --check examples/careers --data /var/lib/careers`

func newVersion() *cobra.Command {
	var check bool
	f := &databaseFlags{}
	cmd := &cobra.Command{
		Use:     "version [--check DIR]",
		Short:   "Print the version of this program, or what an upgrade to it would do",
		Long:    versionHelp,
		Example: versionExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			if check {
				return runVersionCheck(cmd, f, args)
			}
			if err := noArgs(cmd, args); err != nil {
				return err
			}
			for _, name := range databaseSettings {
				if cmd.Flags().Changed(name) {
					return usage(cmd, "--%s goes with --check DIR", name)
				}
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "ashlar %s\n", buildVersion())
			return err
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.BoolVar(&check, "check", false, "say what an upgrade would do to the database of the app in DIR, and change nothing")
	f.declare(cmd)
	return cmd
}

func runVersionCheck(cmd *cobra.Command, f *databaseFlags, args []string) error {
	if err := exactlyOneDir(cmd, args); err != nil {
		return err
	}
	if err := environment(cmd, databaseSettings[:]...); err != nil {
		return err
	}
	if err := f.check(cmd); err != nil {
		return err
	}
	return relativeTo(args[0], checkUpgrade(cmd, f, args[0]))
}

// version is set by the linker: -X github.com/ashlar-dev/ashlar/internal/cli.version=v1.2.3.
var version string

// module is the path of the module of Ashlar.
const module = "github.com/ashlar-dev/ashlar"

// devel is the version of a module that was built from its sources.
const devel = "(devel)"

// buildVersion returns the version of this program, in the most precise known form. A program that embeds Ashlar has the version
// of Ashlar, and its own.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	switch {
	case version != "":
		return version
	case !ok:
		return "unknown"
	}
	return versionOf(info)
}

func versionOf(info *debug.BuildInfo) string {
	i := slices.IndexFunc(info.Deps, func(m *debug.Module) bool { return m.Path == module })
	if i < 0 {
		return mainVersion(info)
	}
	own := info.Deps[i].Version
	switch other := info.Deps[i].Replace; {
	case other == nil:
	case other.Version == "" || other.Version == devel: // a folder
		own = "development build"
	default:
		own = other.Version + " of " + other.Path
	}
	return own + ", in " + info.Main.Path + " " + mainVersion(info)
}

// mainVersion returns the version of the main module of a build.
func mainVersion(info *debug.BuildInfo) string {
	if v := info.Main.Version; v != "" && v != devel {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return "development build of " + s.Value[:min(12, len(s.Value))]
		}
	}
	return "development build"
}
