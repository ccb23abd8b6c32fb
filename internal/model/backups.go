package model

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"
)

// Backups says when a server takes backups, where they go and how long they are kept. The loader has filled in every default.
type Backups struct {
	To       Setting // a folder from the root on, or s3://bucket/prefix
	Every    time.Duration
	Keep     Keep
	Drill    time.Duration // 0: never
	LockWith Setting       // recipient of age; not given: backups are not locked
	DrillKey Setting       // secret key of age, so that drills can unlock a backup; not given: they cannot
	Pos      Pos
}

// Keep says how many backups stay: the newest of each of the last days, weeks and months that have one.
type Keep struct{ Days, Weeks, Months int }

// DefaultBackups returns what a model that names only the target has.
func DefaultBackups() *Backups {
	return &Backups{Every: 24 * time.Hour, Keep: Keep{Days: 7, Weeks: 4, Months: 6}, Drill: 7 * 24 * time.Hour}
}

// String says in words when backups are taken, and how long they are kept. It names no address.
func (b *Backups) String() string {
	to := b.To.Source
	if to == "" {
		to = "the target in the model file"
	}
	drills := "without drills"
	if b.Drill > 0 {
		drills = "with a drill every " + FormatDuration(b.Drill)
	}
	locked := "not locked"
	if b.LockWith.Given() {
		locked = "locked with age"
	}
	return fmt.Sprintf("every %s to %s, %s, %s; kept: all of a day, and the newest of %d days, %d weeks and %d months",
		FormatDuration(b.Every), to, locked, drills, b.Keep.Days, b.Keep.Weeks, b.Keep.Months)
}

func (b *Backups) settings() []*Setting { return []*Setting{&b.To, &b.LockWith, &b.DrillKey} }

// ResolveBackups returns the key backups with the values of all settings, and a fault for each missing or wrong one. A model
// without backups has nil. See Resolve.
func (m *Model) ResolveBackups(lookup func(name string) (string, bool), readFile func(path string) ([]byte, error)) (*Backups, Faults) {
	if m.Backups == nil {
		return nil, nil
	}
	backups := *m.Backups
	var faults Faults
	for _, s := range []struct {
		name    string
		setting *Setting
		check   func(string) error
	}{
		{"to", &backups.To, CheckBackupTarget}, {"lock_with", &backups.LockWith, CheckRecipient}, {"drill_key", &backups.DrillKey, CheckDrillKey},
	} {
		if s.setting.Source == "" {
			continue
		}
		problem := s.setting.resolve(lookup, readFile)
		if problem == "" {
			if err := s.check(string(s.setting.Value)); err != nil {
				problem = s.name + " has a wrong value in " + s.setting.Source + ": " + err.Error()
			}
		}
		if problem != "" {
			faults = append(faults, m.Fault(s.setting.Pos, "%s", problem))
		}
	}
	return &backups, faults.Sort()
}

// CheckBackupTarget returns what is wrong with the address of a target. Messages do not repeat it, because it may hold a
// secret.
func CheckBackupTarget(text string) error {
	if filepath.IsAbs(text) {
		return nil
	}
	address, err := url.Parse(text)
	if err != nil || address.Scheme != "s3" || address.Opaque != "" {
		return errors.New("write a folder from the root on, such as /srv/backups, or a bucket, such as s3://bucket/shop")
	}
	if HasCredentials(text) {
		return errors.New("it holds a key: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY where the server starts, and remove the key from the address")
	}
	if address.Host == "" || address.Fragment != "" {
		return errors.New("a bucket is written as s3://bucket/shop?endpoint=https://host&region=eu-1")
	}
	for name := range address.Query() {
		if name != "endpoint" && name != "region" {
			return fmt.Errorf("%q is no parameter of a bucket: it has endpoint and region", name)
		}
	}
	return nil
}

// HasCredentials reports whether an address of a target holds a key.
func HasCredentials(text string) bool {
	address, err := url.Parse(text)
	if err != nil {
		return strings.Contains(text, "@")
	}
	if address.User != nil {
		return true
	}
	for name := range address.Query() {
		lower := strings.ToLower(name)
		if strings.Contains(lower, "key") || strings.Contains(lower, "secret") || strings.Contains(lower, "token") {
			return true
		}
	}
	inner, err := url.Parse(address.Query().Get("endpoint"))
	return err == nil && inner.User != nil
}

const (
	bech32Letters    = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
	recipientPrefix  = "age"
	identityPrefix   = "age-secret-key-"
	bech32Characters = 52 + 6 // 32 bytes and the checksum
)

// CheckRecipient returns what is wrong with a public key of age.
func CheckRecipient(text string) error {
	lower := strings.ToLower(text)
	switch {
	case strings.HasPrefix(lower, identityPrefix):
		return errors.New("this is a secret key: write the public one, which begins with age1. Keep the secret one away from this machine")
	case !isBech32(text, recipientPrefix):
		return errors.New("it is no public key of age: write one as age-keygen prints it, which begins with age1")
	}
	return nil
}

// CheckDrillKey returns what is wrong with a secret key of age. Messages never repeat it.
func CheckDrillKey(text string) error {
	if !isBech32(strings.ToLower(text), identityPrefix) {
		return errors.New("it is no secret key of age: one begins with AGE-SECRET-KEY-1, as age-keygen writes it")
	}
	return nil
}

// isBech32 reports whether a text is 32 bytes in Bech32 with that prefix, and its checksum is right (BIP 173).
func isBech32(text, prefix string) bool {
	data, ok := strings.CutPrefix(text, prefix+"1")
	if !ok || len(data) != bech32Characters {
		return false
	}
	sum := 1
	for i := range len(prefix) {
		sum = bech32Step(sum, int(prefix[i]>>5))
	}
	sum = bech32Step(sum, 0)
	for i := range len(prefix) {
		sum = bech32Step(sum, int(prefix[i]&31))
	}
	for i := range len(data) {
		value := strings.IndexByte(bech32Letters, data[i])
		if value < 0 {
			return false
		}
		sum = bech32Step(sum, value)
	}
	return sum == 1
}

func bech32Step(sum, value int) int {
	top := sum >> 25
	sum = (sum&0x1ffffff)<<5 ^ value
	for i, generator := range [...]int{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3} {
		if top>>i&1 == 1 {
			sum ^= generator
		}
	}
	return sum
}
