package errs

import (
	"errors"
	"fmt"
	"io"
	"testing"
)

// hiding is an error whose text leaves its cause out.
type hiding struct{ cause error }

func (hiding) Error() string   { return "try again" }
func (h hiding) Unwrap() error { return h.cause }

// wrapped is err as a function of that name returns it.
func wrapped(err error, name string) error {
	Wrap(&err, "%s(x)", name)
	return err
}

func TestForTerminal(t *testing.T) {
	conflict := New(Conflict, "it is in use")
	for _, tt := range []struct {
		name      string
		err       error
		want, log string
	}{
		{"of ours", conflict, "it is in use", "conflict: it is in use"},
		{"of an operation", wrapped(wrapped(conflict, "inner"), "outer"), "it is in use", "outer(x): inner(x): conflict: it is in use"},
		{"between words", fmt.Errorf("the source: %w; stop it", wrapped(conflict, "inner")), "the source: it is in use; stop it",
			"the source: inner(x): conflict: it is in use; stop it"},
		{"with its cause", Wrapf(wrapped(io.EOF, "read"), Unavailable, "it cannot be reached"), "it cannot be reached: EOF",
			"unavailable: it cannot be reached: read(x): EOF"},
		{"internal", wrapped(Wrapf(io.EOF, Internal, "internal error"), "outer"), "EOF", "outer(x): internal: internal error: EOF"},
		{"joined", errors.Join(wrapped(conflict, "a"), nil, wrapped(io.EOF, "b")), "it is in use\nEOF", "a(x): conflict: it is in use\nb(x): EOF"},
		{"two in one", fmt.Errorf("%w (%w)", wrapped(io.EOF, "a"), conflict), "EOF (it is in use)", "a(x): EOF (conflict: it is in use)"},
		{"the same words before", fmt.Errorf("conflict: it is in use: %w", conflict), "conflict: it is in use: it is in use",
			"conflict: it is in use: conflict: it is in use"},
		{"hidden by its wrapper", hiding{wrapped(io.EOF, "a")}, "try again", "try again"},
		{"none of ours", fmt.Errorf("open: %w", io.EOF), "open: EOF", "open: EOF"},
	} {
		if got := ForTerminal(tt.err); got != tt.want {
			t.Errorf("ForTerminal of one %s = %q, want %q", tt.name, got, tt.want)
		}
		if got := tt.err.Error(); got != tt.log {
			t.Errorf("the text of one %s = %q, want %q", tt.name, got, tt.log)
		}
	}
	if err := wrapped(conflict, "outer"); KindOf(err) != Conflict || !errors.Is(err, conflict) {
		t.Errorf("an operation hides the error: %v", err)
	}
	if err := wrapped(nil, "outer"); err != nil {
		t.Errorf("Wrap makes an error of none: %v", err)
	}
}

func TestClip(t *testing.T) {
	for _, tt := range []struct {
		in   string
		most int
		want string
	}{
		{"", 3, ""},
		{"abc", 3, "abc"},
		{"abcd", 3, "abc…"},
		{"äöü", 3, "äöü"},
		{"äöüß", 3, "äöü…"},
		{"a\xff\xfe!", 3, "a\xff\xfe…"},
		{"abc", 0, "…"},
	} {
		if got := Clip(tt.in, tt.most); got != tt.want {
			t.Errorf("Clip(%q, %d) = %q, want %q", tt.in, tt.most, got, tt.want)
		}
	}
}
