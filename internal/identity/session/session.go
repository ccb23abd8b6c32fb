// Package session decides what a presented refresh token means for its session, and reads and writes these tokens.
//
// A session has one row in the database, whatever the number of its refresh tokens. Each token names the session and has a
// counter. The row holds two counters:
//
//   - stored: the counter of the newest token that the server issued. The first token of a session has counter 1.
//   - used: the greatest counter that anybody presented, or 0.
package session

// A Verdict is what a presented token means.
type Verdict uint8

const (
	// Invalid: the server never issued this token, or the database was restored from an older copy. Refuse the token and
	// leave the session alone.
	Invalid Verdict = iota
	// Next: the token is the newest one. Set used to its counter, raise stored by one and issue the token of that counter.
	Next
	// Again: the token is the one before the newest, and nobody presented the newest. The answer with the newest got lost,
	// or several tabs asked concurrently. Issue the token of the stored counter again and change nothing.
	Again
	// Reused: somebody presented this token after a newer one had been in use. Two parties hold tokens of the session, and
	// one of them stole it. End the session.
	Reused
)

func (v Verdict) String() string {
	return [...]string{"invalid", "next", "again", "reused"}[v]
}

// Judge returns what a presented counter means for a session with the given counters. The caller reads and changes the row
// in one transaction.
//
// Tabs of an honest client share one store. Each reads the token from the store when it sends a request, and saves the
// token of the answer there. Tabs may send the same token concurrently, and any answer may get lost. Before a tab sends a
// token, all requests with older tokens have ended. An access token lives for minutes between the two, so clients need no
// lock for that. Judge never returns Reused for an honest client of a session that nobody stole.
//
// A thief holds a copy of a token. If the client has used a newer token, Judge returns Reused for the copy. If the thief
// comes first, both parties get the same newer token, and the second of them to go on from there gets Again once. Whoever
// lags behind by two tokens gets Reused. So a session with two holders ends as soon as one of them has refreshed twice
// between two refreshes of the other.
func Judge(stored, used, presented uint32) Verdict {
	switch {
	case presented == 0, presented > stored, stored+1 == 0:
		return Invalid
	case presented == stored:
		return Next
	case presented == stored-1 && used < stored:
		return Again
	default:
		return Reused
	}
}
