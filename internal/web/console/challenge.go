package console

import (
	"net/http"

	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/web/passkey"
)

// challenge answers the script of passkeys with a challenge. refuse answers it if there is an error.
func (q *Request) challenge(begin func() (account.Challenge, error)) error {
	c, err := begin()
	if err != nil {
		return err
	}
	return q.json(http.StatusOK, passkey.Challenge{Flow: c.Flow, Options: c.Options})
}
