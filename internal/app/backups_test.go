package app

import (
	"context"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/ashlar-dev/ashlar/internal/backup/schedule"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
)

const backedUp = `
-- ashlar.yaml --
ashlar: 1
name: shop
tables:
  orders:
    fields: {total: {type: int, index: true}}
    access: {read: true, create: true}
  notes: {fields: {text: {type: text}}}
backups: {to: $BACKUP_URL, KEYS}
operate: {slos: {backup: {restore_point: 25h}}}
-- seed/orders.json --
[{"total": 7}, {"total": 8}, {"total": 9}]
`

// keeping runs the schedule of an app until an attempt of a kind has ended, and returns the attempts, the newest first.
func keeping(t *testing.T, server *App, kind string) []schedule.Attempt {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.backups.Run(ctx) }()
	defer func() {
		cancel()
		<-ended
	}()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		all, err := server.backups.Attempts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(all, func(a schedule.Attempt) bool { return a.Kind == kind && a.State != "running" }) {
			return all
		}
		if time.Now().After(deadline) {
			t.Fatalf("no %s has ended: %+v", kind, all)
		}
	}
}

func TestTheServerBacksUpAndDrills(t *testing.T) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("AGE_KEY", identity.String())
	t.Setenv("AGE_RECIPIENT", identity.Recipient().String())
	for _, tt := range []struct {
		name, keys, found string
		postgres          bool
	}{
		{"open", "every: 1d", "a row of 3 tables read", false}, // users too
		{"PostgreSQL", "every: 1d", "a row of 3 tables read", true},
		{"locked", "lock_with: $AGE_RECIPIENT, drill_key: $AGE_KEY", "a row of 3 tables read", false},
		{"locked without a key", "lock_with: $AGE_RECIPIENT", "checksums of the parts only", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := Config{}
			if tt.postgres {
				if !pgtest.Available() {
					t.Skip("no PostgreSQL")
				}
				cfg.Database = pgtest.URL(t)
			}
			to := t.TempDir()
			t.Setenv("BACKUP_URL", to)
			dir := app(t, strings.Replace(backedUp, "KEYS", tt.keys, 1))
			server := opened(t, dir, cfg)
			all := keeping(t, server, schedule.KindDrill)
			if len(all) != 2 || all[1].State != "done" || all[0].State != "done" || !strings.Contains(all[0].Found, tt.found) || all[0].Backup != all[1].Backup {
				t.Fatalf("attempts: %+v", all)
			}
			if left, _ := filepath.Glob(filepath.Join(server.cfg.Data, scratchFolder, "*")); len(left) > 0 {
				t.Errorf("left in the scratch folder: %v", left)
			}
			server.Objectives.Evaluate()
			last := server.backups.Status().Of(schedule.KindBackup).LastOK
			if point := server.Objectives.Points()[0]; last.IsZero() || !point.Newest.Equal(last) || point.Missed {
				t.Errorf("the last backup began at %s, and the objective has %+v", last, point)
			}
			for _, family := range backupFamilies(server.Rules.Model, server.backups, time.Now) {
				if values := family.Values(); len(values) != 2 || len(values) > family.Most {
					t.Errorf("%s has %v", family.Name, values)
				}
			}
		})
	}
}

// TestTheServerBacksUpToABucket serves an app whose backups go to a server that speaks S3.
func TestTheServerBacksUpToABucket(t *testing.T) {
	objects := s3mem.New()
	if err := objects.CreateBucket("shop"); err != nil {
		t.Fatal(err)
	}
	bucket := httptest.NewServer(gofakes3.New(objects).Server())
	defer bucket.Close()
	t.Setenv("BACKUP_URL", "s3://shop/daily?endpoint="+bucket.URL)
	t.Setenv("AWS_ACCESS_KEY_ID", "id")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "very secret")
	server := opened(t, app(t, strings.Replace(backedUp, "KEYS", "every: 1d", 1)), Config{})
	start(t, server)
	eventually(t, "a backup and a drill of it", func() bool {
		one := server.backups.Status().Of(schedule.KindDrill)
		return one != nil && !one.LastOK.IsZero()
	})
	all, err := server.backups.Backups(t.Context())
	if err != nil || len(all) != 1 {
		t.Fatalf("the bucket has the backups %v, %v, want one", all, err)
	}
	name := "daily/" + all[0].ID + "/manifest.json"
	if object, err := objects.HeadObject("shop", name); err != nil || object.Size == 0 {
		t.Errorf("the object %s: %v, %v", name, object, err)
	}
}

// TestADrillFindsDamage changes a byte of the newest backup while the server runs. The next drill fails, and the timeline tells
// of it.
func TestADrillFindsDamage(t *testing.T) {
	to := t.TempDir()
	t.Setenv("BACKUP_URL", to)
	server, err := loadAndOpen(t.Context(), app(t, strings.Replace(backedUp, "KEYS", "every: 1d", 1)), Config{Telemetry: AutoTelemetry})
	if err != nil {
		t.Fatal(err)
	}
	start(t, server)
	eventually(t, "the first drill", func() bool {
		one := server.backups.Status().Of(schedule.KindDrill)
		return one != nil && !one.LastOK.IsZero()
	})
	parts, err := filepath.Glob(filepath.Join(to, "*", "*.part"))
	if err != nil || len(parts) == 0 {
		t.Fatal(parts, err)
	}
	data, err := os.ReadFile(parts[0])
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := errors.Join(os.Chmod(parts[0], 0o600), os.WriteFile(parts[0], data, 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := server.backups.RunNow(t.Context(), schedule.KindDrill); err != nil {
		t.Fatal(err)
	}
	eventually(t, "an alert in the timeline", func() bool {
		events, err := server.Archive.Events(t.Context(), time.Time{}, time.Now().Add(time.Hour), 100, archive.EventAlert)
		return err == nil && slices.ContainsFunc(events, func(e archive.Event) bool { return e.Details == "backups/drill" })
	})
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it did not happen: %s", what)
		}
	}
}

// TestABadTargetDoesNotStopTheServer has a target that is a file.
func TestABadTargetDoesNotStopTheServer(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("BACKUP_URL", file)
	lines := &log{}
	server := opened(t, app(t, strings.Replace(backedUp, "KEYS", "every: 1d", 1)), Config{Logger: lines.logger()})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.backups.Run(ctx) }()
	eventually(t, "the problem is told", func() bool { return server.backups.Status().Problem != "" })
	cancel()
	<-ended
	lines.mu.Lock()
	defer lines.mu.Unlock()
	if text := lines.text.String(); !strings.Contains(text, "scheduled backups do not start") || !strings.Contains(text, file) {
		t.Errorf("the log says %s", text)
	}
}

// What is wrong in the settings refuses the start, with line and caret.
func TestWrongBackupSettingsRefuseTheStart(t *testing.T) {
	t.Setenv("BACKUP_URL", "s3://ID:SECRET@shop")
	_, err := loadAndOpen(t.Context(), app(t, strings.Replace(backedUp, "KEYS", "every: 1d", 1)), Config{})
	if err == nil || !strings.Contains(err.Error(), "ashlar.yaml:8:15") || !strings.Contains(err.Error(), "holds a key") || strings.Contains(err.Error(), "SECRET@") {
		t.Errorf("Open = %v", err)
	}
}
