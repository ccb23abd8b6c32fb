// Package telemetry writes the log of a server: its lines in batches, and one wide record for each unit of work.
package telemetry

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/ashlar-dev/ashlar/internal/telemetry/jsonline"
)

// NewLogger returns a logger that writes one line per record to w. The line is JSON if format is "json", else text in the
// manner of logfmt. Each line is one call of w.Write.
func NewLogger(w io.Writer, format string, level slog.Level) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if format == "json" {
		return slog.New(jsonline.NewHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

const redacted = "REDACTED"

// A Secret is text that must not reach a log, an answer or an error. It prints as REDACTED; only a conversion to string
// reveals it. Package fmt cannot call methods of unexported fields, so never print a struct with a Secret in one.
type Secret string

func (Secret) String() string               { return redacted }
func (Secret) GoString() string             { return redacted }
func (Secret) LogValue() slog.Value         { return slog.StringValue(redacted) }
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// Format handles all verbs: %x and %d would otherwise bypass String.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }
