package postgres

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
)

func TestInspectAsksTheServer(t *testing.T) {
	address := pgtest.URL(t)
	got, err := Inspect(t.Context(), address, "")
	if err != nil {
		t.Fatal(err)
	}
	if got.Version == "" || got.Settings["max_connections"] == "" || got.Settings["fsync"] == "" || got.Role == "" || got.Used < 1 || got.Standby || got.Remote {
		t.Errorf("Inspect = %+v", got)
	}
	if got.Accuracy <= 0 || got.Offset.Abs() > got.Accuracy+time.Second {
		t.Errorf("the clock of the same machine is %v off (%v)", got.Offset, got.Accuracy)
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/ashlar_test_missing"
	q := u.Query()
	q.Set("password", "hushhushhush")
	u.RawQuery = q.Encode()
	if _, err := Inspect(t.Context(), u.String(), ""); err == nil || strings.Contains(err.Error(), "hushhushhush") {
		t.Errorf("Inspect of a missing database = %v", err)
	}
}
