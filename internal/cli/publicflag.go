package cli

import (
	"cmp"

	"github.com/spf13/cobra"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// A publicFlag is the public address of an app. Its flag was called --url before, which still works.
type publicFlag struct{ given, old string }

func (f *publicFlag) declare(cmd *cobra.Command, about string) {
	cmd.Flags().StringVar(&f.given, "public", "", about)
	cmd.Flags().StringVar(&f.old, "url", "", "old name of --public")
	if err := cmd.Flags().MarkHidden("url"); err != nil {
		panic(err)
	}
}

// address returns the address, "" if none is given.
func (f *publicFlag) address() string { return cmp.Or(f.given, f.old) }

func (f *publicFlag) check(cmd *cobra.Command) error {
	if f.address() == "" {
		return nil
	}
	name := "public"
	if f.given == "" {
		name = "url"
	}
	if _, err := model.PublicPath(f.address()); err != nil {
		return usage(cmd, "--%s (%s) %q: %v", name, variable(name), f.address(), err)
	}
	return nil
}
