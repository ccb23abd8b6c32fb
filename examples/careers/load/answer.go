package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// An answer is a whole response of the API.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// A problem is the API's description of a refusal (RFC 9457).
type problem struct {
	Title     string
	Detail    string
	RequestID string `json:"request_id"`
	Errors    []struct{ Pointer, Detail string }
}

// problem turns a refusal into an error: the operation, the API's own words, and advice for known reasons.
func (a answer) problem(operation string) error {
	var document problem
	if err := json.Unmarshal(a.body, &document); err != nil || document.Title == "" {
		return fmt.Errorf("%s: status %d: %.200s", operation, a.status, a.body)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s: %d %s", operation, a.status, document.Title)
	if document.Detail != "" {
		text.WriteString(": " + document.Detail)
	}
	for _, e := range document.Errors {
		fmt.Fprintf(&text, "\n  %s: %s", e.Pointer, e.Detail)
	}
	if document.RequestID != "" {
		text.WriteString("\n  request " + document.RequestID)
	}
	text.WriteString(advice(a.status))
	return fmt.Errorf("%s", text.String())
}

func advice(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "\n  the token is not accepted: make a new one with bin/ashlar token --id ID --role editor examples/careers"
	case http.StatusForbidden:
		return "\n  only an editor may write the guide: make the token with --role editor"
	}
	return ""
}
