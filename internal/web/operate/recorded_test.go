package operate_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/telemetry/profile"
	"github.com/ashlar-dev/ashlar/internal/web/operate"
)

func TestRecordedProfilesAreShownToOperators(t *testing.T) {
	recorder := profile.New(profile.Config{})
	srv := listener(t, operate.Config{Profile: recorder, Token: token})
	bearer := "Authorization: Bearer " + token
	if status, body := ask(t, srv, "/debug/profile/cpu", bearer); status != http.StatusNotFound {
		t.Errorf("without profiles = %d %s", status, body)
	}
	if err := recorder.StartCPUProfile(io.Discard); err != nil {
		t.Skip("the test itself is profiled")
	}
	if status, _ := ask(t, srv, "/debug/pprof/profile?seconds=0", bearer); status != http.StatusServiceUnavailable {
		t.Errorf("a second profile at once = %d, want 503", status)
	}
	recorder.StopCPUProfile()
	if status, body := ask(t, srv, "/debug/pprof/profile?seconds=0", bearer); status != http.StatusOK || len(body) == 0 {
		t.Errorf("a profile after another = %d with %d bytes", status, len(body))
	}

	at := func(d time.Duration) string { return url.QueryEscape(time.Now().Add(d).Format(time.RFC3339)) }
	for _, tt := range []struct {
		path, header string
		want         int
	}{
		{"/debug/profile/cpu", bearer, 200},
		{"/debug/profile/cpu?from=" + at(-time.Hour), bearer, 200},
		{"/debug/profile/cpu?to=" + at(-time.Hour), bearer, 404},
		{"/debug/profile/cpu?from=" + at(0) + "&to=" + at(-time.Hour), bearer, 400},
		{"/debug/profile/cpu?from=yesterday", bearer, 400},
		{"/debug/profile/cpu?to=1", bearer, 400},
		{"/debug/profile/usage", bearer, 200},
		{"/debug/profile/usage?from=x", bearer, 400},
		{"/debug/profile/cpu", "X-None: 1", 401},
		{"/debug/profile/usage", "X-None: 1", 401},
		{"/debug/profile/cpu", "Host: evil.example", 403},
	} {
		status, body := ask(t, srv, tt.path, tt.header)
		if status != tt.want {
			t.Errorf("GET %s with %s = %d %s, want %d", tt.path, tt.header, status, body, tt.want)
		}
		if status == 404 && !strings.Contains(body, "no profile of this time is kept") {
			t.Errorf("GET %s does not say what is not there: %s", tt.path, body)
		}
		if status == 200 && strings.Contains(tt.path, "/cpu") {
			if _, err := gzip.NewReader(strings.NewReader(body)); err != nil {
				t.Errorf("GET %s is no profile: %v", tt.path, err)
			}
		}
		if status == 200 && strings.Contains(tt.path, "/usage") && !strings.HasPrefix(body, `{"usage":[`) {
			t.Errorf("GET %s = %s", tt.path, body)
		}
	}

	if status, _ := ask(t, listener(t, operate.Config{}), "/debug/profile/cpu"); status != http.StatusNotFound {
		t.Errorf("without a recorder = %d, want 404", status)
	}
}
