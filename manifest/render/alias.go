package render

import (
	"bytes"
	"errors"
	"io"

	"go.yaml.in/yaml/v3"
)

// maxNodes bounds what the aliases of a YAML file expand to.
const maxNodes = 1_000_000

var errAliases = errors.New("its YAML aliases expand to too much")

// checkAliases refuses YAML whose aliases multiply: kustomize copies what an alias
// stands for. What is no YAML passes.
func checkAliases(data []byte) error {
	if !bytes.ContainsRune(data, '&') || !bytes.ContainsRune(data, '*') {
		return nil
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var doc yaml.Node
		switch err := dec.Decode(&doc); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return nil //nolint:nilerr // Whoever needs YAML will say so.
		}
		if weigh(&doc, map[*yaml.Node]int{}) > maxNodes {
			return errAliases
		}
	}
}

// weigh counts the nodes that n expands to, or says that they are more than maxNodes.
func weigh(n *yaml.Node, known map[*yaml.Node]int) int {
	if w, ok := known[n]; ok {
		return w
	}
	known[n] = maxNodes + 1 // An alias inside of its own anchor never ends.
	w := 1
	if n.Kind == yaml.AliasNode {
		w += weigh(n.Alias, known)
	}
	for _, c := range n.Content {
		w = min(w+weigh(c, known), maxNodes+1)
	}
	known[n] = w
	return w
}
