package arch

import "go/ast"

// bareGoroutines returns where the package starts a goroutine by itself: a panic there would end the process.
func bareGoroutines(p *pkg) []finding {
	var found []finding
	for _, f := range p.files {
		ast.Inspect(f.syntax, func(node ast.Node) bool {
			if statement, ok := node.(*ast.GoStmt); ok {
				found = append(found, finding{statement.Pos(), "a bare go statement: use background.Go, background.Async or background.Services, which recover a panic and report it"})
			}
			return true
		})
	}
	return found
}
