package rule_test

import (
	"fmt"

	"github.com/ashlar-dev/ashlar/internal/model/load"
	"github.com/ashlar-dev/ashlar/internal/rule"
)

func Example() {
	m, faults := load.Files(map[string][]byte{"ashlar.yaml": []byte(`
ashlar: 1
name: blog
roles: [editor]
tables:
  posts:
    fields:
      draft: {type: bool}
      stars: {type: int}
    access:
      read: "!draft || 'editor' in auth.roles"
`)})
	fmt.Println("faults of the model:", len(faults))
	rules, faults := rule.CompileModel(m)
	fmt.Println("faults of its expressions:", len(faults))

	posts := m.Table("posts")
	fmt.Println(rule.Format(rules.Table(posts).Read))
	filter, _, _ := rules.Filter(posts, "stars > 2 && !draft")
	fmt.Println(rule.Format(filter))
	_, _, problems := rules.Filter(posts, "star > 2")
	fmt.Println(problems[0].Message)
	// Output:
	// faults of the model: 0
	// faults of its expressions: 0
	// (!draft || ("editor" in auth.roles))
	// ((stars > 2) && !draft)
	// posts has no field star; did you mean stars?
}
