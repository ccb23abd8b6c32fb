package suggest

import "testing"

func TestFrom(t *testing.T) {
	names := []string{"title", "description", "status", "id", "n"}
	for _, tt := range []struct{ name, want string }{
		{"titel", "; did you mean title?"},
		{"descripton", "; did you mean description?"},
		{"state", "; did you mean status?"},
		{"ix", "; did you mean id?"},
		{"wholly_other", ""},
		{"", ""},
		{"new", ""},
		{"ab", ""},
	} {
		if got := From(tt.name, names); got != tt.want {
			t.Errorf("From(%q) = %q, want %q", tt.name, got, tt.want)
		}
	}
}
