package store

import "context"

// A Listener is a database whose server passes messages between the nodes. A message may be lost, with a connection for example.
type Listener interface {
	// Listen calls heard for each message on a channel until ctx ends or the connection is lost. ready is called once
	// no later message is missed.
	Listen(ctx context.Context, channel string, ready func(), heard func(message string)) error
}
