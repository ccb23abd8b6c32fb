package arch

import (
	"go/ast"
	"slices"
	"strings"
)

// dialHomes are the packages that may connect without package outbound: they speak no HTTP. Two of them look at a certificate.
var dialHomes = [...]string{"mail", "systemd", "takeover", "doctor", "telemetry/watch"}

// makers are what makes an HTTP client, or is one.
var makers = [...]string{"Client", "Transport", "DefaultClient", "DefaultTransport", "Get", "Head", "Post", "PostForm", "ProxyFromEnvironment"}

// ownClients finds HTTP clients and connections that package outbound did not make. Outbound checks whom a client may call.
func ownClients(p *pkg) []finding {
	name := p.internal()
	if name == "outbound" || isHelper(name) {
		return nil
	}
	var found []finding
	for _, file := range p.files {
		ast.Inspect(file.syntax, func(node ast.Node) bool {
			if literal, ok := node.(*ast.CompositeLit); ok {
				node = literal.Type // a literal makes one; a parameter of that type does not
			} else if selector, ok := node.(*ast.SelectorExpr); !ok || selector.Sel.Name == "Client" || selector.Sel.Name == "Transport" || selector.Sel.Name == "Dialer" {
				return true
			}
			from, what := selected(node)
			switch {
			case from == "http" && slices.Contains(makers[:], what):
				found = append(found, finding{node.Pos(), "http." + what + ": use a client of package outbound"})
			case (from == "net" || from == "tls") && strings.HasPrefix(what, "Dial") && !slices.Contains(dialHomes[:], name):
				found = append(found, finding{node.Pos(), from + "." + what + ": use a client of package outbound; what speaks no HTTP belongs into " + strings.Join(dialHomes[:], ", ")})
			}
			return true
		})
	}
	return found
}

// selected returns both names of an expression such as http.Client.
func selected(node ast.Node) (from, what string) {
	selector, ok := node.(*ast.SelectorExpr)
	if !ok {
		return "", ""
	}
	pkg, ok := selector.X.(*ast.Ident)
	if !ok {
		return "", ""
	}
	return pkg.Name, selector.Sel.Name
}
