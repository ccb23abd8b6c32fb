package suggest

import (
	"strings"
	"testing"
)

func TestDidYouMean(t *testing.T) {
	names := []string{"title", "description", "status", "id", "n", "name", "precision"}
	for _, tt := range []struct{ name, want string }{
		{"titel", "; did you mean title?"},
		{"descripton", "; did you mean description?"},
		{"state", "; did you mean status?"},
		{"ix", "; did you mean id?"},
		{"nmae", "; did you mean name?"},
		{"percission", "; did you mean precision?"},
		{"wholly_other", ""},
		{"stale", ""},
		{"tilted", "; did you mean title?"},
		{"", ""},
		{"x", ""},
		{"new", ""},
		{"ab", ""},
		{"title" + strings.Repeat("e", 1<<20), ""},
	} {
		if got := DidYouMean(tt.name, names); got != tt.want {
			t.Errorf("DidYouMean(%.40q) = %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"abc", "abc", 0},
		{"abc", "", 3},
		{"abc", "abd", 1},
		{"abc", "acb", 1},
		{"abc", "bca", 2},
		{"ca", "abc", 3}, // the swap cannot be edited again
		{"kitten", "sitting", 3},
	} {
		if got := distance(tt.a, tt.b); got != tt.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
		if got := distance(tt.b, tt.a); got != tt.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tt.b, tt.a, got, tt.want)
		}
	}
}
