package cli

import (
	"net"
	"regexp"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/app"
)

// A server without operators shows people a link, once for as long as it works. A log for machines never holds it.
func TestFirstStartShowsALinkToPeople(t *testing.T) {
	dir := writeApp(t, "-- ashlar.yaml --\nashlar: 1\nname: notes\ntables: {notes: {fields: {text: {type: text}}, access: {read: true}}}\n")
	loaded, err := app.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.Open(t.Context(), loaded, app.Config{Data: app.DefaultData(dir)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	address := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080}
	link := regexp.MustCompile(`(?m)^http://127\.0\.0\.1:8080/console/begin#[A-Z2-7]{26}$`)
	for _, tt := range []struct {
		name, format string
		want         bool
	}{{"to machines", "json", false}, {"to people", "text", true}, {"to people again", "text", false}} {
		var said strings.Builder
		if err := newAnnouncer(&said, tt.format).console(t.Context(), a, urlOf(address)); err != nil {
			t.Fatal(err)
		}
		if got := link.MatchString(said.String()); got != tt.want || (!tt.want && said.Len() > 0) {
			t.Errorf("%s it said %q, a link is wanted: %t", tt.name, said.String(), tt.want)
		}
	}
}
