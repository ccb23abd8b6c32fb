package mail

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestParseServer(t *testing.T) {
	for _, tt := range []struct {
		address string
		want    Server
		err     string
	}{
		{"smtp://u:p%40ss@mail.example.com", Server{host: "mail.example.com", user: "u", password: "p@ss", port: 587}, ""},
		{"smtp://mail.example.com:25", Server{host: "mail.example.com", port: 25}, ""},
		{"smtps://u:p@mail.example.com", Server{host: "mail.example.com", user: "u", password: "p", port: 465, tls: implicitTLS}, ""},
		{"smtp://localhost:1025", Server{host: "localhost", port: 1025, tls: maybeTLS}, ""},
		{"smtp://u:p@127.0.0.1:1025?tls=off", Server{host: "127.0.0.1", user: "u", password: "p", port: 1025, tls: noTLS}, ""},
		{"smtp://[::1]:25/", Server{host: "::1", port: 25, tls: maybeTLS}, ""},
		{"smtp://relay.internal:25?tls=off", Server{host: "relay.internal", port: 25, tls: noTLS}, ""},
		{"smtp://u:p@relay.internal:25?tls=off", Server{}, "in the clear"},
		{"smtp://u:hunter2@mail.example.com:x", Server{}, "is no URL"},
		{"smtp://u:hun%ter2@mail.example.com", Server{}, "is no URL"},
		{"smtp://u:hunter2@mail.example.com:99999", Server{}, "invalid port"},
		{"http://u:hunter2@mail.example.com", Server{}, "must begin with smtp"},
		{"mail.example.com:587", Server{}, "must begin with smtp"},
		{"smtp://u:hunter2@", Server{}, "has no host"},
		{"smtp://u@mail.example.com", Server{}, "a user and a password, or neither"},
		{"smtp://u:hunter2@mail.example.com/path", Server{}, "ends with the port"},
		{"smtp://u:hunter2@mail.example.com?tls=of", Server{}, "unknown option"},
		{"smtps://u:hunter2@mail.example.com?tls=off", Server{}, "unknown option"},
		{"smtp://u:hunter2@mail.example.com?x=1", Server{}, "unknown option"},
	} {
		got, err := ParseServer(tt.address)
		if (err != nil) != (tt.err != "") || (err != nil && !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("ParseServer(%q): %v, want %q", tt.address, err, tt.err)
		}
		if err == nil && got != tt.want {
			t.Errorf("ParseServer(%q) has another result", tt.address)
		}
		if err != nil && strings.Contains(err.Error(), "hun") {
			t.Errorf("ParseServer(%q) says the password: %v", tt.address, err)
		}
	}
}

func TestServerPrintsNothing(t *testing.T) {
	server, err := ParseServer("smtp://ada:hunter2@mail.example.com")
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "server", server, "in", struct{ S Server }{server})
	inJSON, err := json.Marshal(map[string]any{"s": server, "p": &server})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{fmt.Sprint(server), fmt.Sprintf("%+v %#v %s %q %x", server, server, server, server, &server), log.String(), string(inJSON)} {
		if strings.Contains(text, "hunter2") || strings.Contains(text, "ada") || !strings.Contains(text, "REDACTED") {
			t.Errorf("it prints %s", text)
		}
	}
}

func FuzzParseServer(f *testing.F) {
	f.Add("smtp://u:p@host:587?tls=off")
	f.Add("smtps://[::1%25eth0]:465")
	f.Fuzz(func(t *testing.T, address string) {
		s, err := ParseServer(address)
		if err == nil && (s.host == "" || s.port < 1 || s.port > 65535 || strings.ContainsAny(s.host, "\r\n")) {
			t.Errorf("ParseServer(%q) has the host %q and the port %d", address, s.host, s.port)
		}
	})
}
