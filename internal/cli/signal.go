package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// untilSignal returns a context that ends at the first SIGINT or SIGTERM. A second signal ends the process. The command
// calls stop when it has finished.
func untilSignal(cmd *cobra.Command) (ctx context.Context, stop context.CancelFunc) {
	ctx, stop = signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // restores the default handler
	return ctx, stop
}
