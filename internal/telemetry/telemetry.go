// Package telemetry is what an operator sees of the server.
package telemetry

import (
	"fmt"
	"io"
	"log/slog"
)

// NewLogger returns a logger that writes one line per record to w: JSON where format is "json", otherwise logfmt-like text.
// Each record is one call of w.Write.
func NewLogger(w io.Writer, format string, level slog.Level) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if format == "json" {
		return slog.New(newLines(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

const redacted = "REDACTED"

// Secret is text that must not reach a log, an answer or an error. Whatever prints it, prints REDACTED; only a
// conversion to string reveals it. Package fmt cannot call methods of unexported fields: a struct that keeps a Secret in
// one must not be printed whole.
type Secret string

func (Secret) String() string               { return redacted }
func (Secret) GoString() string             { return redacted }
func (Secret) LogValue() slog.Value         { return slog.StringValue(redacted) }
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// Format serves every verb: %x and %d would otherwise bypass String.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }
