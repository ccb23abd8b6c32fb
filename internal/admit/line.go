package admit

import "time"

// A line holds the waiters of one level. Its clients form a ring and take turns; the waiters of a client queue in order.
type line[K comparable] struct {
	clients map[K]*clientLine[K]
	turn    *clientLine[K] // next client in turn
	count   int            // waiters of all clients
	held    time.Duration  // recent mean time of holding a slot
}

// A clientLine is the queue of one client.
type clientLine[K comparable] struct {
	key         K
	first, last *waiter[K]
	count       int

	before, after *clientLine[K] // neighbours in the ring
}

// A waiter is a waiting caller.
type waiter[K comparable] struct {
	level   int
	key     K
	granted chan struct{}
	timer   *time.Timer

	before, after *waiter[K] // neighbours in the queue of its client
}

func (l *line[K]) add(waiting *waiter[K]) {
	client := l.clients[waiting.key]
	if client == nil {
		client = &clientLine[K]{key: waiting.key}
		l.clients[waiting.key] = client
		l.link(client)
	}
	waiting.before, waiting.after = client.last, nil
	if client.last != nil {
		client.last.after = waiting
	} else {
		client.first = waiting
	}
	client.last = waiting
	client.count++
	l.count++
}

// link puts a client at the end of the ring, right before the next client in turn.
func (l *line[K]) link(client *clientLine[K]) {
	if l.turn == nil {
		client.before, client.after, l.turn = client, client, client
		return
	}
	client.before, client.after = l.turn.before, l.turn
	client.before.after, client.after.before = client, client
}

func (l *line[K]) unlink(client *clientLine[K]) {
	delete(l.clients, client.key)
	if client.after == client {
		l.turn = nil
		return
	}
	client.before.after, client.after.before = client.after, client.before
	if l.turn == client {
		l.turn = client.after
	}
}

// pop removes and returns the first waiter of the next client in turn. The line must not be empty.
func (l *line[K]) pop() *waiter[K] {
	client := l.turn
	l.turn = client.after
	waiting := client.first
	l.remove(waiting)
	return waiting
}

func (l *line[K]) remove(waiting *waiter[K]) {
	client := l.clients[waiting.key]
	if waiting.before != nil {
		waiting.before.after = waiting.after
	} else {
		client.first = waiting.after
	}
	if waiting.after != nil {
		waiting.after.before = waiting.before
	} else {
		client.last = waiting.before
	}
	waiting.before, waiting.after = nil, nil
	client.count--
	l.count--
	if client.count == 0 {
		l.unlink(client)
	}
}

// before returns the number of waiters that would get a slot before a new waiter of the given client. Because clients take
// turns, each other client has at most as many turns as this client has waiters, the new one included.
func (l *line[K]) before(key K) int {
	own := 0
	if c := l.clients[key]; c != nil {
		own = c.count
	}
	others := len(l.clients)
	if own > 0 {
		others--
	}
	return min(l.count, own+others*(own+1))
}
