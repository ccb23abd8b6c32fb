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

// settingsHelp is for commands whose flags are settings too.
const settingsHelp = `Each flag is also a setting of the environment: --shutdown-timeout is ASHLAR_SHUTDOWN_TIMEOUT,
and --database ASHLAR_DATABASE_URL, where nobody else on the machine sees its password. A flag wins over
the environment. What begins with ASHLAR_ and is no setting is refused, lest a misspelt one is missed.`

const prefix = "ASHLAR_"

// environment gives the flags of a command that were not given the values of their variables. A variable that is empty
// counts as not set.
func environment(cmd *cobra.Command, names ...string) error {
	err := misspelt(cmd, os.Environ())
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		text := os.Getenv(variable(f.Name))
		if err != nil || f.Changed || text == "" || !slices.Contains(names, f.Name) {
			return
		}
		if bad := f.Value.Set(text); bad != nil {
			err = usage(cmd, "invalid value %q for %s: %s", text, variable(f.Name), reason(bad))
		}
	})
	return err
}

// misspelt refuses variables that no command reads: a server that goes on without its ASHLAR_DATABSE_URL would take
// writes into a data folder that nobody looks at.
func misspelt(cmd *cobra.Command, environ []string) error {
	known := settings(cmd.Root())
	var found []string
	for _, v := range environ {
		name, text, _ := strings.Cut(v, "=")
		if strings.HasPrefix(name, prefix) && text != "" && !slices.Contains(known, name) && !isOthers(name, text) {
			found = append(found, "there is no setting "+name+suggest.DidYouMean(name, known))
		}
	}
	if len(found) == 0 {
		return nil
	}
	slices.Sort(found)
	return usage(cmd, "%s", strings.Join(found, "\n"))
}

// settings are the variables that commands read: others than serve and move read some of those of serve.
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

// ofService is what Kubernetes, and others after it, set for each service that they find, here of one whose name begins
// with ashlar: ASHLAR_SERVICE_HOST, ASHLAR_PORT_8080_TCP_ADDR.
var ofService = regexp.MustCompile(`_SERVICE_(HOST|PORT)(_|$)|_PORT_\d+_(TCP|UDP|SCTP)(_|$)`)

// isOthers says whether a variable is meant for another program: a client's token, our tests, or whoever uses a service.
func isOthers(name, text string) bool {
	address := strings.HasSuffix(name, "_PORT") && strings.Contains(text, "://") // ASHLAR_PORT=tcp://10.0.0.1:8080
	return name == prefix+"TOKEN" || strings.HasPrefix(name, prefix+"TEST_") || address || ofService.MatchString(name)
}

// allFlags names the flags of a command but help.
func allFlags(cmd *cobra.Command) []string {
	var names []string
	cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" {
			names = append(names, f.Name)
		}
	})
	return names
}

// dashed are flags as they are typed.
func dashed(flags []string) []string {
	typed := make([]string, len(flags))
	for i, name := range flags {
		typed[i] = "--" + name
	}
	return typed
}

// variable is the variable of a flag. That of an address which may hold a password is what others call it too.
func variable(flag string) string {
	if flag == "database" {
		return prefix + "DATABASE_URL"
	}
	return prefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// flagError says what is wrong with the flags of a command in our words.
func flagError(cmd *cobra.Command, err error) error {
	if e, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return usage(cmd, "invalid value %q for --%s: %s", e.GetValue(), e.GetFlag().Name, reason(e.Unwrap()))
	}
	if e, ok := errors.AsType[*pflag.NotExistError](err); ok && e.GetSpecifiedShortnames() == "" {
		return usage(cmd, "%s has no flag --%s%s", cmd.Name(), e.GetSpecifiedName(), suggest.DidYouMean("--"+e.GetSpecifiedName(), dashed(allFlags(cmd))))
	}
	return &usageError{cmd.CommandPath(), err}
}

// reason says why a value cannot be, without the words of packages time and strconv.
func reason(err error) string {
	_, isNumber := errors.AsType[*strconv.NumError](err)
	switch text := err.Error(); {
	case strings.HasPrefix(text, "time:"):
		return "write a duration, as 30s or 2m"
	case isNumber || strings.HasPrefix(text, "strconv."):
		return "write a number"
	default:
		return text
	}
}

// choice is a flag that is one of a few words.
type choice struct {
	value string
	words []string
}

func oneOf(words ...string) *choice { return &choice{value: words[0], words: words} }

func (c *choice) String() string { return c.value }

func (c *choice) Type() string { return strings.Join(c.words, "|") }

func (c *choice) Set(s string) error {
	if !slices.Contains(c.words, s) {
		return fmt.Errorf("write one of %s%s", strings.Join(c.words, ", "), suggest.DidYouMean(s, c.words))
	}
	c.value = s
	return nil
}
