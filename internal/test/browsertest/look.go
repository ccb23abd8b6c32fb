package browsertest

import (
	"encoding/json"
	"fmt"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/ashlar-dev/ashlar/internal/test/axe"
)

// Look checks the page in windows of some widths: nothing is wider than the window, and axe-core finds no violation. It checks
// the first width in dark too. The last width stays. Look keeps pictures for people under the name.
func (b *Tab) Look(name string, widths ...int64) {
	b.Helper()
	for i, width := range widths {
		b.Size(width, 900)
		b.look(fmt.Sprintf("%s-%d", name, width), width, i == 0)
	}
}

// look checks the page in the window as it is. In dark only the contrast is another.
func (b *Tab) look(name string, width int64, inDark bool) {
	b.Helper()
	// A telephone shows a page that is too wide smaller, and then calls its window as wide as the page.
	var wide int64
	b.Run(chromedp.Evaluate(`document.documentElement.scrollWidth`, &wide))
	if wide > width {
		b.Errorf("%s is wider than its window: %d of %d px", name, wide, width)
	}
	for _, each := range []struct{ scheme, rules string }{{"light", "null"}, {"dark", "['color-contrast']"}} {
		if each.scheme == "dark" && !inDark && !b.keeps() {
			continue
		}
		b.Run(emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: each.scheme}}))
		for _, violation := range b.violations(each.rules) {
			b.Errorf("%s in %s: %s", name, each.scheme, violation)
		}
		b.Keep(name + "-" + each.scheme)
	}
}

// Violations returns what axe-core finds on the page.
func (b *Tab) Violations() []string {
	b.Helper()
	return b.violations("null")
}

// violations runs rules of axe-core, all of them if rules is null.
func (b *Tab) violations(rules string) []string {
	b.Helper()
	const script = `axe.run({resultTypes: ['violations'], runOnly: %s ?? undefined}).then(r => JSON.stringify(r.violations.map(v =>
		v.impact + ' ' + v.id + ': ' + v.help + ' ' + v.nodes.map(n => n.html.slice(0, 200) + ' ' + (n.any[0]?.message ?? '')).join(' | '))))`
	known := false
	b.Run(chromedp.Evaluate(`!!window.axe`, &known))
	if !known { // the script has 600 kB
		b.Run(chromedp.Evaluate(axe.Source+"\n;0", nil))
	}
	var found []string
	if err := json.Unmarshal([]byte(b.Await(fmt.Sprintf(script, rules))), &found); err != nil {
		b.Fatal(err)
	}
	return found
}
