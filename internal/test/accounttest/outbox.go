package accounttest

import (
	"sync"

	"github.com/ashlar-dev/ashlar/internal/mail"
	"github.com/ashlar-dev/ashlar/internal/record"
)

// An Outbox is a fake of outbox.Outbox that keeps letters until the test asks for them.
type Outbox struct {
	mu      sync.Mutex
	letters []mail.Letter
}

// Queue keeps a letter.
func (o *Outbox) Queue(_ *record.Tx, l mail.Letter) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.letters = append(o.letters, l)
	return nil
}

// Take returns the letters since the last call.
func (o *Outbox) Take() []mail.Letter {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := o.letters
	o.letters = nil
	return all
}
