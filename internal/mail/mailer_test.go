package mail

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// A refusing server repeats what it refuses.
type refusing struct{ err error }

func (r refusing) send(context.Context, *outgoing) error { return r.err }

// The error of a mail has one line, no secret, and is permanent if the server's is.
func TestMailerRedacts(t *testing.T) {
	message := Message{To: "ada@example.com", Template: "verify", Data: Data{Name: "Ada", Code: "12345678", Path: "/verify#secret-token", Minutes: 10}}
	refusal := errors.New("451 busy: \"12345678\" in https://app.example.com/verify#secret-token\r\n" + strings.Repeat("x", 1000))
	for _, err := range []error{refusal, &permanentError{refusal}} {
		got := NewMailer(templates(t, nil), refusing{err}).SendMessage(t.Context(), "1", "en", message)
		if text := got.Error(); !strings.HasPrefix(text, "451 busy: \"REDACTED\" in ") || strings.Contains(text, "12345678") || strings.Contains(text, "secret-token") ||
			strings.ContainsAny(text, "\r\n") || len(text) > maxError+3 {
			t.Errorf("the error is %q", text)
		}
		if IsPermanent(got) != IsPermanent(err) {
			t.Errorf("%v is permanent: %v", got, IsPermanent(got))
		}
	}
	unknown := NewMailer(templates(t, nil), refusing{}).SendMessage(t.Context(), "1", "", Message{To: "ada@example.com", Template: "unknown"})
	if unknown == nil || !strings.Contains(unknown.Error(), `there is no mail template "unknown"`) {
		t.Errorf("SendMessage = %v", unknown)
	}
}
