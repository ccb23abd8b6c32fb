package alert

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/ashlar-dev/ashlar/internal/outbound"
)

// maxAnswer bounds how much of an answer is read.
const maxAnswer = 64 << 10

// newClient returns a client for an address. The operator has given the address, perhaps one in a private network.
func newClient(cfg Config, address string) *http.Client {
	use := outbound.Use{Timeout: attemptTime, MaxAnswer: maxAnswer, MaxConns: 1}
	if u, err := url.Parse(address); err == nil {
		use.Given = []string{outbound.GivenHost(u)}
	}
	return cfg.Egress.Client(use)
}

// post sends a body. Errors do not have the address, because it may hold a token.
func post(ctx context.Context, client *http.Client, address string, body []byte, header http.Header) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return &permanentError{errors.New("the address is wrong")}
	}
	request.Header = header
	request.Header.Set("Content-Type", "application/json")
	if user := request.URL.User; user != nil { // of an Alertmanager behind a proxy with passwords
		password, _ := user.Password()
		request.SetBasicAuth(user.Username(), password)
		request.URL.User = nil
	}
	answer, err := client.Do(request)
	if err != nil {
		return outbound.Cause(err)
	}
	defer answer.Body.Close()
	_, _ = io.CopyN(io.Discard, answer.Body, maxAnswer) // keeps the connection usable
	return judge(answer.StatusCode)
}

// judge returns the meaning of a status for an alert.
func judge(status int) error {
	switch {
	case status >= 200 && status < 300:
		return nil
	case status >= 300 && status < 400:
		return &permanentError{fmt.Errorf("the target answers %d: redirects are not followed, so configure the address that it leads to", status)}
	case status == http.StatusRequestTimeout || status == http.StatusTooEarly || status == http.StatusTooManyRequests || status >= 500:
		return fmt.Errorf("the target answers %d", status)
	}
	return &permanentError{fmt.Errorf("the target answers %d", status)}
}

// A permanentError ends the attempts to deliver an alert.
type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }
