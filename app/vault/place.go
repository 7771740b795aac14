package vault

import "fmt"

// Place is where a sealed value is stored.
type Place string

// Secret is the place of a secret that the steps of a repository's pipelines use.
func Secret(repo int64, name string) Place {
	return Place(fmt.Sprintf("secret %d %q", repo, name))
}

// Credential is the place of a repository's account for a kind of source at a URL.
func Credential(repo int64, kind, url string) Place {
	return Place(fmt.Sprintf("credential %d %q %q", repo, kind, url))
}
