package operation

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/telemetry/profile"
)

// A flame is a flame graph: a bar for each function, below the one that called it.
type flame struct {
	Height int
	Boxes  []flameBox
	Parts  []choice // from the root to the function that has the whole width
	Top    []flameFunction
	Left   int // bars that are too narrow
}

// A flameBox is one function.
type flameBox struct {
	X, Width string
	Y        int
	Name     string // without its path
	Title    string
	Class    string
	Path     string // shows the function in the whole width; "" for narrow ones
}

// A flameFunction is the sum of a function over all of its calls.
type flameFunction struct {
	Name     string
	Self     time.Duration
	Share    float64
	Included time.Duration // with what it called
}

// Bounds of a flame graph.
const (
	flameRow    = 20    // pixels
	flameDepth  = 64    // rows
	flameBoxes  = 2500  // bars
	flameLeast  = 0.002 // of the width, for a bar
	flameLink   = 0.015 // of the width, for a bar with a link and a name
	topListed   = 15
	framePrefix = "github.com/ashlar-dev/ashlar/"
)

// flame draws a tree.
func (v *profileView) flame(root *profile.Frame) *flame {
	f := &flame{Top: topOf(root)}
	shown, trail := root, ""
	f.Parts = append(f.Parts, choice{Title: "all", Path: v.path(v.filter, "")})
	for index := range strings.SplitSeq(v.at, ".") {
		i, err := strconv.Atoi(index)
		if err != nil || i < 0 || i >= len(shown.Children) {
			break
		}
		trail, shown = joined(trail, i), shown.Children[i]
		f.Parts = append(f.Parts, choice{Title: shortName(shown.Name), Path: v.path(v.filter, trail)})
	}
	f.Parts[len(f.Parts)-1].Current = true
	f.add(v, shown, trail, 0, 0, 1, float64(max(1, shown.CPU)))
	return f
}

// add adds a function and what it called. left is a share of the width.
func (f *flame) add(v *profileView, frame *profile.Frame, trail string, row int, left, width, whole float64) {
	if row >= flameDepth || len(f.Boxes) >= flameBoxes || width < flameLeast {
		f.Left++
		return
	}
	box := flameBox{X: percent(100 * left), Width: percent(100 * width), Y: row * flameRow, Class: classOf(frame.Name)}
	box.Name = shortName(frame.Name)
	box.Title = frame.Name + ": " + took(frame.CPU) + ", " + share(float64(frame.CPU)/whole)
	if width >= flameLink {
		box.Path = v.path(v.filter, trail)
	}
	f.Boxes = append(f.Boxes, box)
	f.Height = max(f.Height, (row+1)*flameRow)
	for i, child := range frame.Children {
		part := float64(child.CPU) / whole
		f.add(v, child, joined(trail, i), row+1, left, part, whole)
		left += part
	}
}

func joined(trail string, i int) string {
	if trail == "" {
		return strconv.Itoa(i)
	}
	return trail + "." + strconv.Itoa(i)
}

// shortName returns the name of a function without the path of its package.
func shortName(name string) string {
	path, _, _ := strings.Cut(name, "[") // a type parameter may hold a path
	return name[strings.LastIndexByte(path, '/')+1:]
}

// classOf returns whose code a function is.
func classOf(name string) string {
	first, _, hasPath := strings.Cut(name, "/")
	switch {
	case name == "all":
		return "f-all"
	case strings.HasPrefix(name, framePrefix):
		return "f-own"
	case strings.Contains(name, "sqlite") || strings.Contains(name, "pgx"):
		return "f-db"
	case hasPath && strings.Contains(first, "."):
		return "f-lib"
	}
	return "f-go"
}

// topOf returns the functions that most time was spent in.
func topOf(root *profile.Frame) []flameFunction {
	sums := map[string]*flameFunction{}
	for _, child := range root.Children { // the root is no function
		sumFunctions(sums, child, nil)
	}
	var list []flameFunction
	for _, f := range sums {
		f.Share = float64(f.Self) / float64(max(1, root.CPU))
		if f.Self > 0 {
			list = append(list, *f)
		}
	}
	slices.SortFunc(list, func(a, b flameFunction) int {
		return cmp.Or(cmp.Compare(b.Self, a.Self), strings.Compare(a.Name, b.Name))
	})
	return list[:min(len(list), topListed)]
}

// sumFunctions adds the time of a function. callers has those above, so that a function that calls itself counts once.
func sumFunctions(sums map[string]*flameFunction, frame *profile.Frame, callers []string) {
	f := sums[frame.Name]
	if f == nil {
		f = &flameFunction{Name: frame.Name}
		sums[frame.Name] = f
	}
	self := frame.CPU
	for _, child := range frame.Children {
		self -= child.CPU
	}
	f.Self += max(0, self)
	if !slices.Contains(callers, frame.Name) {
		f.Included += frame.CPU
	}
	callers = append(callers, frame.Name)
	for _, child := range frame.Children {
		sumFunctions(sums, child, callers)
	}
}

// sortBy sorts a list by a number, the largest first.
func sortBy[T any, N cmp.Ordered](list []T, of func(T) N) {
	slices.SortStableFunc(list, func(a, b T) int { return cmp.Compare(of(b), of(a)) })
}
