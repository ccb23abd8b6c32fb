package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
)

// watchInterval is longer than on SQLite: the server keeps the deadline of a statement by itself.
const watchInterval = 10 * time.Millisecond

// cutter implements engine.Cutter by a handler of the driver's, whose HandleCancel waits for nothing.
type cutter struct{ handler ctxwatch.Handler }

func (c cutter) Cut(ctx context.Context) { c.handler.HandleCancel(ctx) }

func (c cutter) Mend() { c.handler.HandleUnwatchAfterCancel() }
