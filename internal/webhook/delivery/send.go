package delivery

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/ashlar-dev/ashlar/internal/outbound"
	"github.com/ashlar-dev/ashlar/internal/webhook"
)

// send makes one attempt. It always returns an outcome.
func (s *Service) send(ctx context.Context, p *parcel) *outcome {
	began, at := time.Now(), s.now()
	done := &outcome{parcel: p, Try: Try{At: at.UTC().Truncate(time.Millisecond), Trial: p.ticket.Trial}, result: webhook.Failed}
	answer, err := s.post(ctx, p, at)
	done.Millis, done.ended = time.Since(began).Milliseconds(), s.now()
	if err != nil {
		done.Error = describe(err)
		return done
	}
	done.Status, done.result = answer.StatusCode, webhook.Judge(answer.StatusCode)
	done.wanted, _ = webhook.RetryAfter(answer.Header, done.ended)
	if done.result != webhook.Delivered {
		done.Error = "the status " + strconv.Itoa(answer.StatusCode)
		if answer.StatusCode >= 300 && answer.StatusCode <= 399 {
			done.Error += ", and redirects are not followed"
		}
	}
	return done
}

// post sends a message. It reads the body of the answer, so that the connection can be used again, and drops it. An attempt
// shows no more than a status: otherwise an endpoint could read a service inside of a network.
func (s *Service) post(ctx context.Context, p *parcel, at time.Time) (*http.Response, error) {
	keys, err := s.keysOf(p.to, at)
	if err != nil {
		return nil, err
	}
	header, err := webhook.Header(keys, p.message, at, p.body)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.to.url, bytes.NewReader(p.body))
	if err != nil {
		return nil, errAddress
	}
	r.Header = header
	client := s.clients.public
	if p.to.isGiven {
		client = s.clients.given
	}
	answer, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	_, _ = io.Copy(io.Discard, answer.Body) // the status has said it all
	return answer, nil
}

var (
	errSecret  = errors.New("the secret of the endpoint is no key: write whsec_ and 24 to 64 random bytes in base64")
	errAddress = errors.New("the address of the endpoint is no URL")
)

// keysOf returns the keys that sign for an endpoint: its secret, for a day the one before, and the key of the server.
func (s *Service) keysOf(e *endpoint, at time.Time) (keys []webhook.SigningKey, err error) {
	if e.secret != "" {
		key, err := webhook.ParseSecret(e.secret)
		if err != nil {
			return nil, errSecret
		}
		keys = append(keys, key)
	}
	if e.former != "" && at.Before(e.until) {
		if key, err := webhook.ParseSecret(e.former); err == nil {
			keys = append(keys, key)
		}
	}
	return append(keys, s.cfg.Key), nil
}

// describe says why there was no answer, for whoever owns the endpoint. It holds no address and no secret.
func describe(err error) string {
	if errors.Is(err, errSecret) || errors.Is(err, errAddress) {
		return err.Error()
	}
	switch outbound.FailureOf(err) {
	case outbound.Unreachable:
		return "unreachable: the host has no public address, or nobody listens there"
	case outbound.TimedOut:
		return "timeout: the receiver took too long"
	case outbound.Insecure:
		return "tls: the certificate was not accepted, or the receiver speaks no TLS"
	}
	return "broken: the connection ended without an answer"
}
