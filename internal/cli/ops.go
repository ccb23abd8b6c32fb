package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/ashlar-dev/ashlar/internal/app"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/telemetry/monitor"
)

const opsHelp = `Ops writes files for the programs that watch a server. They follow from the model: write them again
when it has changed.`

const rulesHelp = `Rules writes rules for Prometheus: the burn rates of the objectives under operate, alerts on them,
and alerts on the parts of a server. A second file holds tests of these rules.

Add the first file to rule_files in prometheus.yml. Name the job of the server "ashlar".`

func newOps() *cobra.Command {
	ops := &cobra.Command{
		Use:   "ops COMMAND",
		Short: "Write rules and dashboards for the programs that watch a server",
		Long:  opsHelp,
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return cmd.Help()
		},
	}
	ops.AddCommand(
		newOpsFiles("rules", "Write rules for Prometheus, with tests for promtool", rulesHelp, "promtool test rules ashlar-careers.rules.test.yml", monitor.Rules),
		newOpsFiles("dashboards", "Write a dashboard for Grafana", "Dashboards writes a dashboard for Grafana, by table and route of the model. Its objectives need the\nrules of `ashlar ops rules`.", "",
			func(m *model.Model) ([]monitor.File, error) {
				file, err := monitor.Dashboard(m)
				return []monitor.File{file}, err
			}),
	)
	return ops
}

// newOpsFiles returns a command that writes files of a model.
func newOpsFiles(name, short, long, then string, make func(*model.Model) ([]monitor.File, error)) *cobra.Command {
	var folder string
	example := "  ashlar ops " + name + " examples/careers --out monitoring"
	if then != "" {
		example += "\n  " + then
	}
	cmd := &cobra.Command{
		Use:     name + " DIR",
		Short:   short,
		Long:    long,
		Example: example,
		Args:    exactlyOneDir,
		RunE: func(cmd *cobra.Command, args []string) error {
			loaded, err := app.Load(args[0])
			if err != nil {
				return relativeTo(args[0], err)
			}
			files, err := make(loaded.Rules.Model)
			if err != nil {
				return err
			}
			return writeFiles(cmd, folder, files)
		},
	}
	cmd.Flags().StringVar(&folder, "out", ".", "folder for the files")
	return cmd
}

// writeFiles writes files into a folder, which is made if it does not exist. It names each on standard output.
func writeFiles(cmd *cobra.Command, folder string, files []monitor.File) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for _, file := range files {
		path := filepath.Join(folder, file.Name)
		if err := writeWhole(path, file.Text); err != nil {
			return err
		}
		fmt.Fprintln(cmd.OutOrStdout(), path)
	}
	return nil
}

// writeWhole writes a file that is whole under its name, since Prometheus may read it at any moment.
func writeWhole(path string, text []byte) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	_, err = file.Write(text)
	if err = errors.Join(err, file.Chmod(0o644), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
