package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ashlar-dev/ashlar/internal/sqlgen"
)

const (
	// listenCheck is how long a connection may be silent before it is asked whether it is there. A listener that died without
	// a word would hear nothing for ever.
	listenCheck   = 15 * time.Second
	listenAnswer  = 5 * time.Second
	listenConfirm = "SELECT 1"
)

// Listen implements store.Listener, on a connection of its own.
func (db *DB) Listen(ctx context.Context, channel string, ready func(), heard func(message string)) error {
	config := db.session.Config.Copy()
	config.OnNotification = func(_ *pgconn.PgConn, n *pgconn.Notification) { heard(n.Payload) }
	connecting, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	conn, err := pgconn.ConnectConfig(connecting, config)
	if err != nil {
		return unreachable(explainConnect(err))
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = conn.Close(closing)
	}()
	if err := execAll(connecting, conn, "LISTEN "+sqlgen.Quote(channel)); err != nil {
		return translate(ctx, err)
	}
	ready()
	for {
		if err := listenOnce(ctx, conn); err != nil {
			return err
		}
	}
}

// listenOnce waits for a message, or finds that the connection still works.
func listenOnce(ctx context.Context, conn *pgconn.PgConn) error {
	waiting, cancel := context.WithTimeout(ctx, listenCheck)
	defer cancel()
	err := conn.WaitForNotification(waiting)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case !errors.Is(err, context.DeadlineExceeded):
		return unreachable(err)
	}
	asking, cancelAsking := context.WithTimeout(ctx, listenAnswer)
	defer cancelAsking()
	if err := execAll(asking, conn, listenConfirm); err != nil {
		return unreachable(err)
	}
	return nil
}
