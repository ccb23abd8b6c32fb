package arch

import "go/ast"

// bareGoroutines finds the go statements of a package. A panic in such a goroutine would end the process.
func bareGoroutines(p *pkg) []finding {
	var found []finding
	for _, file := range p.files {
		ast.Inspect(file.syntax, func(node ast.Node) bool {
			if statement, ok := node.(*ast.GoStmt); ok {
				found = append(found, finding{statement.Pos(), "a bare go statement: use background.Go, background.Async or background.Services, which recover a panic and report it"})
			}
			return true
		})
	}
	return found
}
