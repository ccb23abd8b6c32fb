package cron

import (
	"strings"
	"testing"
)

func TestZone(t *testing.T) {
	for _, name := range strings.Fields(zoneNames) {
		if zone, err := Zone(name); err != nil || zone.String() != name {
			t.Errorf("Zone(%q) = %v, %v", name, zone, err)
		}
	}
}

func TestZoneRefuses(t *testing.T) {
	const advice = ": write a name such as Europe/Berlin, America/New_York or UTC"
	for _, tt := range []struct{ name, want string }{
		{"", ""},
		{"Local", ""},
		{"localtime", ""},
		{"+02:00", ""},
		{"../../etc/passwd", ""},
		{"Europe/../UTC", ""},
		{"Mars/Olympus", ""},
		{"Europe/Berln", "; did you mean Europe/Berlin?"},
		{"europe/berlin", "; did you mean Europe/Berlin?"},
		{"right/Europe/Berlin", "; did you mean Europe/Berlin?"},
		{"berlin", "; did you mean Europe/Berlin?"},
		{"utc", "; did you mean UTC?"},
	} {
		_, err := Zone(tt.name)
		want := `column 1: there is no time zone "` + tt.name + `"` + advice + tt.want
		if err == nil || err.Error() != want {
			t.Errorf("Zone(%q) fails with %v, want %s", tt.name, err, want)
		}
	}
}
