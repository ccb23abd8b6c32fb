// Package axe embeds axe-core, which finds faults of accessibility on pages in a browser.
//
// axe.min.js is the file of the npm package axe-core 4.14.1, unchanged (MPL-2.0). Only tests use it.
package axe

import _ "embed"

// Source is the script. It defines the global axe.
//
//go:embed axe.min.js
var Source string
