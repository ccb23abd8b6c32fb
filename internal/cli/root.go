package cli

import (
	"github.com/spf13/cobra"
)

const rootHelp = `Ashlar turns one model file into a production API: tables, and who may do what with
them, in ashlar.yaml. The rows are in an embedded SQLite database, or in PostgreSQL.

A first app takes a folder with one file:

  notes/ashlar.yaml     ashlar: 1
                        name: notes
                        tables:
                          notes:
                            fields:
                              owner: {ref: users, default: auth.id, immutable: true}
                              text:  {type: text, max: 500}
                            access:
                              read:  owner_id == auth.id
                              write: owner_id == auth.id

  ashlar check notes    lists what is wrong with it
  ashlar serve notes    serves it at http://127.0.0.1:8080`

const rootExample = `  ashlar serve examples/careers
  ashlar token --id 018f0000-0000-7000-8000-0000000000a1 examples/careers`

func (p Program) newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "ashlar",
		Short:         "A production backend from one model file",
		Long:          rootHelp,
		Example:       rootExample,
		Version:       buildVersion(),
		SilenceErrors: true, // report prints them
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return cmd.Help()
		},
	}
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	root.SetFlagErrorFunc(flagError)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(p.newServe(), p.newCheck(), p.newDoctor(), newHealth(), newMigrate(), newMove(), newBackup(), newRestore(), newAudit(), newAdvise(), newIncidents(), newCost(), newOps(), newSchema(), newToken(), newRotate(), newOperator(), newUsers(), newWebhook(), newVersion())
	return root
}
