package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// problem is what the API says when it refuses (RFC 9457).
type problem struct {
	Title     string
	Detail    string
	RequestID string `json:"request_id"`
	Errors    []struct{ Pointer, Detail string }
}

// problem returns an answer that is a refusal as an error: what was tried, what the API said, and what to do where that is known.
func (a answer) problem(what string) error {
	var p problem
	if err := json.Unmarshal(a.body, &p); err != nil || p.Title == "" {
		return fmt.Errorf("%s: status %d: %.200s", what, a.status, a.body)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s: %d %s", what, a.status, p.Title)
	if p.Detail != "" {
		text.WriteString(": " + p.Detail)
	}
	for _, e := range p.Errors {
		fmt.Fprintf(&text, "\n  %s: %s", e.Pointer, e.Detail)
	}
	if p.RequestID != "" {
		text.WriteString("\n  request " + p.RequestID)
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
