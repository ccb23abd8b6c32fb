package doctor

import (
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
)

// The settings of a server under test cannot all be spoilt, so these are judged as values.
func TestServersOfPostgreSQLAreJudged(t *testing.T) {
	sound := func() postgres.Server {
		return postgres.Server{
			Version: "17.6", Role: "careers", Used: 10, Encrypted: true, Remote: true, Accuracy: time.Millisecond,
			Settings: map[string]string{
				"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "max_connections": "100", "superuser_reserved_connections": "3",
				"idle_in_transaction_session_timeout": "60000ms", "data_checksums": "on",
			},
		}
	}
	for _, tt := range []struct {
		name  string
		spoil func(*postgres.Server)
		want  string // severity and a part of the sentence; "": nothing
	}{
		{"sound", func(*postgres.Server) {}, ""},
		{"fsync", func(s *postgres.Server) { s.Settings["fsync"] = "off" }, "error fsync = off"},
		{"synchronous_commit", func(s *postgres.Server) { s.Settings["synchronous_commit"] = "off" }, "error synchronous_commit = off"},
		{"full_page_writes", func(s *postgres.Server) { s.Settings["full_page_writes"] = "off" }, "error full_page_writes = off"},
		{"checksums", func(s *postgres.Server) { s.Settings["data_checksums"] = "off" }, "note data_checksums"},
		{"too few connections", func(s *postgres.Server) { s.Settings["max_connections"] = "20" }, "error max_connections"},
		{"nearly all connections", func(s *postgres.Server) { s.Used = 90 }, "warning 90 of 97 connections"},
		{"a pooler has connections of its own", func(s *postgres.Server) { s.Settings["max_connections"], s.Pooled = "20", true }, "note through a pooler"},
		{"open transactions", func(s *postgres.Server) { s.Settings["idle_in_transaction_session_timeout"] = "0ms" }, "note idle_in_transaction"},
		{"superuser", func(s *postgres.Server) { s.Powers = []string{"SUPERUSER", "CREATEDB"} }, "warning is a superuser"},
		{"powerful role", func(s *postgres.Server) { s.Powers = []string{"CREATEROLE", "BYPASSRLS"} }, "warning CREATEROLE, BYPASSRLS"},
		{"standby", func(s *postgres.Server) { s.Standby = true }, "error standby"},
		{"in the clear", func(s *postgres.Server) { s.Encrypted = false }, "error not encrypted"},
		{"in the clear on this machine", func(s *postgres.Server) { s.Encrypted, s.Remote = false, false }, ""},
		{"clock ahead", func(s *postgres.Server) { s.Offset = 5 * time.Second }, "warning differ by 5s"},
		{"clock far behind", func(s *postgres.Server) { s.Offset = -time.Hour }, "error differ by 1h"},
		{"slow answer", func(s *postgres.Server) { s.Offset, s.Accuracy = 3*time.Second, 4*time.Second }, ""},
	} {
		s := sound()
		tt.spoil(&s)
		e := &examination{Deployment: &Deployment{}}
		e.server(&s)
		if tt.want == "" {
			if len(e.found) > 0 {
				t.Errorf("%s: found %+v", tt.name, e.found)
			}
			continue
		}
		severity, part, _ := strings.Cut(tt.want, " ")
		if len(e.found) != 1 || string(e.found[0].Severity) != severity || !strings.Contains(e.found[0].What, part) {
			t.Errorf("%s: found %+v, want %s", tt.name, e.found, tt.want)
		}
	}
}

func TestNamesOfPersonalData(t *testing.T) {
	for name, want := range map[string]bool{
		"email": true, "work_email": true, "phone": true, "last_name": true, "first_name": true, "birth_date": true, "home_address": true, "iban": true, "last_ip": true,
		"title": false, "name": false, "description": false, "chip": false, "tokenizer": false, "shipping": false, "streetwise": false, "email_sent_count": true,
	} {
		if got := looksPersonal(&model.Field{Name: name, Type: model.Text, Table: &model.Table{Name: "things"}}); got != want {
			t.Errorf("looksPersonal(%s) = %t", name, got)
		}
	}
	if looksPersonal(&model.Field{Name: "email", Type: model.Bool, Table: &model.Table{Name: "things"}}) {
		t.Error("a switch is no data of a person")
	}
	if !looksPersonal(&model.Field{Name: "name", Type: model.Text, Table: &model.Table{Name: "users"}}) {
		t.Error("the name of a user is data of a person")
	}
}
