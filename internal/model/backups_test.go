package model

import (
	"strings"
	"testing"
)

const (
	recipient = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
	identity  = "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33"
)

func TestCheckBackupTarget(t *testing.T) {
	for text, problem := range map[string]string{
		"/srv/backups": "",
		"s3://shop":    "",
		"s3://shop/a?endpoint=https://s3.example:9000&region=eu": "",
		"backups":                                   "from the root on",
		"https://shop.example/":                     "from the root on",
		"s3://ID:SECRET@shop":                       "holds a key",
		"s3://shop?secret_key=hello":                "holds a key",
		"s3://shop?endpoint=https://ID:SECRET@host": "holds a key",
		"s3://shop?zone=eu":                         "endpoint and region",
		"s3:///shop":                                "is written as",
	} {
		err := CheckBackupTarget(text)
		if (err == nil) != (problem == "") || (err != nil && !strings.Contains(err.Error(), problem)) {
			t.Errorf("CheckBackupTarget(%s) = %v, want %q", text, err, problem)
		}
		if err != nil && strings.Contains(err.Error(), "SECRET@") {
			t.Errorf("the message repeats a secret: %v", err)
		}
	}
}

func TestCheckRecipient(t *testing.T) {
	if err := CheckRecipient(recipient); err != nil {
		t.Error(err)
	}
	if err := CheckDrillKey(identity); err != nil {
		t.Error(err)
	}
	if err := CheckRecipient(identity); err == nil || !strings.Contains(err.Error(), "secret key") {
		t.Errorf("a secret key: %v", err)
	}
	if CheckDrillKey(recipient) == nil {
		t.Error("a public key is no key for drills")
	}
	for i := len("age1"); i < len(recipient); i++ { // the checksum finds each wrong letter
		letter := "q"
		if recipient[i] == 'q' {
			letter = "p"
		}
		if CheckRecipient(recipient[:i]+letter+recipient[i+1:]) == nil {
			t.Errorf("another letter at %d is not found", i)
		}
	}
}

func TestResolveBackups(t *testing.T) {
	m := &Model{Backups: DefaultBackups(), Lines: map[string][]string{}}
	m.Backups.To.Source, m.Backups.LockWith.Source = "$TO", "$LOCK"
	places := map[string]string{"TO": "/srv/backups", "LOCK": recipient}
	lookup := func(name string) (string, bool) {
		text, ok := places[name]
		return text, ok
	}
	got, faults := m.ResolveBackups(lookup, nil)
	if len(faults) > 0 || got.To.Value != "/srv/backups" || got.LockWith.Value != recipient || m.Backups.To.Value != "" {
		t.Errorf("ResolveBackups = %+v, %v", got, faults)
	}
	places["TO"] = "s3://ID:SECRET@shop"
	delete(places, "LOCK")
	if _, faults := m.ResolveBackups(lookup, nil); len(faults) != 2 || strings.Contains(faults.Error(), "SECRET@") {
		t.Errorf("faults: %v", faults)
	}
	if got, faults := (&Model{}).ResolveBackups(lookup, nil); got != nil || faults != nil {
		t.Errorf("a model without backups: %v, %v", got, faults)
	}
}

func TestBackupsInWords(t *testing.T) {
	backups := DefaultBackups()
	backups.To.Value = "/srv/backups"
	want := "every 1d to the target in the model file, not locked, with a drill every 7d; kept: all of a day, and the newest of 7 days, 4 weeks and 6 months"
	if got := backups.String(); got != want {
		t.Errorf("String = %s", got)
	}
	backups.To.Source, backups.LockWith.Source, backups.Drill = "$BACKUP_URL", "$AGE_RECIPIENT", 0
	if got := backups.String(); !strings.HasPrefix(got, "every 1d to $BACKUP_URL, locked with age, without drills; kept: ") {
		t.Errorf("String = %s", got)
	}
}
