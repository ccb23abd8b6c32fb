package cli

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ashlar-dev/ashlar/internal/suggest"
)

// settingsHelp explains environment variables in the help of commands.
const settingsHelp = `Each flag has an environment variable: ASHLAR_SHUTDOWN_TIMEOUT for --shutdown-timeout, and
ASHLAR_DATABASE_URL for --database, where nobody else on the machine sees its password. A flag
wins over its variable. Unknown variables that begin with ASHLAR_ are refused, so that a typing
error is noticed.`

const prefix = "ASHLAR_"

// environment sets flags of a command from their variables, unless the command line set them. An empty variable counts as
// not set.
func environment(cmd *cobra.Command, names ...string) error {
	err := checkVariables(cmd, os.Environ())
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		text := os.Getenv(variable(f.Name))
		if err != nil || f.Changed || text == "" || !slices.Contains(names, f.Name) {
			return
		}
		if bad := f.Value.Set(text); bad != nil {
			err = usage(cmd, "invalid value %q for %s: %s", text, variable(f.Name), plainReason(bad))
		}
	})
	return err
}

// checkVariables refuses ASHLAR_ variables that no command reads. With a misspelt ASHLAR_DATABASE_URL, a server would
// write into a forgotten data folder.
func checkVariables(cmd *cobra.Command, environ []string) error {
	known := settings(cmd.Root())
	var found []string
	for _, v := range environ {
		name, text, _ := strings.Cut(v, "=")
		if strings.HasPrefix(name, prefix) && text != "" && !slices.Contains(known, name) && !isForeign(name, text) {
			found = append(found, "there is no setting "+name+suggest.DidYouMean(name, known))
		}
	}
	if len(found) == 0 {
		return nil
	}
	slices.Sort(found)
	return usage(cmd, "%s", strings.Join(found, "\n"))
}

// settings returns the names of all variables. Other commands read some of the variables of serve.
func settings(root *cobra.Command) []string {
	var names []string
	for _, c := range root.Commands() {
		if c.Name() == "serve" || c.Name() == "move" {
			for _, flag := range allFlags(c) {
				names = append(names, variable(flag))
			}
		}
	}
	return names
}

// serviceVariable matches Kubernetes' variables for a service with a name that begins with ashlar:
// ASHLAR_SERVICE_HOST, ASHLAR_PORT_8080_TCP_ADDR.
var serviceVariable = regexp.MustCompile(`_SERVICE_(HOST|PORT)(_|$)|_PORT_\d+_(TCP|UDP|SCTP)(_|$)`)

// isForeign reports whether a variable belongs to another program: a client's token, our tests, or a Kubernetes service.
func isForeign(name, text string) bool {
	address := strings.HasSuffix(name, "_PORT") && strings.Contains(text, "://") // ASHLAR_PORT=tcp://10.0.0.1:8080
	return name == prefix+"TOKEN" || strings.HasPrefix(name, prefix+"TEST_") || address || serviceVariable.MatchString(name)
}

// allFlags returns the names of a command's flags except help.
func allFlags(cmd *cobra.Command) []string {
	var names []string
	cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" {
			names = append(names, f.Name)
		}
	})
	return names
}

// dashed returns flags with their two dashes.
func dashed(flags []string) []string {
	typed := make([]string, len(flags))
	for i, name := range flags {
		typed[i] = "--" + name
	}
	return typed
}

// variable returns the environment variable of a flag. --database has the name used by other programs: DATABASE_URL.
func variable(flag string) string {
	if flag == "database" {
		return prefix + "DATABASE_URL"
	}
	return prefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// flagError describes wrong flags in our words.
func flagError(cmd *cobra.Command, err error) error {
	if e, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return usage(cmd, "invalid value %q for --%s: %s", e.GetValue(), e.GetFlag().Name, plainReason(e.Unwrap()))
	}
	if e, ok := errors.AsType[*pflag.NotExistError](err); ok && e.GetSpecifiedShortnames() == "" {
		return usage(cmd, "%s has no flag --%s%s", cmd.Name(), e.GetSpecifiedName(), suggest.DidYouMean("--"+e.GetSpecifiedName(), dashed(allFlags(cmd))))
	}
	return &usageError{cmd.CommandPath(), err}
}

// plainReason explains a wrong value without the words of packages time and strconv.
func plainReason(err error) string {
	_, isNumber := errors.AsType[*strconv.NumError](err)
	switch text := err.Error(); {
	case strings.HasPrefix(text, "time:"):
		return "write a duration, such as 30s or 2m"
	case isNumber || strings.HasPrefix(text, "strconv."):
		return "write a number"
	default:
		return text
	}
}

// A choice is a flag with a few possible words.
type choice struct {
	value string
	words []string
}

func oneOf(words ...string) *choice { return &choice{value: words[0], words: words} }

func (c *choice) String() string { return c.value }

func (c *choice) Type() string { return strings.Join(c.words, "|") }

func (c *choice) Set(text string) error {
	if !slices.Contains(c.words, text) {
		return fmt.Errorf("write one of %s%s", strings.Join(c.words, ", "), suggest.DidYouMean(text, c.words))
	}
	c.value = text
	return nil
}
