package rule

import "testing"

// At a create the old row is missing. Any operation on it except == and != fails, and so does an expression around
// it.
func TestFoldWithoutOld(t *testing.T) {
	r := loadBlog(t)
	posts := r.Table(r.Model.Table("posts"))
	for _, tt := range []struct{ in, want string }{
		{"old == null", "true"},
		{"old.draft == null", "true"},
		{"has(old.draft)", "false"},
		{"!old.draft", "fail"},
		{"!(!old.draft)", "fail"},
		{"old.draft || true", "true"},
		{"old.draft && !old.draft", "fail"},
		{"-old.list == 1", "fail"},
		{"old.team.members.exists(m, true)", "fail"},
		{"size(old.team.members) == 0", "fail"},
		{"old.draft ? true : true", "fail"},
	} {
		node, _, problems := Compile(tt.in, Scope{Row: posts.Row, Old: posts.Old})
		if len(problems) > 0 {
			t.Fatalf("%s: %v", tt.in, problems)
		}
		var slots Slots
		if got := Format(Folder{NoOld: true}.Fold(slots.Extract(node))); got != tt.want {
			t.Errorf("%s at a create: %s, want %s", tt.in, got, tt.want)
		}
	}
}
