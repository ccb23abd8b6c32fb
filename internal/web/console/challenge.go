package console

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/web"
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

// isScript reports whether a request comes from the script of passkeys, which reads JSON.
func (q *Request) isScript() bool {
	return strings.HasPrefix(q.r.Header.Get("Accept"), "application/json")
}

// JSON answers a script of a page.
func (q *Request) JSON(status int, answer any) error { return q.json(status, answer) }

func (q *Request) json(status int, answer any) error {
	text, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	q.answered = true
	return web.JSON(q.w, status, text)
}
