package limit

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// A restart resets no quota: neither one by address, nor one by caller or by key.
func TestQuotasSurviveARestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "limits")
	limits := &model.Limits{Rules: []model.Limit{
		rule1("address", model.PerAddress, per(100, 10*time.Second)),
		rule1("hosts", model.PerAddress, per(50, 24*time.Hour)),
		rule1("people", model.PerCaller, per(30, time.Hour), per(1000, time.Minute)),
		rule1("keys", model.PerKey, per(10, 30*24*time.Hour)),
	}}
	send := func(l *Limiter, n int, r Request) (passed int) {
		for range n {
			if sent := r; pass(l, time.Now(), &sent) {
				passed++
			}
		}
		return passed
	}
	anonymous := Request{Address: address(1)}
	ann := Request{Address: address(2), Client: user("ann")}
	withKey := Request{Address: address(3), Client: user("bob"), KeyID: "k"}

	first := New(limits, Config{File: file})
	for _, tt := range []struct {
		r       Request
		n, want int
	}{{anonymous, 20, 20}, {ann, 25, 25}, {withKey, 8, 8}} {
		if got := send(first, tt.n, tt.r); got != tt.want {
			t.Fatalf("%d passed before the restart, want %d", got, tt.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := first.Run(ctx); err != context.Canceled {
		t.Fatal(err)
	}

	second := New(limits, Config{File: file})
	for _, tt := range []struct {
		name string
		r    Request
		want int
	}{{"anonymous", anonymous, 10}, {"ann", ann, 5}, {"key", withKey, 2}, {"another", Request{Address: address(9)}, 30}} {
		if got := send(second, 60, tt.r); got != tt.want {
			t.Errorf("%s: %d passed after the restart, want %d", tt.name, got, tt.want)
		}
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info, err)
	}
}

// Time passes while the server is down. A clock that was set back meanwhile forgives nothing.
func TestRestoredQuotasFill(t *testing.T) {
	declared := rule1("address", model.PerAddress, per(24, 24*time.Hour))
	l := newLimiter(declared)
	for range 24 {
		pass(l, l.epoch, &Request{Address: address(1)})
	}
	state := l.encode(l.epoch)
	for down, want := range map[time.Duration]int{time.Second: 0, 5*time.Hour + time.Second: 5, 23*time.Hour + time.Second: 23, 100 * time.Hour: 24, -time.Hour: 0} {
		secret, err := secretOf(state)
		if err != nil {
			t.Fatal(err)
		}
		next := &Limiter{hash: secret, epoch: l.epoch, rules: []rule{newRule(declared, secret)}, early: 1, refusals: l.refusals}
		for i := range next.shards {
			next.shards[i].table = newTable(1 << 10)
		}
		now := l.epoch.Add(down)
		next.restore(state, now)
		passed := 0
		for range 50 {
			if pass(next, now, &Request{Address: address(1)}) {
				passed++
			}
		}
		if passed != want {
			t.Errorf("%d passed after %v, want %d", passed, down, want)
		}
	}
}

// A file that cannot be read must not keep the server from starting.
func TestDamagedFileOfQuotas(t *testing.T) {
	l := newLimiter(rule1("address", model.PerAddress, per(3, time.Hour)))
	pass(l, time.Now(), &Request{Address: address(1)})
	state := l.encode(time.Now())
	flipped := append([]byte{}, state...)
	flipped[len(flipped)/2] ^= 1
	for name, content := range map[string]string{"empty": "", "cut": string(state[:len(state)-9]), "flipped": string(flipped), "text": strings.Repeat("hello ", 100), "another version": "\x07" + string(state[1:])} {
		var log strings.Builder
		file := filepath.Join(t.TempDir(), "limits")
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		next := New(model.DefaultLimits(), Config{File: file, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if !strings.Contains(log.String(), "quotas begin anew") {
			t.Errorf("%s: log %q", name, &log)
		}
		if !pass(next, time.Now(), &Request{Address: address(1)}) {
			t.Errorf("%s: a request is refused", name)
		}
	}
}

// The default limits have short windows, so nothing is written for them.
func TestShortWindowsWriteNothing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "limits")
	l := New(model.DefaultLimits(), Config{File: file})
	pass(l, time.Now(), &Request{Address: address(1)})
	l.save()
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("there is a file: %v", err)
	}
}

func FuzzState(f *testing.F) {
	l := newLimiter(rule1("address", model.PerAddress, per(3, time.Hour)))
	pass(l, time.Now(), &Request{Address: address(1)})
	f.Add(l.encode(time.Now()))
	f.Add([]byte{stateFormat})
	f.Fuzz(func(t *testing.T, state []byte) {
		if _, err := secretOf(state); err == nil {
			newLimiter(rule1("address", model.PerAddress, per(3, time.Hour))).restore(state, time.Now())
		}
	})
}
