package admit

import "time"

const (
	// share is the part of the time that a client gets while others want it too: one in share. What a client used for a
	// second is paid for after so many seconds.
	share = 4

	// maxDebt bounds how far ahead of time a client can be in debt.
	maxDebt = 10 * time.Second

	// costly is from when on work counts as costly.
	costly = 50 * time.Millisecond

	// remembered is how long costly work is remembered.
	remembered = time.Minute

	// active is how long a client counts as active after it came.
	active = time.Second

	// cheap is what no client goes into debt for. Turns are fair enough.
	cheap = time.Millisecond

	maxAccounts = 4096 // clients in debt
	maxCostly   = 8    // costly shapes of a client
)

// Accounts knows what clients used of something that one client at a time can use. A client that used much is in debt for
// a while, and clients without debts come first. Accounts is not safe for concurrent use.
type Accounts[K comparable] struct {
	debts map[K]*debt

	last, other     K // the client that came last, and the last one before it
	lastAt, otherAt time.Time
}

// A debt is what a client used and has not paid for.
type debt struct {
	until  time.Time           // when it is paid
	costly map[Shape]time.Time // when costly work of a shape last ended
}

// Came notes that a client wants a turn.
func (a *Accounts[K]) Came(client K, now time.Time) {
	if client != a.last {
		a.other, a.otherAt, a.last = a.last, a.lastAt, client
	}
	a.lastAt = now
}

// Empty reports whether no client is known to be in debt.
func (a *Accounts[K]) Empty() bool { return len(a.debts) == 0 }

// othersCome reports whether other clients came lately.
func (a *Accounts[K]) othersCome(client K, now time.Time) bool {
	at := a.lastAt
	if client == a.last {
		at = a.otherAt
	}
	return now.Sub(at) < active
}

// Charge charges a client for work that has just ended, and remembers whether it was costly.
func (a *Accounts[K]) Charge(client K, shape Shape, used time.Duration, now time.Time) {
	d := a.debts[client]
	if d == nil {
		if used < cheap {
			return
		}
		if a.debts == nil {
			a.debts = map[K]*debt{}
		}
		a.forget(now)
		d = &debt{until: now.Add(-used)}
		a.debts[client] = d
	}
	if began := now.Add(-used); d.until.Before(began) {
		d.until = began
	}
	d.until = d.until.Add(share * used)
	if latest := now.Add(maxDebt); d.until.After(latest) {
		d.until = latest
	}
	if used < costly {
		delete(d.costly, shape)
		return
	}
	if d.costly == nil || len(d.costly) >= maxCostly {
		d.costly = map[Shape]time.Time{}
	}
	d.costly[shape] = now
}

// forget makes room for one more debt. If nearly all clients are in debt, it forgives them all.
func (a *Accounts[K]) forget(now time.Time) {
	if len(a.debts) < maxAccounts {
		return
	}
	for client, d := range a.debts {
		if !d.until.After(now) {
			delete(a.debts, client)
		}
	}
	if len(a.debts) > maxAccounts/2 {
		clear(a.debts)
	}
}

// Costly reports whether work of a shape took long when the client last did it, not long ago.
func (a *Accounts[K]) Costly(client K, shape Shape, now time.Time) bool {
	d := a.debts[client]
	if d == nil {
		return false
	}
	at, ok := d.costly[shape]
	return ok && now.Sub(at) < remembered
}

// paid returns when the client has paid for what it used.
func (a *Accounts[K]) paid(client K) time.Time {
	if d := a.debts[client]; d != nil {
		return d.until
	}
	return time.Time{}
}

// Held returns how long costly work of a client has to wait although nobody is before it. Work in progress cannot be
// interrupted for others. So while others come, a client in debt begins nothing costly.
func (a *Accounts[K]) Held(client K, shape Shape, now time.Time) time.Duration {
	if !a.Costly(client, shape, now) || !a.othersCome(client, now) {
		return 0
	}
	return max(0, a.debts[client].until.Sub(now))
}
