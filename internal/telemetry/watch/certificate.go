package watch

import (
	"time"

	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
)

// A Certificate is what a look at the certificate of an address found.
type Certificate struct {
	Address string
	Ends    time.Time // zero if it was not seen
	Refused error     // why a client would not trust it, other than its end; nil if it would
}

// The times before the end of a certificate at which it is told.
const (
	endsSoon     = 14 * 24 * time.Hour
	endsVerySoon = 2 * 24 * time.Hour
)

// The states of a certificate.
const (
	certificateFine = iota
	certificateSoon
	certificateVerySoon
	certificateExpired
)

// certificates finds certificates that end, and that clients refuse.
type certificates struct {
	known map[string]*watchedCertificate
}

type watchedCertificate struct {
	Certificate
	state   int
	refused bool
}

// put keeps what a look found.
func (c *certificates) put(found Certificate) (events []archive.Event) {
	if c.known == nil {
		c.known = map[string]*watchedCertificate{}
	}
	own := c.known[found.Address]
	if own == nil {
		own = &watchedCertificate{}
		c.known[found.Address] = own
	}
	before := own.Certificate
	own.Certificate = found
	if found.Ends.IsZero() {
		own.Ends = before.Ends
	}
	switch {
	case found.Refused != nil && !own.refused:
		own.refused = true
		events = append(events, event(archive.EventCertificate, "Clients refuse the certificate of %s: %s.", found.Address, reason(found.Refused)))
	case found.Refused == nil && own.refused:
		own.refused = false
		events = append(events, over(archive.EventCertificate, "Clients accept the certificate of %s again.", found.Address))
	}
	return events
}

// look compares the ends of all certificates with the clock. The clock alone makes a certificate expire, so this needs no
// connection.
func (c *certificates) look(now time.Time) (events []archive.Event) {
	for _, own := range c.known {
		if own.Ends.IsZero() {
			continue
		}
		before, left := own.state, own.Ends.Sub(now)
		own.state = certificateState(left)
		switch {
		case own.state == before:
		case own.state == certificateExpired:
			events = append(events, event(archive.EventCertificate, "The certificate of %s expired %s ago.", own.Address, span(left)))
		case own.state > before:
			events = append(events, event(archive.EventCertificate, "The certificate of %s ends in %s.", own.Address, span(left)))
		default:
			events = append(events, over(archive.EventCertificate, "The certificate of %s was renewed: it ends on %s.", own.Address, own.Ends.UTC().Format(time.DateOnly)))
		}
	}
	return events
}

func certificateState(left time.Duration) int {
	switch {
	case left <= 0:
		return certificateExpired
	case left < endsVerySoon:
		return certificateVerySoon
	case left < endsSoon:
		return certificateSoon
	}
	return certificateFine
}
